"""Claims: effects that a reply asserts. Reading them out of text is a ClaimReader's job, judging them `verify`'s."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Effect(StrEnum):
    """What a reply may claim to have happened: our tools' names, and effects of shops' own tools."""

    CREATE_RETURN_LABEL = "create_return_label"
    ISSUE_REFUND = "issue_refund"
    SEND_REPLACEMENT = "send_replacement"
    ISSUE_STORE_CREDIT = "issue_store_credit"
    CANCEL_RETURN = "cancel_return"
    REQUEST_PHOTOS = "request_photos"
    SEND_EMAIL = "send_email"
    RETURN_STARTED = "return_started"
    EXCHANGE = "exchange"
    ORDER_CANCELLED = "order_cancelled"
    ADDRESS_CHANGED = "address_changed"
    OTHER = "other"
    UNSPECIFIED = "unspecified"


class Claim(BaseModel):
    """One asserted effect. Fields that the text does not state are None and match anything.

    `start` and `end` are character offsets of `text` in the reply. `certainty` is in [0, 1].
    `supported_by` is the index of the recorded action that supports it, None where none does.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    effect: Effect
    text: str
    start: int = 0
    end: int = 0
    order_id: str | None = None
    item: str | None = None
    amount_cents: int | None = None
    currency: str | None = None
    in_progress: bool = False
    certainty: float = 1.0
    supported_by: int | None = None
    alternatives: tuple[Effect, ...] = ()
    """Other effects that the same words may mean ("credited": refund or store credit); a record of any supports it."""
    count: int = 1
    """How many effects of this kind the words assert ("both refunds": 2)."""
