"""Releases as rules: what an alias is, what may be promoted, where a rollback leads. Moving it is the store's job.

A release is an alias that moves. History is never edited: a rollback is a new release of an older checkpoint.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple


class Alias(StrEnum):
    """`champion` answers customers. `candidate` decides beside it (shadow), or answers a share of them (canary)."""

    CHAMPION = "champion"
    CANDIDATE = "candidate"


class ReleaseKind(StrEnum):
    """How an alias moved. `initial` ships with the code; `withdraw` leaves the desk without a candidate."""

    INITIAL = "initial"
    PROMOTE = "promote"
    ROLLBACK = "rollback"
    SHADOW = "shadow"
    CANARY = "canary"
    WITHDRAW = "withdraw"


class CheckpointName(NamedTuple):
    """A sealed checkpoint: its full digest, which names it for ever, and the name people gave it."""

    digest: str
    name: str

    @property
    def trace_id(self) -> str:
        """The id under which traces cite it."""
        return f"{self.name}@{self.digest[:12]}"


class Release(NamedTuple):
    """One move of an alias. `checkpoint` is None where a candidate was withdrawn.

    `share` in [0, 1] is the canary's part of live returns, `shadow_share` the part that a candidate decides beside the
    champion. `figures` are the live figures that a withdrawn canary was judged by.
    """

    id: int
    alias: Alias
    kind: ReleaseKind
    checkpoint: CheckpointName | None
    replaces: CheckpointName | None
    share: float
    shadow_share: float
    who: str
    why: str
    gate_report_id: str | None
    gate_overridden: bool
    figures: dict[str, Any]
    at: datetime


class Rollout(NamedTuple):
    """What is released at one moment. `champion` is None where nothing but the code's own initial release is."""

    champion: Release | None
    candidate: Release | None


class GateSaid(NamedTuple):
    """The latest gate report on a checkpoint: `verdict` is `ship` or `block`."""

    report_id: str
    verdict: str
    reasons: tuple[str, ...]


class NotReleased(Exception):
    """The alias was not moved; the message says why and what to do."""


def allow_promotion(
    wanted: CheckpointName, gate: GateSaid | None, history: Sequence[Release], *, override: bool, gate_required: bool
) -> str | None:
    """Return a warning to show beside the promotion, None where there is none to give. Raises NotReleased.

    A checkpoint that the gate blocked, or where `gate_required` one it never saw, needs an explicit override. One that
    was champion before has been released already and may return.
    """
    if any(one.alias is Alias.CHAMPION and one.checkpoint == wanted for one in history):
        return None
    if gate is not None and gate.verdict == "block" and not override:
        raise NotReleased(
            f"the gate blocked {wanted.trace_id}: {'; '.join(gate.reasons) or 'see the report'} "
            f"(report {gate.report_id[:12]}); mend it, or release it all the same with --override-gate"
        )
    if gate is None and gate_required and not override:
        raise NotReleased(
            f"{wanted.trace_id} has no gate report: run `returns-desk gate --candidate {wanted.digest[:12]}`, "
            "or release it all the same with --override-gate"
        )
    if gate is None:
        return f"{wanted.trace_id} has no gate report; the release says so"
    return f"released against the gate's BLOCK (report {gate.report_id[:12]})" if gate.verdict == "block" else None


def rollback_target(history: Sequence[Release]) -> CheckpointName:
    """Return the checkpoint to go back to: the one before the present champion. `history` is newest first.

    Rolling back twice goes back two releases, never forth again: what was rolled away from is skipped. Raises
    NotReleased where there is no earlier one.
    """
    champions = [one for one in history if one.alias is Alias.CHAMPION and one.checkpoint is not None]
    if not champions:
        raise NotReleased("nothing was released yet beside the initial release; there is nothing to roll back")
    stack: list[CheckpointName] = []
    for one in reversed(champions):
        if not stack and one.replaces is not None:
            stack.append(one.replaces)
        if one.checkpoint is None:
            continue
        if one.kind is ReleaseKind.ROLLBACK and one.checkpoint in stack:
            del stack[stack.index(one.checkpoint) + 1 :]
        elif not stack or stack[-1] != one.checkpoint:
            stack.append(one.checkpoint)
    if len(stack) < 2:
        raise NotReleased(f"{stack[-1].trace_id} is the first release; there is none before it to roll back to")
    return stack[-2]
