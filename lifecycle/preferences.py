"""Preference pairs: one good answer beside one that is wrong in a known way. Training on them is `dpo`'s.

Each pair says what is wrong with its rejected side. The good replies pass the verifier, the invented actions are
blocked by it: a pair for which that does not hold is not made, and `audit` proves it again on the file.
"""

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from lifecycle.decision_faults import wrong_decisions
from lifecycle.examples import DataError, ExampleCase, TokenTree, World
from lifecycle.faults import ReplyFaults, shown_faults
from services.domain.decision import Decision
from services.domain.reading import LexicalClaimReader
from services.domain.verdict import Verdict
from services.domain.verify import verify_reply
from services.inference.prompt import (
    CaseView,
    Segment,
    choice_segments,
    decision_segments,
    prompt_segments,
    reply_prompt_segments,
    reply_segments,
)
from services.inference.sheet import sheet_facts, sheet_prompt, sheet_segments, tool_of
from services.inference.tokenizer import Tokenizer
from services.inference.tokens import tokenize

Fault = Literal[
    "invented_action", "wrong_clause", "stale_clause", "false_quote", "promise", "rude",
    "wrong_approval", "wrong_outcome", "wrong_evidence", "other_clause", "wrong_reason", "reviewer",
]  # fmt: skip
"""What is wrong with a rejected reply (the first row) or decision; `reviewer`: a person says so, no check says why."""
REPLY = frozenset({"invented_action", "wrong_clause", "stale_clause", "false_quote", "promise", "rude"})
DECISION = frozenset({"wrong_approval", "wrong_outcome", "wrong_evidence", "other_clause", "wrong_reason"})


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
    """Where the pair comes from: the world's seed and templates, a label, or the checkpoint that said it."""

    @property
    def case(self) -> ExampleCase:
        return self.world.cases[0]


def seed_pairs(worlds: Iterable[World], seed: int) -> Iterator[PreferencePair]:
    """Yield for every case a decision pair, and a reply pair where it has a good reply; faults take turns.

    Half of the reply pairs invent an action, since that is what the verifier exists to stop; where a decision can be
    got dangerously wrong (an approval that is none), every second pair is that.
    """
    rng = random.Random(seed)
    reader = LexicalClaimReader()
    used: Counter[str] = Counter()
    seen: set[tuple[str, str]] = set()
    for world in worlds:
        for number, case in enumerate(world.cases):
            single = world.model_copy(update={"id": f"{world.id}-{number}", "cases": (case,), "sheets": ()})
            provenance = {"world": world.id, "case": number, "seed": seed, "made": "composed", **case.provenance}
            if wrong := wrong_decisions(single, case, rng):
                fault, decision = _rarest(wrong, used, "wrong_approval")
                bare = case.model_copy(update={"reply": None, "actions": ()})
                alone = single.model_copy(update={"cases": (bare,)})
                pair = _pair(alone, fault, provenance, rejected_decision=decision)
                told = single.evidence(case).digest, decision.model_dump_json()
                if told not in seen and differs(pair):
                    seen.add(told)
                    yield pair
            if case.reply is not None and passes(case, case.reply, reader):
                texts = list(ReplyFaults(single, case, rng, reader).all())
                if texts and not shown_faults(single, case, case.reply, reader):
                    fault, text = _rarest(texts, used, "invented_action")
                    yield _pair(single, fault, provenance, rejected_reply=text)


T = TypeVar("T")


def _rarest(found: Sequence[tuple[str, T]], used: Counter[str], first: str) -> tuple[str, T]:
    """Take the fault used least so far; the one that matters most may be used as often as all others together."""
    kin = REPLY if first in REPLY else DECISION
    others = sum(count for fault, count in used.items() if fault in kin and fault != first)
    faults = sorted({fault for fault, _ in found}, key=lambda fault: (used[fault], fault))
    chosen = first if first in faults and used[first] <= others else faults[0]
    used[chosen] += 1
    return next(pair for pair in found if pair[0] == chosen)


def passes(case: ExampleCase, reply: str, reader: LexicalClaimReader) -> bool:
    """Tell whether the verifier lets this reply out after the case's recorded actions."""
    return verify_reply(reply, case.actions, reader).verdict is Verdict.PASS


def pair_tree(pair: PreferencePair, tokenizer: Tokenizer) -> TokenTree:
    """Return three rows: the shared prompt, and after it the chosen and the rejected answer.

    A decision takes several answers (`examples.tree_of`); the pair is about the first in which the two differ. Raises
    DataError where they differ in nothing that the checkpoint writes, or quote what no clause holds.
    """
    case, view = pair.case, CaseView(pair.world.evidence(pair.case))
    if pair.rejected_decision is not None:
        try:
            shared, sides = _decision_sides(pair, view, pair.rejected_decision)
        except (KeyError, StopIteration) as error:
            raise DataError(f"pair {pair.id}: a decision rests on what is in no clause: {error}") from error
    else:
        answer = decision_segments(view, case.decision, conflict=case.conflict)
        scratch = [s._replace(trained=False) for s in answer]
        shared = [*prompt_segments(view), *scratch, *reply_prompt_segments(case.actions, pair.world.facts.order_id)]
        sides = [reply_segments(case.reply or ""), reply_segments(pair.rejected_reply or "")]
    # The last control segment opens each answer's own row: a row's first token is predicted by nobody.
    rows = [tokenize(tokenizer, shared[:-1])] + [tokenize(tokenizer, [shared[-1], *side]) for side in sides]
    return TokenTree(tuple(rows), (None, 0, 0))


def _decision_sides(
    pair: PreferencePair, view: CaseView, rejected: Decision
) -> tuple[list[Segment], list[list[Segment]]]:
    right = pair.case.decision
    choices = [choice_segments(view, right), choice_segments(view, rejected)]
    if choices[0] != choices[1]:
        return prompt_segments(view), choices
    for good, bad in zip(right.readings, rejected.readings, strict=True):
        policy = view.clauses[view.letter_of(good.policy_id)]
        facts = sheet_facts(policy, view.facts)
        # The tool is left out, unless it is what they differ in: an approval would be longer than a refusal.
        for tools in ((None, None), (tool_of(right, good), tool_of(rejected, bad))):
            sides = [
                sheet_segments(policy, right.reason, facts, reading, tool)
                for reading, tool in zip((good, bad), tools, strict=True)
            ]
            if sides[0] != sides[1]:
                return sheet_prompt(policy), sides
    raise DataError(f"pair {pair.id}: chosen and rejected differ in nothing that the checkpoint writes")


def differs(pair: PreferencePair) -> bool:
    """Tell whether the two decisions of a pair differ in something that the checkpoint writes, and can be written."""
    try:
        _decision_sides(pair, CaseView(pair.world.evidence(pair.case)), pair.rejected_decision or pair.case.decision)
    except (DataError, KeyError, StopIteration):
        return False
    return True


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


def _pair(world: World, fault: str, provenance: Mapping[str, Any], **rejected: Any) -> PreferencePair:
    name = cast("Fault", fault)
    return PreferencePair(id=f"{world.id}-{fault}", fault=name, world=world, provenance=provenance, **rejected)
