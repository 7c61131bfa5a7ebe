"""Takes a return request in: its checks, its identity, and what an Idempotency-Key promises.

Pure: it prepares what is to be stored and reads what the store answered. Storing is an adapter's job, in one
transaction; HTTP words are the API's.
"""

import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, field_validator

from services.domain.canonical import digest_of
from services.domain.returns import MAX_MESSAGE_CHARS, ReturnRequest, ReturnStatus

KEY_LIFETIME = timedelta(hours=24)
"""How long a key's answer is kept and replayed where nothing else is set; published in the API's documentation."""

MAX_KEY_CHARS = 255
SUBMIT_ROUTE = "POST /v1/returns"
"""Single and batch submission share one scope, so that a line retried alone meets its first answer."""


class Submission(BaseModel):
    """What a shop sends about one return. The message can set a reason and a wish, never a fact."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    order_id: str = Field(min_length=1, max_length=100, description="The shop's own order id.")
    message: str = Field(
        min_length=1, max_length=MAX_MESSAGE_CHARS, description="The customer's words, in any language, unedited."
    )
    item: str | None = Field(
        default=None, min_length=1, max_length=200, description="Which item, where the order holds several."
    )
    customer_email: str | None = Field(
        default=None, min_length=3, max_length=254, description="Where the reply goes when it leaves the desk."
    )

    @field_validator("order_id", "message", "item")
    @classmethod
    def _not_blank(cls, value: str | None) -> str | None:
        if value is not None and not value.strip():
            raise ValueError("holds only white space")
        return value

    @field_validator("order_id", "item", "customer_email")
    @classmethod
    def _one_line(cls, value: str | None) -> str | None:
        if value is not None and not value.isprintable():
            raise ValueError("holds a control character")
        return value

    @field_validator("customer_email")
    @classmethod
    def _looks_like_email(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+", value):
            raise ValueError("is no e-mail address")
        return value


class KeyScope(NamedTuple):
    """Where a key is unique: no shop ever meets another shop's answers."""

    shop_id: str
    route: str
    key: str


class Intake(NamedTuple):
    """One request ready to be stored: the key, the fingerprint of its body, the row, and the answer to give."""

    scope: KeyScope
    fingerprint: str
    request: ReturnRequest
    answer: Mapping[str, Any]
    expires_at: datetime


class StoredAnswer(NamedTuple):
    """What the store holds for a key: the fingerprint of the body that came with it, and the answer it got."""

    fingerprint: str
    answer: Mapping[str, Any]


class Taken(NamedTuple):
    """What the store did with an Intake: stored it, found an answer, met the key in flight, or knows no such order."""

    stored: bool = False
    found: StoredAnswer | None = None
    in_flight: bool = False
    unknown_order: bool = False


class Accepted(NamedTuple):
    """The answer for the client; `replayed` where an earlier request with this key and body got it."""

    answer: Mapping[str, Any]
    replayed: bool


class KeyUnusable(Exception):
    """The Idempotency-Key is empty, too long or holds characters outside visible ASCII."""


class KeyReused(Exception):
    """The key came before, with another body."""


class KeyInFlight(Exception):
    """A request with this key is being stored at this moment."""


class UnknownOrder(Exception):
    """The shop's system of record holds no such order."""


def read_key(header: str) -> str:
    """Return the key in an Idempotency-Key header: a structured-field string, or the bare text that many clients send.

    Raises KeyUnusable.
    """
    value = header.strip()
    if value.startswith('"'):
        if not re.fullmatch(r'"(?:[^"\\]|\\["\\])*"', value):
            raise KeyUnusable("the quoted key is not a structured-field string")
        value = re.sub(r'\\(["\\])', r"\1", value[1:-1])
    if not value:
        raise KeyUnusable("the key is empty")
    if len(value) > MAX_KEY_CHARS:
        raise KeyUnusable(f"the key has {len(value)} characters; at most {MAX_KEY_CHARS} are accepted")
    if not all(" " <= character <= "~" for character in value):
        raise KeyUnusable("the key holds characters outside visible ASCII")
    return value


def fingerprint(submission: Submission) -> str:
    """Return the SHA-256 of the canonical body: the order of fields, white space and null fields do not count."""
    return digest_of(submission.model_dump(exclude_none=True))


def new_return_id(now: datetime) -> str:
    """Return an id that sorts by time (48 bits of milliseconds) and cannot be guessed (80 random bits)."""
    return f"ret_{(int(now.timestamp() * 1000) << 80) | secrets.randbits(80):032x}"


def links(return_id: str) -> dict[str, str]:
    here = f"/v1/returns/{return_id}"
    return {"self": here, "trace": f"{here}/trace", "events": f"{here}/events"}


def prepare(
    shop_id: str, key: str, submission: Submission, now: datetime, lifetime: timedelta = KEY_LIFETIME
) -> Intake:
    """Return all that one transaction has to store. Draws the return's id; raises nothing.

    `lifetime` is how long the key's answer is kept.
    """
    return_id = new_return_id(now)
    return Intake(
        scope=KeyScope(shop_id, SUBMIT_ROUTE, key),
        fingerprint=fingerprint(submission),
        # Every field was checked as a Submission a moment ago.
        request=ReturnRequest.model_construct(
            id=return_id, shop_id=shop_id, received_at=now, **submission.model_dump()
        ),
        answer={"id": return_id, "status": ReturnStatus.RECEIVED.value, "links": links(return_id)},
        expires_at=now + lifetime,
    )


def conclude(intake: Intake, taken: Taken) -> Accepted:
    """Return the answer to give. Raises KeyReused, KeyInFlight, UnknownOrder."""
    if taken.stored:
        return Accepted(intake.answer, replayed=False)
    if taken.found is not None:
        if taken.found.fingerprint != intake.fingerprint:
            raise KeyReused(intake.scope.key)
        return Accepted(taken.found.answer, replayed=True)
    if taken.unknown_order:
        raise UnknownOrder(intake.request.order_id)
    raise KeyInFlight(intake.scope.key)
