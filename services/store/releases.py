"""Releases on record: where the aliases point, how they moved, and by whom. What may be promoted is `domain.releases`.

Every move is one row and one entry of the audit log, in the caller's transaction; moves go one after the other, so two
operators at once cannot both act on the same state. Loading and verifying checkpoints is others' business.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from services.domain.releases import (
    Alias,
    CheckpointName,
    GateSaid,
    NotReleased,
    Release,
    ReleaseKind,
    Rollout,
    allow_promotion,
    rollback_target,
)
from services.store.audit import append_audit
from services.store.sessions import lock_for_transaction
from services.store.tables import GateReportRow, ReleaseRow

LONGEST_HISTORY = 1_000
"""Moves that a rollback looks back over."""


class Signed(NamedTuple):
    """Who moves an alias, why and when."""

    who: str
    why: str
    now: datetime


class Promoted(NamedTuple):
    """The release, and what the operator should be told beside it."""

    release: Release
    warning: str | None


def rollout(session: Session) -> Rollout:
    """Return where both aliases point."""
    return Rollout(_newest(session, Alias.CHAMPION), candidate(session))


def candidate(session: Session) -> Release | None:
    """Return the candidate's newest move, None where there is no candidate."""
    newest = _newest(session, Alias.CANDIDATE)
    return newest if newest is not None and newest.checkpoint is not None else None


def withdrawn_canary(session: Session) -> Release | None:
    """Return the candidate's newest move where the watch withdrew a canary: only that one names the live figures."""
    newest = _newest(session, Alias.CANDIDATE)
    return newest if newest is not None and newest.kind is ReleaseKind.WITHDRAW and newest.figures else None


def history(session: Session, limit: int = 50, before: int | None = None) -> list[Release]:
    """Return moves of both aliases, the newest first; those before the release with id `before`."""
    statement = select(ReleaseRow).order_by(col(ReleaseRow.id).desc()).limit(limit)
    if before is not None:
        statement = statement.where(col(ReleaseRow.id) < before)
    return [_release(row) for row in session.execute(statement).scalars()]


def releases_of(session: Session, checkpoint: str) -> list[Release]:
    """Return the moves to a checkpoint, by its full digest, the newest first: the last step of a label's lineage."""
    statement = select(ReleaseRow).where(col(ReleaseRow.checkpoint) == checkpoint).order_by(col(ReleaseRow.id).desc())
    return [_release(row) for row in session.execute(statement).scalars()]


def gate_said(session: Session, checkpoint: str) -> GateSaid | None:
    """Return the newest gate report on a checkpoint, by its full digest."""
    row = session.execute(
        select(GateReportRow)
        .where(col(GateReportRow.candidate) == checkpoint)
        .order_by(col(GateReportRow.created_at).desc(), col(GateReportRow.id))
        .limit(1)
    ).scalar_one_or_none()
    if row is None:
        return None
    return GateSaid(row.id, row.verdict, tuple(map(str, row.document.get("reasons", ()))))


def note_initial(session: Session, shipped: CheckpointName, now: datetime) -> bool:
    """Record the release that ships with the code, until an operator or the gate has promoted one of this desk's own.

    Return whether it was new: another one comes with an upgrade of the code.
    """
    lock_for_transaction(session, "release")
    newest = _newest(session, Alias.CHAMPION)
    if newest is not None and (newest.kind is not ReleaseKind.INITIAL or newest.checkpoint == shipped):
        return False
    signed = Signed("returns-desk", "ships with the code", now)
    _move(session, Alias.CHAMPION, ReleaseKind.INITIAL, shipped, signed, newest.checkpoint if newest else None)
    return True


def promote(  # noqa: PLR0913 - what, instead of what, signed by whom, past which gate
    session: Session,
    wanted: CheckpointName,
    shipped: CheckpointName,
    signed: Signed,
    *,
    override_gate: bool = False,
    gate_required: bool = False,
) -> Promoted:
    """Make `wanted` the champion; a candidate that becomes it ceases to be one. Raises NotReleased.

    `shipped` is the release that comes with the code: what is replaced where nothing was recorded yet.
    """
    lock_for_transaction(session, "release")
    before, gate = _champion(session, shipped), gate_said(session, wanted.digest)
    if before == wanted:
        raise NotReleased(f"{wanted.trace_id} is the champion already")
    warning = allow_promotion(
        wanted, gate, history(session, LONGEST_HISTORY), override=override_gate, gate_required=gate_required
    )
    release = _move(
        session,
        Alias.CHAMPION,
        ReleaseKind.PROMOTE,
        wanted,
        signed,
        before,
        gate_report_id=gate.report_id if gate else None,
        gate_overridden=override_gate and (gate is None or gate.verdict == "block"),
    )
    beside = candidate(session)
    if beside is not None and beside.checkpoint == wanted:
        _leave(session, beside, Signed(signed.who, "became the champion", signed.now), {})
    return Promoted(release, warning)


def rollback(session: Session, shipped: CheckpointName, signed: Signed, to: CheckpointName | None = None) -> Release:
    """Release the champion before the present one again, or `to` where it was champion once. Raises NotReleased."""
    lock_for_transaction(session, "release")
    moves = history(session, LONGEST_HISTORY)
    before = _champion(session, shipped)
    target = to or rollback_target(moves)
    was_champion = {one.checkpoint for one in moves if one.alias is Alias.CHAMPION} | {shipped}
    if target not in was_champion:
        raise NotReleased(f"{target.trace_id} was never the champion; promote it instead")
    if target == before:
        raise NotReleased(f"{target.trace_id} is the champion already")
    return _move(session, Alias.CHAMPION, ReleaseKind.ROLLBACK, target, signed, before)


def stage(  # noqa: PLR0913 - what, how much of it, signed by whom
    session: Session,
    wanted: CheckpointName,
    shipped: CheckpointName,
    signed: Signed,
    *,
    share: float = 0.0,
    shadow_share: float = 0.0,
) -> Release:
    """Let a candidate answer `share` of live returns and decide `shadow_share` of the others in silence.

    Raises NotReleased where it is the champion, where the gate blocked it and it would answer customers, or where a
    share is not within [0, 1] or both are 0.
    """
    if not (0 <= share <= 1 and 0 <= shadow_share <= 1) or share == shadow_share == 0:
        raise NotReleased("a share is a number from 0 to 1, and one of them is above 0")
    lock_for_transaction(session, "release")
    if _champion(session, shipped) == wanted:
        raise NotReleased(f"{wanted.trace_id} is the champion; a candidate is another checkpoint")
    gate = gate_said(session, wanted.digest)
    if share and gate is not None and gate.verdict == "block":
        raise NotReleased(f"the gate blocked {wanted.trace_id}: it may decide in the shadow, but answers no customer")
    before = candidate(session)
    return _move(
        session,
        Alias.CANDIDATE,
        ReleaseKind.CANARY if share else ReleaseKind.SHADOW,
        wanted,
        signed,
        before.checkpoint if before else None,
        share=share,
        shadow_share=shadow_share,
        gate_report_id=gate.report_id if gate else None,
    )


def withdraw(
    session: Session, signed: Signed, figures: Mapping[str, Any] | None = None, only: int | None = None
) -> Release:
    """Leave the desk without a candidate. `only`: the release judged. Raises NotReleased."""
    lock_for_transaction(session, "release")
    beside = candidate(session)
    if beside is None or (only is not None and beside.id != only):
        raise NotReleased("there is no candidate to withdraw")
    return _leave(session, beside, signed, figures or {})


def _leave(session: Session, beside: Release, signed: Signed, figures: Mapping[str, Any]) -> Release:
    return _move(session, Alias.CANDIDATE, ReleaseKind.WITHDRAW, None, signed, beside.checkpoint, figures=dict(figures))


def _champion(session: Session, shipped: CheckpointName) -> CheckpointName:
    newest = _newest(session, Alias.CHAMPION)
    return newest.checkpoint if newest is not None and newest.checkpoint is not None else shipped


def _newest(session: Session, alias: Alias) -> Release | None:
    row = session.execute(
        select(ReleaseRow).where(col(ReleaseRow.alias) == alias.value).order_by(col(ReleaseRow.id).desc()).limit(1)
    ).scalar_one_or_none()
    return _release(row) if row else None


def _move(  # noqa: PLR0913, PLR0917 - one move is exactly these
    session: Session,
    alias: Alias,
    kind: ReleaseKind,
    checkpoint: CheckpointName | None,
    signed: Signed,
    replaces: CheckpointName | None,
    **further: Any,
) -> Release:
    row = ReleaseRow(
        alias=alias.value,
        kind=kind.value,
        checkpoint=checkpoint.digest if checkpoint else None,
        name=checkpoint.name if checkpoint else None,
        replaces=replaces.digest if replaces else None,
        replaces_name=replaces.name if replaces else None,
        who=signed.who,
        why=signed.why,
        at=signed.now,
        **further,
    )
    session.add(row)
    session.flush()
    detail = {
        "kind": kind.value,
        "checkpoint": checkpoint.trace_id if checkpoint else None,
        "replaces": replaces.trace_id if replaces else None,
        "share": row.share,
        "shadow_share": row.shadow_share,
        "why": signed.why,
        "gate_report": row.gate_report_id,
        "gate_overridden": row.gate_overridden,
    }
    append_audit(session, signed.who, f"release.{kind.value}", alias.value, detail, now=signed.now)
    return _release(row)


def _release(row: ReleaseRow) -> Release:
    return Release(
        id=row.id or 0,
        alias=Alias(row.alias),
        kind=ReleaseKind(row.kind),
        checkpoint=CheckpointName(row.checkpoint, row.name or "") if row.checkpoint else None,
        replaces=CheckpointName(row.replaces, row.replaces_name or "") if row.replaces else None,
        share=row.share,
        shadow_share=row.shadow_share,
        who=row.who,
        why=row.why,
        gate_report_id=row.gate_report_id,
        gate_overridden=row.gate_overridden,
        figures=dict(row.figures),
        at=row.at,
    )
