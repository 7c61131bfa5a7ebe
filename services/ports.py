"""Protocols between the flows and the world. Each has a real part and an honest stand-in that pass the same tests."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple, Protocol

from services.domain.actions import ToolAction, ToolCall
from services.domain.claims import Claim
from services.domain.decision import Decision
from services.domain.evidence import Evidence
from services.domain.facts import OrderFacts
from services.domain.trace import Generation


class Clock(Protocol):
    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""


class Decided(NamedTuple):
    """A decision with the run that produced it; the decision is None where the run failed."""

    decision: Decision | None
    generation: Generation


class Replied(NamedTuple):
    text: str
    generation: Generation


class Decider(Protocol):
    """A frozen checkpoint at work: one of our engine, a remote server, or a script in tests."""

    @property
    def checkpoint_id(self) -> str: ...

    def decide(self, evidence: Sequence[Evidence]) -> Sequence[Decided]:
        """Decide every case of the batch, in order. A case that fails is a Decided without a decision, not a raise."""

    def reply(self, cases: Sequence[tuple[Evidence, Decision, Sequence[ToolAction]]]) -> Sequence[Replied]:
        """Write the customer's reply to each decided case after its tools ran, in order."""


class ClaimReader(Protocol):
    """Reads the side effects that a reply asserts. Deterministic, on CPU, without a server."""

    def read(self, reply: str) -> Sequence[Claim]: ...


class OrderSource(Protocol):
    """A system of record for orders."""

    def facts(self, shop_id: str, order_id: str, item: str | None, on: date) -> OrderFacts:
        """Return the trusted facts as of `on`.

        Raises OrderNotFound (also for another shop's order), ItemNotInOrder, OrderSourceUnavailable (retryable).
        """


class ToolRunner(Protocol):
    """Executes a tool call at most once a key, and records it before and after."""

    def run(self, return_id: str, call: ToolCall) -> ToolAction: ...


class OrderNotFound(Exception):
    """The source knows no such order of this shop."""


class ItemNotInOrder(Exception):
    """The order exists, but holds no such item; the message lists the items it holds."""


class OrderSourceUnavailable(Exception):
    """The source did not answer; the job is retried later."""
