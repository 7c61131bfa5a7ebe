"""Quarantine: keeps one person's labels out of every dataset, and says since when and why. Append-only."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from services.domain.review import Refused
from services.store.audit import append_audit
from services.store.tables import AccountRow, LabelRow, QuarantineRow


def change(  # noqa: PLR0913 - whose, which way, why, by whom, when
    session: Session, account: str, *, lift: bool, reason: str, actor: str, now: datetime
) -> None:
    """Set or lift a quarantine. Raises Refused where there is no such account, or nothing would change."""
    if session.get(AccountRow, account) is None:
        raise Refused("there is no such account")
    if (account in standing(session)) is not lift:
        raise Refused("the labels of this person are " + ("not in quarantine" if lift else "in quarantine already"))
    session.add(QuarantineRow(account=account, kind="lift" if lift else "set", reason=reason, actor=actor, at=now))
    session.flush()
    append_audit(session, actor, f"quarantine.{'lift' if lift else 'set'}", account, {"reason": reason}, now=now)


def standing(session: Session) -> Mapping[str, QuarantineRow]:
    """Return who is in quarantine now, with the row that set it."""
    latest = (
        select(QuarantineRow)
        .ext(distinct_on(col(QuarantineRow.account)))
        .order_by(col(QuarantineRow.account), col(QuarantineRow.id).desc())
    )
    return {row.account: row for row in session.execute(latest).scalars() if row.kind == "set"}


def story(session: Session, account: str) -> Sequence[QuarantineRow]:
    statement = (
        select(QuarantineRow).where(col(QuarantineRow.account) == account).order_by(col(QuarantineRow.id).desc())
    )
    return session.execute(statement).scalars().all()


def not_quarantined() -> ColumnElement[bool]:
    """Return the condition that a label's reviewer is not in quarantine."""
    later = aliased(QuarantineRow)
    in_force = select(col(QuarantineRow.account)).where(
        col(QuarantineRow.kind) == "set",
        ~exists().where(col(later.account) == col(QuarantineRow.account), col(later.id) > col(QuarantineRow.id)),
    )
    return col(LabelRow.reviewer).not_in(in_force)
