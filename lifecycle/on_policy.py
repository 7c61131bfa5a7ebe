"""Preference pairs out of a checkpoint's own mistakes: what it really answered, rejected beside the truth.

Composed mistakes teach what could go wrong; these teach what does. Drawing is the checkpoint's, judging the verifier's
and the truth's; a case it gets right makes no pair.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from lifecycle.examples import ExampleCase, World
from lifecycle.faults import shown_faults, shows
from lifecycle.preferences import PreferencePair, differs, passes
from services.domain.decision import Decision, Outcome
from services.domain.reading import LexicalClaimReader
from services.ports import Decider

BATCH = 16


def own_pairs(worlds: Iterable[World], decider: Decider, provenance: dict[str, Any]) -> Iterator[PreferencePair]:
    """Yield a pair for every case that the checkpoint decides wrongly, and for every reply that shows a fault."""
    reader = LexicalClaimReader()
    singles = (
        world.model_copy(update={"id": f"{world.id}-{number}-own", "cases": (case,), "sheets": ()})
        for world in worlds
        for number, case in enumerate(world.cases)
    )
    while batch := list(islice(singles, BATCH)):
        yield from _decisions(batch, decider, provenance)
        yield from _replies(batch, decider, provenance, reader)


def _decisions(batch: Sequence[World], decider: Decider, told: dict[str, Any]) -> Iterator[PreferencePair]:
    answers = decider.decide([world.evidence(world.cases[0]) for world in batch])
    for world, answer in zip(batch, answers, strict=True):
        case = world.cases[0]
        fault = fault_of(case.decision, answer.decision) if answer.decision else None
        if fault is None:
            continue
        bare = world.model_copy(update={"cases": (case.model_copy(update={"reply": None, "actions": ()}),)})
        pair = PreferencePair.model_validate(
            {"id": f"{world.id}-{fault}", "fault": fault, "world": bare, "rejected_decision": answer.decision,
             "provenance": {**case.provenance, **told}}
        )  # fmt: skip
        if differs(pair):
            yield pair


def fault_of(right: Decision, given: Decision) -> str | None:
    """Return what is wrong with a decision, the most dangerous first; None where it comes to the same."""
    if given.outcome is not right.outcome:
        return "wrong_approval" if given.outcome is Outcome.ELIGIBLE else "wrong_outcome"
    if given.policy_id != right.policy_id:
        return "other_clause"
    if given.evidence != right.evidence:
        return "wrong_evidence"
    return None if given.reason is right.reason else "wrong_reason"


def _replies(
    batch: Sequence[World], decider: Decider, told: dict[str, Any], reader: LexicalClaimReader
) -> Iterator[PreferencePair]:
    asked = [world for world in batch if _has_good_reply(world, world.cases[0], reader)]
    if not asked:
        return
    replies = decider.reply([(w.evidence(w.cases[0]), w.cases[0].decision, w.cases[0].actions) for w in asked])
    for world, reply in zip(asked, replies, strict=True):
        case = world.cases[0]
        if not reply.text or reply.text == case.reply:
            continue
        faults = ["invented_action"] if shows("invented_action", world, case, reply.text, reader) else []
        faults += shown_faults(world, case, reply.text, reader)
        if faults:
            yield PreferencePair.model_validate(
                {"id": f"{world.id}-{faults[0]}", "fault": faults[0], "world": world, "rejected_reply": reply.text,
                 "provenance": {**case.provenance, **told}}
            )  # fmt: skip


def _has_good_reply(world: World, case: ExampleCase, reader: LexicalClaimReader) -> bool:
    return (
        case.reply is not None
        and passes(case, case.reply, reader)
        and not shown_faults(world, case, case.reply, reader)
    )
