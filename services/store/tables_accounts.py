"""Tables of people: accounts, their sessions, failed logins, saved views, quarantine, and what learned from labels."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from services.domain.review import Role
from services.store.tables_columns import counter, instant, one_of


class AccountRow(SQLModel, table=True):
    """A person who may log in. `name` is what labels and the audit log cite; it is never given to another person."""

    __tablename__ = "account"
    __table_args__ = (one_of("role", Role),)

    name: str = Field(primary_key=True)
    shown_name: str
    role: str
    password_hash: str
    must_change: bool = False
    """The password was given by someone else; nothing but changing it is offered."""
    daily_cap: int | None = None
    """How many labels a day are taken from this person; None is no limit."""
    created_at: datetime = instant()
    disabled_at: datetime | None = instant(default=None)


class AccountSessionRow(SQLModel, table=True):
    """One login. Only the SHA-256 of the cookie's token is kept."""

    __tablename__ = "account_session"

    sha256: str = Field(primary_key=True)
    account: str = Field(foreign_key="account.name", index=True)
    csrf: str
    created_at: datetime = instant()
    seen_at: datetime = instant()
    expires_at: datetime = instant()


class LoginFailureRow(SQLModel, table=True):
    """A failed login, by account name and by address; old rows are removed when new ones come."""

    __tablename__ = "login_failure"
    __table_args__ = (Index("ix_login_failure_name", "name", "at"), Index("ix_login_failure_address", "address", "at"))

    id: int | None = counter()
    name: str
    address: str
    at: datetime = instant()


class SavedViewRow(SQLModel, table=True):
    """Filters of the queue under a name of the reviewer's own."""

    __tablename__ = "saved_view"
    __table_args__ = (UniqueConstraint("account", "name"),)

    id: str = Field(primary_key=True)
    account: str = Field(foreign_key="account.name")
    name: str
    query: str
    created_at: datetime = instant()


class QuarantineRow(SQLModel, table=True):
    """Keeps labels of one person out of every dataset. Append-only: a lifting is a row of kind `lift`.

    `since` and `until` bound when the labels were given; None is open.
    """

    __tablename__ = "quarantine"
    __table_args__ = (one_of("kind", ("set", "lift")), Index("ix_quarantine_account", "account", "id"))

    id: int | None = counter()
    account: str = Field(foreign_key="account.name")
    kind: str
    reason: str
    since: datetime | None = instant(default=None)
    until: datetime | None = instant(default=None)
    actor: str
    at: datetime = instant()


class GoldItemRow(SQLModel, table=True):
    """A finished item whose answer is known to be right; reviewers meet it again without knowing."""

    __tablename__ = "gold_item"

    review_item_id: str = Field(primary_key=True, foreign_key="review_item.id")
    label_id: str = Field(foreign_key="label.id")
    """The label that is the known answer."""
    added_by: str
    added_at: datetime = instant()
    retired_at: datetime | None = instant(default=None)


class LabelUseRow(SQLModel, table=True):
    """A label that entered a dataset snapshot. Append-only."""

    __tablename__ = "label_use"

    dataset_digest: str = Field(primary_key=True)
    label_id: str = Field(primary_key=True, foreign_key="label.id", index=True)
    at: datetime = instant()


class CheckpointDatasetRow(SQLModel, table=True):
    """A checkpoint that was trained on a dataset snapshot. Append-only."""

    __tablename__ = "checkpoint_dataset"

    checkpoint: str = Field(primary_key=True)
    dataset_digest: str = Field(primary_key=True, index=True)
    at: datetime = instant()
