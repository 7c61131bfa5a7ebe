"""Column kinds shared by the tables: instants, documents, closed word lists. No table of its own."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Identity
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
"""Names for constraints, so that a migration can drop what another one made."""

SQLModel.metadata.naming_convention = NAMES


def instant(*, default: Any = ..., index: bool = False) -> Any:
    """Return a field that stores an aware moment (`timestamptz`). Naive values are the writer's error."""
    return Field(default=default, sa_type=DateTime(timezone=True), index=index)


def document(*, default: Any = ...) -> Any:
    """Return a field that stores JSON (`jsonb`)."""
    if default is None:
        return Field(default=None, sa_type=JSONB(none_as_null=True), nullable=True)
    if default is ...:
        return Field(sa_type=JSONB(none_as_null=True))
    return Field(default_factory=default, sa_type=JSONB(none_as_null=True))


def counter() -> Any:
    """Return a 64-bit key that the database numbers itself, in the order of insertion."""
    return Field(default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity()])


def one_of(column: str, words: Iterable[str]) -> CheckConstraint:
    """Return a CHECK that `column` holds one of `words`: a table class validates nothing, the database does."""
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=column)
