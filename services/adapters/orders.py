"""Both real order sources: the local database and any shop's order service over HTTP. Neither reads customer text.

What the facts of an order are is `services.domain.orders`'; rows are the store's.
"""

from datetime import date
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from services.adapters.http_json import Answer, exchange
from services.adapters.patience import CircuitOpen, Persistent, TryAgain
from services.domain.facts import OrderFacts
from services.domain.orders import OrderLine, ShopOrder, facts_of
from services.ports import ItemNotInOrder, ItemNotNamed, OrderBook, OrderNotFound, OrderRecords, OrderSourceUnavailable


def named_line(order: ShopOrder, item: str | None) -> OrderLine:
    """Return the line the request is about; with one line, no name is needed.

    Raises ItemNotInOrder and ItemNotNamed, whose messages list what the order holds.
    """
    if item is None or not item.strip():
        if len(order.lines) == 1:
            return order.lines[0]
        raise ItemNotNamed(f"order {order.order_id} holds several items; name one of: {order.item_names}")
    line = order.line(item)
    if line is None:
        raise ItemNotInOrder(f"order {order.order_id} holds no {item.strip()!r}; it holds: {order.item_names}")
    return line


class _Facts(OrderRecords):
    """The half that both sources share: from a whole order to the facts of one item."""

    def facts(self, shop_id: str, order_id: str, item: str | None, on: date) -> OrderFacts:
        """Return the trusted facts as of `on`; see `services.ports.OrderSource` for what it raises."""
        order = self.order(shop_id, order_id)
        return facts_of(order, named_line(order, item), on)


class LocalOrders(_Facts):
    """Orders that this desk's own database holds, for shops without an order service."""

    def __init__(self, book: OrderBook) -> None:
        self._book = book

    def order(self, shop_id: str, order_id: str) -> ShopOrder:
        """Return the order. Raises OrderNotFound, also for another shop's order: who asks learns nothing of it."""
        order = self._book.find(shop_id, _askable(order_id))
        if order is None:
            raise _unknown(order_id)
        return order


class HttpOrders(_Facts):
    """Orders behind `GET {base}/shops/{shop_id}/orders/{order_id}`, as docs/order-service.openapi.yaml has it."""

    def __init__(self, client: httpx.Client, persistent: Persistent | None = None) -> None:
        self._client = client
        self._persistent = persistent or Persistent()

    def order(self, shop_id: str, order_id: str) -> ShopOrder:
        """Return the order. Raises OrderNotFound, OrderSourceUnavailable (which says what the service did)."""
        wanted = _askable(order_id)
        path = f"shops/{_segment(shop_id)}/orders/{_segment(wanted)}"
        try:
            answer = self._persistent.call(lambda seconds: exchange(self._client, "GET", path, seconds))
        except (TryAgain, CircuitOpen) as error:
            raise OrderSourceUnavailable(f"order service {self._client.base_url}: {error}") from error
        return self._understood(answer, shop_id, wanted)

    def _understood(self, answer: Answer, shop_id: str, order_id: str) -> ShopOrder:
        if answer.status in {404, 410}:
            raise _unknown(order_id)
        if answer.status in {401, 403}:
            raise self._unusable("refuses our credentials; check ORDER_SOURCE_TOKEN")
        if answer.status != 200:
            raise self._unusable(f"answered {answer.status}, which its contract does not know")
        try:
            order = ShopOrder.model_validate(answer.body)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"]) or "body"
            raise self._unusable(f"breaks its contract at {field}: {first['msg']}") from error
        if order.shop_id != shop_id:
            raise _unknown(order_id)
        if order.order_id.casefold() != order_id.casefold():
            raise self._unusable(f"answered with order {order.order_id!r} when asked for {order_id!r}")
        return order

    def _unusable(self, what: str) -> OrderSourceUnavailable:
        return OrderSourceUnavailable(f"order service {self._client.base_url}: {what}")


def _askable(order_id: str) -> str:
    """Return the id without outer spaces. Raises OrderNotFound for one that no order has, such as a control code."""
    wanted = order_id.strip()
    if not wanted or len(wanted) > 200 or not wanted.isprintable():
        raise _unknown(order_id)
    return wanted


def _unknown(order_id: str) -> OrderNotFound:
    return OrderNotFound(f"this shop has no order {order_id.strip()[:100]!r}")


def _segment(text: str) -> str:
    """Return `text` as one path segment: nothing in an id may climb to another path."""
    return quote(text, safe="").replace(".", "%2E")
