"""Accounts, sessions, failed logins. Hashing and checking passwords, and cookies, are the callers' business."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, func, or_, select, update
from sqlmodel import Session, col

from services.domain.review import Role
from services.store.audit import append_audit
from services.store.sessions import lock_for_transaction
from services.store.tables import AccountRow, AccountSessionRow, LoginFailureRow

SESSION_LIFETIME = timedelta(hours=12)
SEEN_EVERY = timedelta(minutes=5)
THROTTLE_WINDOW = timedelta(minutes=15)
MOST_FAILURES_OF_NAME = 8
MOST_FAILURES_OF_ADDRESS = 40


class Account(NamedTuple):
    name: str
    shown_name: str
    role: Role
    must_change: bool
    daily_cap: int | None
    created_at: datetime
    disabled_at: datetime | None


class LoggedIn(NamedTuple):
    """An account with the session it is used through."""

    account: Account
    csrf: str
    token_sha256: str


class NameTaken(ValueError):
    """An account has, or had, this name."""


def add_account(  # noqa: PLR0913 - what an account is
    session: Session,
    name: str,
    role: Role,
    password_hash: str,
    *,
    actor: str,
    now: datetime,
    shown_name: str = "",
    must_change: bool = True,
) -> Account:
    """Add an account. Raises NameTaken."""
    if session.get(AccountRow, name) is not None:
        raise NameTaken(f"name: {name!r} is taken; names are never used twice")
    row = AccountRow(
        name=name,
        shown_name=shown_name or name,
        role=role.value,
        password_hash=password_hash,
        must_change=must_change,
        created_at=now,
    )
    session.add(row)
    session.flush()
    append_audit(session, actor, "account.add", name, {"role": role.value}, now=now)
    return _account(row)


def add_first_admin(session: Session, name: str, password_hash: str, now: datetime) -> bool:
    """Add an administrator where there is no account at all; return whether there was none."""
    lock_for_transaction(session, "first-admin")
    if session.execute(select(func.count()).select_from(AccountRow)).scalar_one():
        return False
    add_account(session, name, Role.ADMIN, password_hash, actor="returns-desk up", now=now)
    return True


def list_accounts(session: Session) -> Sequence[Account]:
    return [_account(row) for row in session.execute(select(AccountRow).order_by(col(AccountRow.name))).scalars()]


def find_password(session: Session, name: str) -> tuple[Account, str] | None:
    """Return the account and its password's hash; None where there is none, or it is disabled."""
    row = session.get(AccountRow, name)
    return None if row is None or row.disabled_at is not None else (_account(row), row.password_hash)


def set_password(session: Session, name: str, password_hash: str, *, actor: str, now: datetime) -> None:
    """Change a password and end all sessions of the account; one set by another person must be changed at login."""
    session.execute(
        update(AccountRow)
        .where(col(AccountRow.name) == name)
        .values(password_hash=password_hash, must_change=actor != name)
    )
    session.execute(delete(AccountSessionRow).where(col(AccountSessionRow.account) == name))
    append_audit(session, actor, "account.password", name, {}, now=now)


def change_account(  # noqa: PLR0913 - what may change, by whom, when
    session: Session, name: str, *, role: Role, daily_cap: int | None, disabled: bool, actor: str, now: datetime
) -> None:
    """Change role, cap and whether the account may log in. A changed account must log in again."""
    row = session.get_one(AccountRow, name)
    row.role, row.daily_cap = role.value, daily_cap
    row.disabled_at = (row.disabled_at or now) if disabled else None
    session.execute(delete(AccountSessionRow).where(col(AccountSessionRow.account) == name))
    session.flush()
    detail = {"role": role.value, "daily_cap": daily_cap, "disabled": disabled}
    append_audit(session, actor, "account.change", name, detail, now=now)


def open_session(session: Session, name: str, now: datetime) -> str:
    """Start a session with a fresh token and return the token, which is kept nowhere; forget what has expired."""
    token = secrets.token_urlsafe(32)
    session.execute(delete(AccountSessionRow).where(col(AccountSessionRow.expires_at) < now))
    session.add(
        AccountSessionRow(
            sha256=_sha256(token),
            account=name,
            csrf=secrets.token_urlsafe(24),
            created_at=now,
            seen_at=now,
            expires_at=now + SESSION_LIFETIME,
        )
    )
    session.flush()
    append_audit(session, name, "login", name, {}, now=now)
    return token


def find_session(session: Session, token: str, now: datetime) -> LoggedIn | None:
    """Return who is logged in with this token; None where the session is unknown, expired, or its account disabled."""
    found = session.execute(
        select(AccountSessionRow, AccountRow)
        .join(AccountRow, col(AccountRow.name) == col(AccountSessionRow.account))
        .where(
            col(AccountSessionRow.sha256) == _sha256(token),
            col(AccountSessionRow.expires_at) > now,
            col(AccountRow.disabled_at).is_(None),
        )
    ).first()
    if found is None:
        return None
    held, account = found
    if now - held.seen_at > SEEN_EVERY:
        held.seen_at = now
    return LoggedIn(_account(account), held.csrf, held.sha256)


def close_session(session: Session, token_sha256: str) -> None:
    session.execute(delete(AccountSessionRow).where(col(AccountSessionRow.sha256) == token_sha256))


def too_many_failures(session: Session, name: str, address: str, now: datetime) -> bool:
    """Tell whether this name or this address failed so often lately that no password is even tried."""
    since = now - THROTTLE_WINDOW
    named, addressed = session.execute(
        select(
            func.count().filter(col(LoginFailureRow.name) == name),
            func.count().filter(col(LoginFailureRow.address) == address),
        ).where(
            or_(col(LoginFailureRow.name) == name, col(LoginFailureRow.address) == address),
            col(LoginFailureRow.at) > since,
        )
    ).one()
    return bool(named >= MOST_FAILURES_OF_NAME or addressed >= MOST_FAILURES_OF_ADDRESS)


def note_failure(session: Session, name: str, address: str, now: datetime) -> None:
    session.execute(delete(LoginFailureRow).where(col(LoginFailureRow.at) < now - THROTTLE_WINDOW))
    session.add(LoginFailureRow(name=name[:64], address=address[:64], at=now))


def forget_failures(session: Session, name: str) -> None:
    session.execute(delete(LoginFailureRow).where(col(LoginFailureRow.name) == name))


def _account(row: AccountRow) -> Account:
    return Account(
        row.name, row.shown_name, Role(row.role), row.must_change, row.daily_cap, row.created_at, row.disabled_at
    )


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
