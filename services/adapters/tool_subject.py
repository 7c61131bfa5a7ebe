"""What a tool call is about: the order and the line it names, fetched from the system of record."""

from services.adapters.orders import named_line
from services.domain.actions import ToolCall
from services.domain.orders import OrderLine, ShopOrder
from services.ports import (
    ItemNotInOrder,
    OrderNotFound,
    OrderRecords,
    OrderSourceUnavailable,
    ToolCase,
    ToolRefused,
    ToolUnavailable,
)


def the_order(orders: OrderRecords, call: ToolCall, case: ToolCase) -> ShopOrder:
    """Return the order that `call` names, if it is this shop's. Raises ToolRefused, ToolUnavailable."""
    order_id = call.arguments.get("order_id")
    if not isinstance(order_id, str) or not order_id:
        raise ToolRefused(f"{call.name} needs order_id")
    try:
        return orders.order(case.shop_id, order_id)
    except OrderNotFound as error:
        raise ToolRefused(str(error)) from error
    except OrderSourceUnavailable as error:
        raise ToolUnavailable(str(error)) from error


def the_line(order: ShopOrder, call: ToolCall) -> OrderLine:
    """Return the line that `call` names; an order with one line needs no name. Raises ToolRefused."""
    item = call.arguments.get("item")
    try:
        return named_line(order, item if isinstance(item, str) else None)
    except ItemNotInOrder as error:
        raise ToolRefused(str(error)) from error
