"""The journal of money given back: double entry, append-only, balanced by the database itself."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select
from sqlmodel import Session, col

from services.ports import JournalEntry, JournalLimits, JournalRefused
from services.store.ids import new_id
from services.store.sessions import Sessions, lock_for_transaction
from services.store.tables import JournalLineRow, JournalTransactionRow


class JournalBook:
    """Implements `ports.Journal` over two tables."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def post(self, entry: JournalEntry, limits: JournalLimits) -> bool:
        """Append the entry unless its key is there; return whether it was new.

        Postings of one order go one after the other. Raises JournalRefused.
        """
        if sum(entry.lines.values()) != 0 or not entry.lines or 0 in entry.lines.values():
            raise JournalRefused(f"the lines of {entry.key} do not balance: {dict(entry.lines)}")
        with self._sessions() as session:
            lock_for_transaction(session, "journal", entry.shop_id, entry.order_id)
            found = _with_key(session, entry.key)
            if found is not None:
                if found._replace(at=entry.at) != entry._replace(lines=dict(entry.lines)):
                    raise JournalRefused(f"key {entry.key} was posted before with another content")
                return False
            _check(session, entry, limits)
            row = JournalTransactionRow(
                id=new_id("jrn", entry.at),
                idempotency_key=entry.key,
                return_id=entry.return_id,
                shop_id=entry.shop_id,
                order_id=entry.order_id,
                kind=entry.kind,
                currency=entry.currency,
                at=entry.at,
            )
            session.add(row)
            session.flush()
            session.add_all(
                JournalLineRow(transaction_id=row.id, account=account, amount_cents=cents)
                for account, cents in entry.lines.items()
            )
            return True

    def entries(self, shop_id: str, order_id: str) -> Sequence[JournalEntry]:
        """Return the order's entries, oldest first."""
        with self._sessions() as session:
            rows = session.execute(
                select(JournalTransactionRow)
                .where(col(JournalTransactionRow.shop_id) == shop_id, col(JournalTransactionRow.order_id) == order_id)
                .order_by(col(JournalTransactionRow.at), col(JournalTransactionRow.id))
            ).scalars()
            return [_entry(session, row) for row in rows.all()]

    def balance(self) -> Mapping[str, int]:
        """Return the sum over all accounts a currency, in hundredths: anything but 0 is a fault."""
        with self._sessions() as session:
            rows = session.execute(
                select(col(JournalTransactionRow.currency), func.sum(col(JournalLineRow.amount_cents)))
                .join(JournalLineRow, col(JournalLineRow.transaction_id) == col(JournalTransactionRow.id))
                .group_by(col(JournalTransactionRow.currency))
            ).all()
            return {currency: int(total) for currency, total in rows}


def _check(session: Session, entry: JournalEntry, limits: JournalLimits) -> None:
    debits = (
        select(col(JournalLineRow.account), func.sum(col(JournalLineRow.amount_cents)))
        .join(JournalTransactionRow, col(JournalTransactionRow.id) == col(JournalLineRow.transaction_id))
        .where(
            col(JournalTransactionRow.shop_id) == entry.shop_id,
            col(JournalTransactionRow.order_id) == entry.order_id,
            col(JournalLineRow.amount_cents) > 0,
        )
        .group_by(col(JournalLineRow.account))
    )
    before = {account: int(total) for account, total in session.execute(debits).all()}
    after = sum(before.values()) + entry.amount_cents
    if after > limits.order_cents:
        raise JournalRefused(
            f"{after} hundredths would go back on order {entry.order_id}; at most {limits.order_cents} may"
        )
    for account, cents in entry.lines.items():
        if cents > 0 and before.get(account, 0) + cents > limits.account_cents:
            total = before.get(account, 0) + cents
            raise JournalRefused(f"{total} hundredths would go to {account}; at most {limits.account_cents} may")


def _with_key(session: Session, key: str) -> JournalEntry | None:
    statement = select(JournalTransactionRow).where(col(JournalTransactionRow.idempotency_key) == key)
    row = session.execute(statement).scalar_one_or_none()
    return _entry(session, row) if row else None


def _entry(session: Session, row: JournalTransactionRow) -> JournalEntry:
    lines = session.execute(
        select(col(JournalLineRow.account), col(JournalLineRow.amount_cents))
        .where(col(JournalLineRow.transaction_id) == row.id)
        .order_by(col(JournalLineRow.id))
    ).all()
    return JournalEntry(
        key=row.idempotency_key,
        return_id=row.return_id,
        shop_id=row.shop_id,
        order_id=row.order_id,
        kind=row.kind,
        currency=row.currency,
        lines={account: int(cents) for account, cents in lines},
        at=row.at,
    )
