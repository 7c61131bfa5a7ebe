"""Protocols between the flows and the world. Each has a real part and an honest stand-in that pass the same tests."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple, Protocol, runtime_checkable

from services.domain.actions import ToolAction, ToolCall
from services.domain.claims import Claim
from services.domain.decision import Decision
from services.domain.evidence import Evidence
from services.domain.facts import OrderFacts
from services.domain.orders import ShopOrder
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
        """Decide every case of the batch, in order. A case that fails is a Decided without a decision, not a raise.

        Raises DeciderUnavailable where the model's server is away, which says nothing about the cases.
        """

    def reply(self, cases: Sequence[tuple[Evidence, Decision, Sequence[ToolAction]]]) -> Sequence[Replied]:
        """Write the customer's reply to each decided case after its tools ran, in order."""


@runtime_checkable
class SampledDecider(Protocol):
    """A Decider that can also draw by chance, for a second answer to compare with."""

    def sampled(self, temperature: float, seed: int) -> Decider:
        """Return the same checkpoint drawing at this temperature; the same seed gives the same answer."""


class ClaimReader(Protocol):
    """Reads the side effects that a reply asserts. Deterministic, on CPU, without a server."""

    def read(self, reply: str) -> Sequence[Claim]: ...


class OrderSource(Protocol):
    """A system of record for orders."""

    def facts(self, shop_id: str, order_id: str, item: str | None, on: date) -> OrderFacts:
        """Return the trusted facts as of `on`.

        Raises OrderNotFound (also for another shop's order), ItemNotInOrder, ItemNotNamed, and
        OrderSourceUnavailable (retryable). An order that is not delivered is no error: its facts say delivered=False.
        """


class OrderRecords(Protocol):
    """Whole orders, for tools that must know what was paid. The real OrderSources offer this beside their facts."""

    def order(self, shop_id: str, order_id: str) -> ShopOrder:
        """Return the order. Raises OrderNotFound, OrderSourceUnavailable."""


class OrderBook(Protocol):
    """The rows behind the local OrderSource; the store keeps them."""

    def find(self, shop_id: str, order_id: str) -> ShopOrder | None:
        """Return the order, or None where this shop has none of that id."""


class ToolRunner(Protocol):
    """Executes a tool call at most once a key, and records it before and after."""

    def run(self, return_id: str, call: ToolCall) -> ToolAction: ...


class ToolCase(NamedTuple):
    """On whose behalf a tool runs; all of it from our own rows, none of it from the model."""

    return_id: str
    shop_id: str
    customer_email: str | None = None


class ToolProvider(Protocol):
    """Does the work of tools in the world. Recording it before and after is the ledger's job."""

    def execute(self, call: ToolCall, idempotency_key: str, case: ToolCase) -> Mapping[str, Any]:
        """Do the work at most once a key and return what to record as the action's result.

        Called again with the same key, also after a crash, it has no second effect and returns the same result.
        Raises ToolRefused (repeating cannot help) and ToolUnavailable (outcome unknown: repeat with the same key).
        """


class JournalEntry(NamedTuple):
    """One balanced posting of money given back. `kind` is `refund` or `store_credit`.

    `lines` maps an account to hundredths of the currency's unit: positive is debit, negative is credit; their sum is 0.
    """

    key: str
    return_id: str
    shop_id: str
    order_id: str
    kind: str
    currency: str
    lines: Mapping[str, int]
    at: datetime

    @property
    def amount_cents(self) -> int:
        return sum(amount for amount in self.lines.values() if amount > 0)


class JournalLimits(NamedTuple):
    """What debits may sum to at most, this entry's included, in hundredths of the currency's unit.

    `order_cents` is for all debits of the order, `account_cents` for those of each account that the entry debits.
    """

    order_cents: int
    account_cents: int


class Journal(Protocol):
    """The append-only double-entry book of refunds and store credit."""

    def post(self, entry: JournalEntry, limits: JournalLimits) -> bool:
        """Append the entry unless its key is there already; return whether it was new.

        The check of the limits and the append are one atomic step, so that two postings at once cannot both pass.
        Raises JournalRefused (over a limit, unbalanced, or the key is there with another content).
        """

    def entries(self, shop_id: str, order_id: str) -> Sequence[JournalEntry]:
        """Return the order's entries, oldest first."""


class OrderNotFound(Exception):
    """The source knows no such order of this shop."""


class ItemNotInOrder(Exception):
    """The order exists, but holds no such item; the message lists the items it holds."""


class ItemNotNamed(ItemNotInOrder):
    """The order holds several items and the request names none; the message lists the items it holds."""


class OrderSourceUnavailable(Exception):
    """The source did not answer; the job is retried later."""


class ToolRefused(Exception):
    """The tool cannot do this, now or later; the message says why and goes to the reviewer."""


class JournalRefused(ToolRefused):
    """The journal would not balance, or would give back more than was paid."""


class ToolUnavailable(Exception):
    """The provider did not answer or is down: the outcome is unknown. Repeat later with the same key."""


class DeciderUnavailable(Exception):
    """The model server does not answer, or not us; the job is retried later."""
