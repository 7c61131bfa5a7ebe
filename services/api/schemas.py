"""What the API sends and takes over HTTP, for its OpenAPI page. Only shapes; intake's own shape is `flows.intake`."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from services.domain.decision import Outcome
from services.domain.returns import MAX_MESSAGE_CHARS, ReturnStatus
from services.domain.trace import RouteName
from services.domain.verdict import Verdict


class Links(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    self_: str = Field(alias="self")
    trace: str
    events: str


class AcceptedBody(BaseModel):
    """The answer to a submission; the same for every repetition of its Idempotency-Key."""

    id: str = Field(examples=["ret_01k3v9m5t2x8q7w6e4r1y0zabc"])
    status: ReturnStatus
    links: Links


class Information(BaseModel):
    """What a customer added to a return, after a question or by themselves."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    text: str = Field(min_length=1, max_length=MAX_MESSAGE_CHARS, description="The customer's words, unedited.")

    @field_validator("text")
    @classmethod
    def _not_blank(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("holds only white space")
        return value


class InformationBody(BaseModel):
    """`stored` is false where the same words were there already."""

    id: str
    status: ReturnStatus
    stored: bool


class ReturnBody(BaseModel):
    """A return and its outcome so far. Outcome fields are null until the desk has decided."""

    id: str
    order_id: str
    item: str | None
    message: str
    customer_email: str | None
    status: ReturnStatus
    received_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    closed_by: Literal["desk", "reviewer"] | None
    reason: str | None
    decision: Outcome | None
    policy_id: str | None
    policy_version: str | None
    verdict: Verdict | None
    route: RouteName | None
    route_reason: str | None
    checkpoint: str | None
    trace_id: str | None
    reply: str | None
    review_reason: str | None = Field(description="Why a person has it or had it, where one does or did.")
    review_detail: str | None
    evidence: str | None = Field(description="The sentence of the policy that the decision rests on, verbatim.")
    findings: list[dict[str, Any]] = Field(description="What the verifier checked, and what it found.")
    actions: list["ActionBody"]
    links: Links


class ActionBody(BaseModel):
    """A tool action as the ledger holds it."""

    name: str
    status: str
    arguments: dict[str, Any]
    result: dict[str, Any]
    error: str | None
    finished_at: datetime | None


class ReturnListItem(BaseModel):
    id: str
    order_id: str
    item: str | None
    status: ReturnStatus
    decision: Outcome | None
    route: RouteName | None
    verdict: Verdict | None
    policy_id: str | None
    received_at: datetime
    closed_at: datetime | None
    links: Links


class ReturnPage(BaseModel):
    """One page, newest first. `next` is the address of the following page, null on the last."""

    returns: list[ReturnListItem]
    next: str | None


class TraceBody(BaseModel):
    """The whole trace of the run that decided, and how to judge it again."""

    id: str
    return_id: str
    attempt: int
    checkpoint: str
    created_at: datetime
    trace: dict[str, Any]
    replay: str = Field(description="The command that judges this trace again.")


class BatchLine(BaseModel):
    """The result of one line of a batch: the answer of a single submission, or its problem."""

    line: int
    status: int
    replayed: bool = False
    id: str | None = None
    links: Links | None = None
    problem: dict[str, Any] | None = None


EventKind = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[a-z_]+(\.[a-z_]+)*$")]


class EndpointIn(BaseModel):
    """A webhook to set up. Without `kinds` every event is sent."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    url: str = Field(min_length=8, max_length=2000, examples=["https://shop.example/hooks/returns"])
    kinds: list[EventKind] = Field(default_factory=list, max_length=50)


class EndpointChange(BaseModel):
    """What to change; what is left out stays. `enabled: true` revives an endpoint that was disabled."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    url: str | None = Field(default=None, min_length=8, max_length=2000)
    kinds: list[EventKind] | None = Field(default=None, max_length=50)
    enabled: bool | None = None


class EndpointBody(BaseModel):
    id: str
    url: str
    kinds: list[str]
    enabled: bool
    disabled_reason: str | None
    created_at: datetime


class EndpointCreated(EndpointBody):
    """`secret` is shown this once; it signs every delivery."""

    secret: str


class DeliveryBody(BaseModel):
    """One event for one endpoint, and how its last attempt went."""

    id: str
    event_id: int
    endpoint_id: str
    state: Literal["pending", "delivered", "failed"]
    attempts: int
    next_at: datetime | None
    last_status: int | None
    last_error: str | None
    created_at: datetime
    delivered_at: datetime | None
    payload: dict[str, Any]


class DeliveryPage(BaseModel):
    """One page, newest first. `next` is the address of the following page, null on the last."""

    deliveries: list[DeliveryBody]
    next: str | None


class AttemptBody(BaseModel):
    """One attempt at a delivery. `status` is null where no answer came."""

    number: int
    at: datetime
    status: int | None
    error: str | None
    took_ms: float


class FieldErrorBody(BaseModel):
    field: str
    detail: str
    remedy: str


class ProblemBody(BaseModel):
    """RFC 9457, with a remedy and one entry a wrong field."""

    type: str
    title: str
    status: int
    detail: str
    remedy: str
    errors: list[FieldErrorBody] | None = None
    instance: str | None = None
