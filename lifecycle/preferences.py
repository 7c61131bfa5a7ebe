"""Preference pairs: one good answer beside one that is wrong in a known way. Training on them is `dpo`'s.

Each pair says what is wrong with its rejected side. The good replies pass the verifier, the invented actions are
blocked by it: a pair for which that does not hold is not made, and `audit` proves it again on the file.
"""

import json
import random
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from lifecycle.examples import DataError, ExampleCase, TokenTree, World
from lifecycle.seed import bank
from services.domain.decision import Decision, Outcome
from services.domain.reading import LexicalClaimReader
from services.domain.verdict import Verdict
from services.domain.verify import verify_reply
from services.inference.prompt import (
    CaseView,
    decision_segments,
    message_segments,
    prompt_segments,
    reply_prompt_segments,
    reply_segments,
)
from services.inference.tokenizer import Tokenizer
from services.inference.tokens import tokenize

Fault = Literal[
    "invented_action", "wrong_clause", "false_quote", "promise", "rude", "wrong_outcome", "other_clause", "reviewer"
]
"""What is wrong with the rejected side; `reviewer`: a person preferred the other one, and no check says why."""

_QUOTES = (
    ' Our policy says: "Every article may be returned at any time, no questions asked."',
    ' As the clause puts it: "Customers always receive double the price."',
    ' It is written there: "Used goods are taken back for one year."',
)
_PROMISES = (
    " You will have your money by tomorrow, I guarantee it.",
    " I promise that this will never happen to you again.",
    " We will surely make an exception next time.",
)
_RUDE = (
    "You should have read the rules before you bothered us. ",
    "Honestly, this is your own fault. ",
    "Do not waste our time with this again. ",
)


class PreferencePair(BaseModel):
    """One case with two answers: replies after the recorded actions, or decisions where `rejected_decision` is set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    fault: Fault
    world: World
    """A world of one case, which holds the decision, the actions and the chosen reply."""
    rejected_reply: str | None = None
    rejected_decision: Decision | None = None
    provenance: Mapping[str, Any] = {}

    @property
    def case(self) -> ExampleCase:
        return self.world.cases[0]


def seed_pairs(worlds: Iterable[World], seed: int) -> Iterator[PreferencePair]:
    """Yield pairs for every case: one reply pair of each fault that fits, and one decision pair."""
    rng = random.Random(seed)
    reader = LexicalClaimReader()
    for world in worlds:
        for number, case in enumerate(world.cases):
            single = world.model_copy(update={"id": f"{world.id}-{number}", "cases": (case,)})
            provenance = {"world": world.id, "case": number, "seed": seed, **case.provenance}
            if case.reply is not None and passes(case, case.reply, reader):
                fault, text = rng.choice(_reply_faults(single, case, rng, reader))
                yield _pair(single, fault, provenance, rejected_reply=text)
            elif case.reply is None:
                fault, decision = _decision_fault(single, case, rng)
                yield _pair(single, fault, provenance, rejected_decision=decision)


def passes(case: ExampleCase, reply: str, reader: LexicalClaimReader) -> bool:
    """Tell whether the verifier lets this reply out after the case's recorded actions."""
    return verify_reply(reply, case.actions, reader).verdict is Verdict.PASS


def pair_tree(pair: PreferencePair, tokenizer: Tokenizer) -> TokenTree:
    """Return three rows: the shared prompt, and after it the chosen and the rejected answer."""
    case, view = pair.case, CaseView(pair.world.evidence(pair.case))
    answer = decision_segments(view, case.decision, conflict=case.conflict)
    if pair.rejected_decision is not None:
        shared, start = prompt_segments(view), message_segments(view)[-1:]
        bad = decision_segments(view, pair.rejected_decision, conflict=case.conflict)
        sides = [answer, bad]
    else:
        record = reply_prompt_segments(case.actions)
        shared = [*prompt_segments(view), *(s._replace(trained=False) for s in answer), *record]
        start = record[-1:]
        sides = [reply_segments(case.reply or ""), reply_segments(pair.rejected_reply or "")]
    # The last control segment opens each answer's own row: a row's first token is predicted by nobody.
    rows = [tokenize(tokenizer, shared[:-1])] + [tokenize(tokenizer, [*start, *side]) for side in sides]
    return TokenTree(tuple(rows), (None, 0, 0))


def write_pairs(path: Path, pairs: Iterable[PreferencePair]) -> int:
    """Write one pair a line; return how many."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for pair in pairs:
            file.write(pair.model_dump_json(exclude_defaults=True) + "\n")
            count += 1
    return count


def read_pairs(path: Path) -> Iterator[PreferencePair]:
    """Yield the pairs of a file. Raises DataError naming line and field."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                try:
                    yield PreferencePair.model_validate(json.loads(line))
                except (ValidationError, ValueError) as error:
                    raise DataError(f"{path.name} line {number}: {' '.join(str(error).split())[:200]}") from error


def _pair(world: World, fault: Fault, provenance: Mapping[str, Any], **rejected: Any) -> PreferencePair:
    return PreferencePair(id=f"{world.id}-{fault}", fault=fault, world=world, provenance=provenance, **rejected)


def _reply_faults(
    world: World, case: ExampleCase, rng: random.Random, reader: LexicalClaimReader
) -> list[tuple[Fault, str]]:
    reply = case.reply or ""
    faults: list[tuple[Fault, str]] = [
        ("false_quote", reply + rng.choice(_QUOTES)),
        ("promise", reply + rng.choice(_PROMISES)),
        ("rude", rng.choice(_RUDE) + reply),
    ]
    cited = case.decision.policy_id
    others = [p.policy_id for p in world.policies if p.policy_id != cited] or ["P-99"]
    if cited and cited in reply:
        faults.append(("wrong_clause", reply.replace(cited, rng.choice(others))))
    invented = _invented(world, case, rng, reader)
    # What the verifier exists to stop is half of the pairs.
    return faults + [("invented_action", invented)] * len(faults) if invented else faults


def _invented(world: World, case: ExampleCase, rng: random.Random, reader: LexicalClaimReader) -> str | None:
    """Return a reply that claims an action which is not in the record and that the verifier blocks, or None."""
    done = {action.name for action in case.actions}
    pool = [r for r in bank.replies() if r.action not in done | {"none"} and r.lang == "en"]
    facts = world.facts
    slots = {
        "{item}": facts.item or "item",
        "{policy}": case.decision.policy_id or "our policy",
        "{order}": facts.order_id or "",
        "{amount}": f"{(facts.price_cents or 0) / 100:.2f} {facts.currency or 'EUR'}",
    }
    for template in rng.sample(pool, min(4, len(pool))):
        text = template.text
        for slot, value in slots.items():
            text = text.replace(slot, value)
        if verify_reply(text, case.actions, reader).verdict is Verdict.BLOCK:
            return text
    return None


def _decision_fault(world: World, case: ExampleCase, rng: random.Random) -> tuple[Fault, Decision]:
    """Return the decision with another outcome, or resting on another clause."""
    right = case.decision
    others = [p for p in world.policies[:8] if p.policy_id not in {r.policy_id for r in right.readings}]
    if right.readings and others and rng.random() < 0.4:
        policy = rng.choice(others)
        reading = right.readings[0].model_copy(update={"policy_id": policy.policy_id, "evidence": policy.sentences[0]})
        wrong = {
            "policy_id": policy.policy_id, "policy_version": policy.version, "evidence": reading.evidence,
            "readings": (reading,), "tool_calls": (),
        }  # fmt: skip
        return "other_clause", right.model_copy(update=wrong)
    if right.policy_id is None:
        policy = rng.choice(world.policies)
        wrong = {"policy_id": policy.policy_id, "policy_version": policy.version, "outcome": Outcome.ELIGIBLE}
        return "wrong_outcome", right.model_copy(update=wrong)
    outcome = rng.choice([o for o in Outcome if o is not right.outcome])
    return "wrong_outcome", right.model_copy(update={"outcome": outcome, "tool_calls": ()})
