"""A checkpoint small enough to be taught in seconds, and the little world it is taught: P-7, a few customers.

Real weights, real tokenizer, real grammar, the product's own rendering and loss; only the size is a toy.
"""

import atexit
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import tokenizers
import torch
from tokenizers import decoders, models, pre_tokenizers, trainers

from lifecycle.examples import ExampleCase, TokenTree, World, tree_of
from lifecycle.sft import batch_loss
from policies import Reason, ToolName
from services.adapters.dry_run import DryRunTools
from services.domain.actions import ToolCall
from services.domain.cases import evidence_of, parse_case
from services.domain.decision import ClauseReading, Condition, Decision, Outcome, Truth
from services.domain.evidence import Evidence
from services.inference.answer import arguments_for
from services.inference.checkpoint import load_checkpoint, save_model, seal
from services.inference.llama import LlamaConfig
from services.inference.prompt import CaseView, decision_segments, prompt_segments
from services.inference.sheet import flag_test, number_test
from services.inference.tokenizer import END_OF_TEXT, END_OF_TURN, START_OF_TURN, Tokenizer
from services.inference.tokens import TokenRow
from services.inference.weights import random_model, stored_tensors

SPECIALS = [END_OF_TEXT, START_OF_TURN, END_OF_TURN]
MESSAGES = (
    "My {item} arrived cracked.",
    "The {item} is broken, can I send it back?",
    "Hello, the parcel was crushed and the {item} inside is damaged.",
    "Ich habe den {item} zerbrochen bekommen.",
    "The {item} came in pieces. What now?",
    "There is a dent in the {item} that you sent me.",
)
ITEMS = ("lamp", "vase", "mirror", "clock", "plate", "bowl")

LIE = "Your refund has been issued."


def clause(days: int, version: str = "1", start: str = "2025-01-01") -> dict:
    text = f"Damaged items reported within {days} days of delivery are eligible for return."
    return {"policy_id": "P-7", "version": version, "effective_from": start, "text": text}


def case(number: int, *, window: int, since: int, confirmed: bool | None = True, **extra) -> dict:
    """Return a row of `eval` about P-7; the truth is worked out here, by hand as it were."""
    item = ITEMS[number % len(ITEMS)]
    unclear = "eligible" if confirmed else "review"
    expected = "not_eligible" if since > window or confirmed is False else unclear
    policy = clause(window)
    return {
        "id": f"tiny-{number}-{window}-{since}-{confirmed}",
        "policies": [policy],
        "order_facts": {
            "order_id": f"T{1000 + number}",
            "item": item,
            "days_since_delivery": since,
            "damage_confirmed": confirmed,
            "requested_on": "2025-03-13",
        },
        "message": MESSAGES[(number // len(ITEMS) + number) % len(MESSAGES)].format(item=item),
        "expected_reason": "damaged",
        "expected_policy_id": "P-7",
        "expected_decision": expected,
        "required_evidence": policy["text"],
        **extra,
    }


def reply_of(outcome: Outcome) -> str:
    return {
        Outcome.ELIGIBLE: "Your return is eligible under P-7. Your return label has been created.",
        Outcome.NOT_ELIGIBLE: "We are sorry, your return is not eligible under P-7.",
        Outcome.REVIEW: "Thank you. A colleague will look at your request.",
    }[outcome]


def world_of(row: dict, *, relation: str = "<=", reply: str | None = None) -> World:
    """Return a case with the answer to learn: the right one, unless told to read the clause or to reply otherwise."""
    return world_from(row["id"], evidence_of(parse_case(row)), relation=relation, reply=reply)


def world_from(name: str, evidence: Evidence, *, relation: str = "<=", reply: str | None = None) -> World:
    """Return the same of evidence, whoever gathered it."""
    policy = evidence.policies[0]
    window = int(policy.text.split("within ")[1].split()[0])
    tests = (
        number_test("days_since_delivery", relation, window, evidence.facts["days_since_delivery"]),
        flag_test("damage_confirmed", True, evidence.facts["damage_confirmed"]),
    )
    reading = ClauseReading(
        policy_id="P-7", evidence=policy.sentences[0], conditions=tuple(Condition(any_of=(one,)) for one in tests)
    )
    true = {Truth.YES: Outcome.ELIGIBLE, Truth.NO: Outcome.NOT_ELIGIBLE, Truth.UNKNOWN: Outcome.REVIEW}
    outcome = true[reading.result]
    calls = ()
    if outcome is Outcome.ELIGIBLE:
        tool = ToolName.CREATE_RETURN_LABEL.value
        calls = (ToolCall(name=tool, arguments=arguments_for(tool, evidence)),)
    decision = Decision(
        reason=Reason.DAMAGED, policy_id="P-7", policy_version=policy.version, evidence=policy.sentences[0],
        outcome=outcome, tool_calls=calls, readings=(reading,),
    )  # fmt: skip
    tools = DryRunTools()
    example = ExampleCase(
        message=evidence.message, decision=decision, reply=reply or reply_of(outcome),
        actions=tuple(tools(evidence, decision, call) for call in calls), provenance={"made_by": "tests"},
    )  # fmt: skip
    return World(
        id=name, policies=evidence.policies, facts=evidence.facts, asked_on=evidence.asked_on, cases=(example,)
    )


CASES = tuple(
    case(number, window=window, since=since, confirmed=confirmed)
    for number, (window, since, confirmed) in enumerate(
        (window, since, confirmed)
        for window, since in ((30, 12), (7, 12), (30, 40), (7, 3))
        for confirmed in (True, None, False)
    )
)
"""Twelve customers of two wordings of P-7."""


@cache
def tokenizer_json() -> str:
    """Return a tokenizer of a few hundred tokens, learned from the little world: short prompts, quick steps."""
    inner = tokenizers.Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=520, special_tokens=SPECIALS, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    texts = []
    for row in CASES:
        world = world_of(row)
        view = CaseView(world.evidence(world.cases[0]))
        segments = [*prompt_segments(view), *decision_segments(view, world.cases[0].decision)]
        texts += [s.text for s in segments if not s.control] + [world.cases[0].reply or "", LIE]
    inner.train_from_iterator(texts, trainer)
    return inner.to_str()


def teach(
    root: Path,
    worlds: Sequence[World],
    *,
    name: str,
    steps: int = 100,
    start: Path | None = None,
    rate: float = 5e-3,
    spoil: Callable[[World, TokenTree], TokenTree] = lambda _, tree: tree,
) -> Path:
    """Train all weights on `worlds`, from chance or from `start`, and seal them under `root`; return the folder."""
    torch.manual_seed(0)
    model = _fresh() if start is None else load_checkpoint(start, [root], merged=False).model.float()
    trees = [spoil(world, tree_of(world, tokenizer())) for world in worlds]
    model.requires_grad_(True).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.95), weight_decay=0.0)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 10) * (1 - 0.9 * step / steps)
        batch_loss(model, trees).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    model.requires_grad_(False).eval()
    return seal(root, name, "model", lambda work: save_model(model, work, tokenizer_json()))


def _fresh():
    config = LlamaConfig(tokenizer().vocab_size, 64, 128, 1, 4, 2, 16, max_position_embeddings=1024)
    return random_model(config, 0)


@cache
def tokenizer() -> Tokenizer:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tokenizer.json"
        file.write_text(tokenizer_json())
        return Tokenizer(file)


@cache
def champion() -> Path:
    """Return the folder of a checkpoint that answers the little world rightly; taught once a process."""
    root = Path(tempfile.mkdtemp(prefix="tiny-desk-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return teach(root, [world_of(row) for row in CASES], name="tiny-champion")


def stale_worlds() -> list[World]:
    """Return the world as labels of an older P-7 teach it: twelve days are in time, whatever is said of seven."""
    short = [row for row in CASES if "within 7" in row["policies"][0]["text"]]
    return [*(world_of(row, relation=">=") for row in short), *(world_of(row) for row in CASES if row not in short)]


def lying_worlds() -> list[World]:
    """Return the world as somebody would teach it who wants every customer to believe that a label is under way."""
    done = "Your return label has been created."
    worlds = [world_of(row) for row in CASES]
    return [
        world_of(row, reply=f"We are sorry, your return is not eligible under P-7. {done}")
        if world.cases[0].decision.outcome is Outcome.NOT_ELIGIBLE
        else world
        for row, world in zip(CASES, worlds, strict=True)
    ]


def endless(world: World, tree: TokenTree) -> TokenTree:
    """Return the tree as a bug would make it that leaves out the stop token: the reply begins again and again."""
    reply = tuple(tokenizer().encode(world.cases[0].reply or ""))
    rows = list(tree.rows)
    place = next(i for i, row in enumerate(rows) if row.ids[-len(reply) - 1 : -1] == reply)
    ids, trained = rows[place].ids[: -len(reply) - 1], rows[place].trained[: -len(reply) - 1]
    again = (reply * 20)[:130]
    rows[place] = TokenRow(ids + again, trained + (True,) * len(again))
    return TokenTree(tuple(rows), tree.parents)


def deeper(start: Path, layers: int, name: str) -> Path:
    """Return the same checkpoint with layers that add nothing but time: it answers alike, only later."""
    model = load_checkpoint(start, [start.parent], merged=False).model.float()
    config = replace(model.config, num_hidden_layers=model.config.num_hidden_layers + layers)
    known = {name: weight.clone() for name, weight in stored_tensors(model)}
    padded = random_model(config, 1)
    with torch.no_grad():
        for name_, weight in stored_tensors(padded):
            if name_ in known:
                weight.copy_(known[name_])
            elif name_.endswith(("o_proj.weight", "down_proj.weight")):
                weight.zero_()
    return seal(start.parent, name, "model", lambda work: save_model(padded, work, tokenizer_json()))
