"""Statements about the order's past: those that the trusted facts do not support, or contradict."""

from collections.abc import Sequence
from typing import NamedTuple

from services.domain.claims import Effect
from services.domain.facts import OrderFacts
from services.domain.reading import Report
from services.domain.reading.dates import DatedEvent, dated_events

# Fact names under which a shop's record may hold an effect of before the conversation.
_FACTS_OF: dict[Effect, tuple[str, ...]] = {
    Effect.ISSUE_REFUND: ("refunded", "refund_issued", "refunded_on", "refund_issued_on"),
    Effect.ISSUE_STORE_CREDIT: ("store_credit_issued", "store_credit_issued_on"),
    Effect.CREATE_RETURN_LABEL: ("label_created", "label_created_on"),
    Effect.SEND_REPLACEMENT: ("replacement_sent", "replacement_sent_on"),
    Effect.RETURN_STARTED: ("return_started", "return_started_on", "return_received", "returned_on"),
    Effect.EXCHANGE: ("exchanged", "exchanged_on"),
    Effect.ORDER_CANCELLED: ("cancelled", "order_cancelled", "cancelled_on"),
    Effect.ADDRESS_CHANGED: ("address_changed", "address_changed_on"),
}


class Problem(NamedTuple):
    why: str
    start: int
    end: int
    contradicted: bool


def unsupported_statements(reply: str, reports: Sequence[Report], facts: OrderFacts) -> list[Problem]:
    """Return one problem a statement of past state that the facts do not bear out."""
    problems = []
    for report in reports:
        names = _FACTS_OF.get(report.effect, ())
        if not any(facts[name] not in {None, False} for name in names):
            why = f'"{report.text}" reports {report.effect.value.replace("_", " ")} from the record, which does not show it'  # noqa: E501 - a pattern is read by the line
            problems.append(Problem(why, report.start, report.end, False))
    for event in dated_events(reply, facts.requested_on):
        problem = _undated(event, facts)
        if problem is not None:
            problems.append(problem)
    return problems


# Other names under which a record may hold the same day.
_SAME_DAY = {"ordered_on": ("ordered_on", "purchased_on", "placed_on"), "delivered_on": ("delivered_on",)}


def _undated(event: DatedEvent, facts: OrderFacts) -> Problem | None:
    names = _SAME_DAY.get(event.fact, (event.fact,))
    days = [day for name in names if (day := facts.day(name)) is not None]
    if any(event.fits(day) for day in days):
        return None
    if days:
        return Problem(f'"{event.text}": the record says {days[0]}', event.start, event.end, True)
    return Problem(f'"{event.text}": the record holds no {event.fact}', event.start, event.end, False)
