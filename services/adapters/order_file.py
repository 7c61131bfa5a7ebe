"""Orders from a JSON file, for the local order source: `{"as_of": "2026-11-24", "orders": [...]}`.

The sample shop's orders are told as of one day. Seeding moves all their dates by the days that have passed since, so
that "delivered 12 days ago" is true whenever somebody tries the product. Storing orders is the store's job.
"""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from services.domain.orders import ShopOrder


class OrderFileInvalid(ValueError):
    """The file cannot be used; the message names the file, the order and the field."""


class OrderFile(NamedTuple):
    """Orders of one shop as they stood on `as_of`."""

    as_of: date
    orders: tuple[ShopOrder, ...]

    def moved_to(self, today: date) -> tuple[ShopOrder, ...]:
        """Return the orders with every date moved by the days from `as_of` to `today`."""
        passed = today - self.as_of
        return tuple(_moved(order, passed) for order in self.orders)


def read_orders(path: Path, shop_id: str) -> OrderFile:
    """Read and check the file; its orders become `shop_id`'s, whatever they say themselves. Raises OrderFileInvalid."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OrderFileInvalid(f"{path.name} cannot be read as JSON: {error}") from error
    try:
        as_of, found = date.fromisoformat(document["as_of"]), list(document["orders"])
    except (KeyError, TypeError, ValueError) as error:
        raise OrderFileInvalid(f'{path.name}: needs "as_of" (an ISO date) and "orders" (a list)') from error
    orders = tuple(_order(path, number, one, shop_id) for number, one in enumerate(found, start=1))
    ids = [order.order_id for order in orders]
    twice = next((one for one in ids if ids.count(one) > 1), None)
    if twice is not None:
        raise OrderFileInvalid(f"{path.name}: order {twice} stands in it twice; keep one")
    return OrderFile(as_of, orders)


def _order(path: Path, number: int, one: object, shop_id: str) -> ShopOrder:
    if not isinstance(one, dict):
        raise OrderFileInvalid(f"{path.name}: order {number} is no object")
    try:
        return ShopOrder.model_validate(one | {"shop_id": shop_id})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        named = one.get("order_id") or number
        raise OrderFileInvalid(f"{path.name}: order {named}, {field}: {first['msg']}") from error


def _moved(order: ShopOrder, passed: timedelta) -> ShopOrder:
    days = ("purchased_on", "promised_on", "delivered_on")
    return order.model_copy(update={name: day + passed for name in days if (day := getattr(order, name))})
