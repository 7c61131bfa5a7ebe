"""A return request and the life it leads: the statuses a customer's request can be in."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

MAX_MESSAGE_CHARS = 20_000


class ReturnStatus(StrEnum):
    """`received` and `processing` are on the way; the others are where a request comes to rest.

    `closed`: the reply went out by itself or after review. `in_review`: a person has it.
    """

    RECEIVED = "received"
    PROCESSING = "processing"
    IN_REVIEW = "in_review"
    CLOSED = "closed"


class ReturnRequest(BaseModel):
    """A customer's request as a shop submitted it. The message can set a reason and a wish, never a fact."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    shop_id: str
    order_id: str = Field(min_length=1, max_length=100)
    message: str = Field(min_length=1, max_length=MAX_MESSAGE_CHARS)
    item: str | None = Field(default=None, max_length=200)
    customer_email: str | None = Field(default=None, max_length=254)
    received_at: datetime
