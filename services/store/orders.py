"""Rows behind the local order source. What an order's facts are is `services.domain.orders`'."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert

from services.domain.orders import ShopOrder
from services.store.sessions import Sessions
from services.store.tables import ShopOrderRow


class OrderRows:
    """Implements `ports.OrderBook`."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def find(self, shop_id: str, order_id: str) -> ShopOrder | None:
        """Return the order, or None where this shop has none of that id."""
        with self._sessions() as session:
            row = session.get(ShopOrderRow, (shop_id, order_id))
            return ShopOrder.model_validate(row.document) if row else None

    def put(self, orders: Iterable[ShopOrder], now: datetime) -> int:
        """Store or replace orders; return how many."""
        rows = [
            {
                "shop_id": order.shop_id,
                "order_id": order.order_id,
                "document": order.model_dump(mode="json"),
                "updated_at": now,
            }
            for order in orders
        ]
        if rows:
            statement = insert(ShopOrderRow)
            changed = {name: statement.excluded[name] for name in ("document", "updated_at")}
            with self._sessions() as session:
                session.execute(
                    statement.on_conflict_do_update(index_elements=["shop_id", "order_id"], set_=changed), rows
                )
        return len(rows)
