"""An order as a shop's system of record holds it, and the trusted facts of one of its items on a day.

Fetching orders is an adapter's job; what follows from the dates is `facts.with_derived`.
"""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.domain.facts import FactValue, OrderFacts, with_derived

Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Inspection(BaseModel):
    """What a person of the shop found when looking at the item or its photos. None: nobody has looked."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    damage_confirmed: bool | None = None
    defect_confirmed: bool | None = None
    wrong_item_confirmed: bool | None = None
    parts_missing_confirmed: bool | None = None
    mismatch_confirmed: bool | None = None
    spoilage_confirmed: bool | None = None


class OrderLine(BaseModel):
    """One item of an order. `price_cents` is what was paid for all `quantity` of it; None is "not established"."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    item: Text
    category: Text
    price_cents: int = Field(ge=0)
    quantity: int = Field(default=1, ge=1)
    sku: str | None = None
    final_sale: bool | None = None
    unopened: bool | None = None
    bundle_complete: bool | None = None
    recalled: bool | None = None
    inspection: Inspection = Inspection()


class ShopOrder(BaseModel):
    """An order with its lines. Unknown fields are ignored, so that a shop's service may grow; wrong types are not.

    `already_refunded_cents` is what the shop gave back outside this product.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    order_id: Text
    shop_id: Text
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    purchased_on: date | None = None
    promised_on: date | None = None
    delivered_on: date | None = None
    payment_method: str | None = None
    is_gift: bool | None = None
    prior_returns_12m: int | None = Field(default=None, ge=0)
    already_refunded_cents: int = Field(default=0, ge=0)
    customer_email: str | None = None
    lines: tuple[OrderLine, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _items_are_told_apart(self) -> "ShopOrder":
        names = [line.item.casefold() for line in self.lines]
        if len(set(names)) != len(names):
            raise ValueError("lines: two lines have the same item name; give each its own, or one line with a quantity")
        return self

    @property
    def paid_cents(self) -> int:
        return sum(line.price_cents for line in self.lines)

    def line(self, item: str) -> OrderLine | None:
        """Return the line of that name or SKU, whatever its case."""
        wanted = item.strip().casefold()
        return next(
            (x for x in self.lines if wanted in {x.item.casefold(), (x.sku or "").casefold()} and wanted),
            None,
        )


def facts_of(order: ShopOrder, line: OrderLine, on: date) -> OrderFacts:
    """Return the facts of one line as they stood on `on`; what happened after that day is not yet a fact.

    `days_late` is the days from the promised to the actual delivery (or to `on` while undelivered), at least 0.
    """
    delivered_on = order.delivered_on if order.delivered_on and order.delivered_on <= on else None
    values: dict[str, FactValue] = {
        "order_id": order.order_id,
        "item": line.item,
        "category": line.category,
        "price_cents": line.price_cents,
        "currency": order.currency,
        "purchased_on": order.purchased_on.isoformat() if order.purchased_on else None,
        "delivered": delivered_on is not None,
        "delivered_on": delivered_on.isoformat() if delivered_on else None,
        "promised_on": order.promised_on.isoformat() if order.promised_on else None,
        "requested_on": on.isoformat(),
        "days_late": max(0, ((delivered_on or on) - order.promised_on).days) if order.promised_on else None,
        "final_sale": line.final_sale,
        "unopened": line.unopened,
        **line.inspection.model_dump(),
        "prior_returns_12m": order.prior_returns_12m,
        "payment_method": order.payment_method,
        "is_gift": order.is_gift,
        "bundle_complete": line.bundle_complete,
        "recalled": line.recalled,
    }
    return with_derived(OrderFacts(values=values))
