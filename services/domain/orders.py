"""An order as a shop's system of record holds it, and the trusted facts of one of its items on a day.

Fetching orders is an adapter's job; counting days is `facts.with_derived`'s.
"""

from collections.abc import Mapping
from datetime import date
from typing import Annotated

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    StringConstraints,
    field_validator,
    model_validator,
)

from policies.facts import STANDARD_FACTS, fits
from services.domain.facts import FactValue, OrderFacts, with_derived

Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Facts = Mapping[str, StrictBool | StrictInt | StrictFloat | StrictStr | None]

COMPUTED_FACTS = frozenset(
    {
        "order_id",
        "item",
        "category",
        "price_cents",
        "currency",
        "quantity",
        "delivered",
        "delivered_on",
        "promised_on",
        "purchased_on",
        "requested_on",
        "days_since_delivery",
        "days_since_purchase",
        "days_late",
    }
)
"""Facts that have a field of their own or follow from dates: a source cannot state them a second time."""


def _checked(facts: Mapping[str, FactValue]) -> Mapping[str, FactValue]:
    for name, value in facts.items():
        if name in COMPUTED_FACTS:
            raise ValueError(f"{name} has a field of its own, or is computed from dates; leave it out of facts")
        kind = STANDARD_FACTS.get(name)
        if kind is not None and value is not None and not fits(value, kind):
            raise ValueError(f"{name} must be {kind.value} or null, not {value!r}")
    return facts


class OrderLine(BaseModel):
    """One item of an order. `price_cents` is what was paid for all `quantity` of it, in hundredths of the currency.

    `facts` are what the shop has established about it, such as `damage_confirmed` after inspection; null, or a name
    that is not there, is not established.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    item: Text
    category: Text
    price_cents: StrictInt = Field(ge=0)
    quantity: StrictInt = Field(default=1, ge=1)
    sku: Text | None = None
    facts: Facts = Field(default_factory=dict)

    _facts_are_typed = field_validator("facts")(_checked)


class ShopOrder(BaseModel):
    """An order with its lines. Unknown fields are ignored, so that a shop's service may grow; wrong types are not.

    `facts` hold for the whole order; a line's own facts win over them. `already_refunded_cents` is what the shop gave
    back outside this product. Dates are calendar days where the customer lives.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    order_id: Text
    shop_id: Text
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    purchased_on: date | None = None
    promised_on: date | None = None
    delivered_on: date | None = None
    already_refunded_cents: StrictInt = Field(default=0, ge=0)
    customer_email: Text | None = None
    facts: Facts = Field(default_factory=dict)
    lines: tuple[OrderLine, ...] = Field(min_length=1)

    _facts_are_typed = field_validator("facts")(_checked)

    @model_validator(mode="after")
    def _items_are_told_apart(self) -> "ShopOrder":
        names = [line.item.casefold() for line in self.lines]
        if len(set(names)) != len(names):
            raise ValueError("lines: two lines have the same item name; give each its own, or one line with a quantity")
        return self

    @property
    def paid_cents(self) -> int:
        return sum(line.price_cents for line in self.lines)

    @property
    def item_names(self) -> str:
        """The items as a sentence part, for messages."""
        return ", ".join(line.item for line in self.lines)

    def line(self, item: str) -> OrderLine | None:
        """Return the line of that name or SKU, whatever its case and outer spaces."""
        wanted = item.strip().casefold()
        return next((x for x in self.lines if wanted in {x.item.casefold(), (x.sku or x.item).casefold()}), None)


def facts_of(order: ShopOrder, line: OrderLine, on: date) -> OrderFacts:
    """Return the facts of one line as they stood on `on`: a delivery after that day is not yet one.

    `days_late` is the days from the promised day to the delivery, or to `on` while undelivered; never below 0.
    """
    delivered_on = order.delivered_on if order.delivered_on and order.delivered_on <= on else None
    values: dict[str, FactValue] = {
        "order_id": order.order_id,
        "item": line.item,
        "category": line.category,
        "price_cents": line.price_cents,
        "currency": order.currency,
        "quantity": line.quantity,
        "purchased_on": _text(order.purchased_on),
        "promised_on": _text(order.promised_on),
        "delivered": delivered_on is not None,
        "delivered_on": _text(delivered_on),
        "requested_on": on.isoformat(),
        "days_late": max(0, ((delivered_on or on) - order.promised_on).days) if order.promised_on else None,
        **order.facts,
        **line.facts,
    }
    return with_derived(OrderFacts(values=values))


def _text(day: date | None) -> str | None:
    return day.isoformat() if day else None
