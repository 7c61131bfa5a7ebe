"""Trusted order facts: what systems of record say, what follows from it, and where it contradicts itself.

The customer's text never reaches this module.
"""

from collections.abc import Mapping
from datetime import date
from functools import cached_property

from pydantic import BaseModel, ConfigDict

from services.domain.canonical import digest_of

FactValue = bool | int | float | str | None


class OrderFacts(BaseModel):
    """Facts by name. True and False are established; None, or a name that is not there, is not established."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    values: Mapping[str, FactValue]

    def __getitem__(self, name: str) -> FactValue:
        return self.values.get(name)

    def text(self, name: str) -> str | None:
        value = self.values.get(name)
        return value if isinstance(value, str) and value else None

    def integer(self, name: str) -> int | None:
        value = self.values.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def day(self, name: str) -> date | None:
        """Return the fact as a date, or None where it is absent or no ISO date."""
        value = self.text(name)
        if value is None:
            return None
        try:
            return date.fromisoformat(value[:10])
        except ValueError:
            return None

    @property
    def order_id(self) -> str | None:
        return self.text("order_id")

    @property
    def item(self) -> str | None:
        return self.text("item")

    @property
    def currency(self) -> str | None:
        return self.text("currency")

    @property
    def price_cents(self) -> int | None:
        """Hundredths of the currency's unit."""
        return self.integer("price_cents")

    @property
    def requested_on(self) -> date | None:
        return self.day("requested_on")

    @cached_property
    def digest(self) -> str:
        return digest_of(dict(self.values))


def with_derived(facts: OrderFacts) -> OrderFacts:
    """Return the facts plus `days_since_X` for every date fact `X` or `X_on`, counted to `requested_on`.

    The day of delivery is day 0. A count that the source already states is kept: `contradictions` compares the two.
    """
    asked = facts.requested_on
    if asked is None:
        return facts
    values = dict(facts.values)
    for name in facts.values:
        happened = facts.day(name)
        if happened is None or name == "requested_on" or happened > asked:
            continue
        derived = _days_since_name(name)
        if values.get(derived) is None:
            values[derived] = (asked - happened).days
    return OrderFacts(values=values)


_NOUN_OF = {
    "delivered": "delivery",
    "purchased": "purchase",
    "ordered": "order",
    "shipped": "shipping",
    "promised": "promised_date",
}


def _days_since_name(name: str) -> str:
    stem = name.removesuffix("_on").removesuffix("_date").removesuffix("_at")
    return f"days_since_{_NOUN_OF.get(stem, stem)}"


# Two names that cannot hold at once: (name, value) against (name, value).
OPPOSITES: tuple[tuple[str, FactValue, str, FactValue], ...] = (
    ("unopened", True, "opened", True),
    ("unopened", False, "opened", False),
    ("unused", True, "used", True),
    ("unused", False, "used", False),
    ("unworn", True, "worn", True),
    ("sealed", True, "opened", True),
    ("unopened", True, "used", True),
    ("unopened", True, "worn", True),
    ("sealed", True, "unopened", False),
    ("seal_intact", True, "unopened", False),
    ("seal_intact", True, "opened", True),
    ("seal_intact", False, "unopened", True),
)


def contradictions(facts: OrderFacts) -> tuple[str, ...]:
    """Return one sentence a contradiction inside the facts; a case that has any goes to a person."""
    found: list[str] = []
    asked, delivered = facts.requested_on, facts.day("delivered_on")
    stated = facts.integer("days_since_delivery")
    if asked and delivered:
        if delivered > asked:
            found.append(f"delivered_on {delivered} is after requested_on {asked}")
        elif stated is not None and stated != (asked - delivered).days:
            counted = (asked - delivered).days
            found.append(f"days_since_delivery says {stated}, but the dates are {counted} days apart")
    if delivered and facts["delivered"] is False:
        found.append(f"delivered is false, but delivered_on is {delivered}")
    found.extend(
        f"{name} {value} is negative"
        for name, value in facts.values.items()
        if name.startswith("days_") and isinstance(value, int) and not isinstance(value, bool) and value < 0
    )
    for name, value, other, other_value in OPPOSITES:
        if name in facts.values and other in facts.values and facts[name] is value and facts[other] is other_value:
            found.append(f"{name} {str(value).lower()} and {other} {str(other_value).lower()} cannot both hold")
    return tuple(found)
