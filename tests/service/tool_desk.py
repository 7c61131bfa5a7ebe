"""Local tools on a real journal and real files, with orders in a dictionary. Holds no tests."""

import secrets
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

from services.adapters.local_tools import LocalTools
from services.adapters.mail import Mailbox
from services.adapters.money import MoneyDesk
from services.adapters.parcels import ParcelDesk
from services.domain.actions import ToolCall
from services.domain.orders import ShopOrder
from services.ports import OrderNotFound, OrderSourceUnavailable, ToolCase
from services.store.journal import JournalBook
from services.store.sessions import sessions
from services.store.tables import ReturnRow, ShopRow

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


class Orders:
    """Orders in a dictionary; `down` makes the system of record unreachable."""

    def __init__(self, shop_id: str) -> None:
        self.shop_id = shop_id
        lines = [{"item": "lamp", "category": "home", "price_cents": 4900, "sku": "L-1"}]
        tea = [{"item": item, "category": "home", "price_cents": 2000} for item in ("teapot", "mug")]
        self.held = [
            self.one("A1", lines, customer_email="a1@example.com"),
            self.one("A2", tea),
            self.one("A3", lines, already_refunded_cents=4000),
            self.one("GIFT", lines, customer_email="giver@example.com", is_gift=True),
        ]
        self.down = False

    def one(self, order_id, lines, *, is_gift=False, **more) -> ShopOrder:
        facts = {"payment_method": "card", "is_gift": is_gift}
        return ShopOrder(order_id=order_id, shop_id=self.shop_id, currency="EUR", lines=lines, facts=facts, **more)

    def order(self, shop_id: str, order_id: str) -> ShopOrder:
        if self.down:
            raise OrderSourceUnavailable("order service: answered 500")
        found = next((one for one in self.held if (one.shop_id, one.order_id) == (shop_id, order_id)), None)
        if found is None:
            raise OrderNotFound(f"this shop has no order {order_id!r}")
        return found


class FixedClock:
    def now(self) -> datetime:
        return NOW


class Desk:
    """Local tools with everything they write to, for a shop of its own with two returns."""

    def __init__(self, folder, engine) -> None:
        opened = sessions(engine)
        self.shop = secrets.token_hex(4)
        self.case, self.other = (ToolCase(f"{self.shop}-{n}", self.shop, "request@example.com") for n in (1, 2))
        with opened() as session:
            session.add(ShopRow(id=self.shop, name="Sample", created_at=NOW))
            session.flush()
            for case in (self.case, self.other):
                times = {"received_at": NOW, "updated_at": NOW}
                session.add(ReturnRow(id=case.return_id, shop_id=self.shop, order_id="A1", message="x", **times))
        self.folder = folder
        self.orders = Orders(self.shop)
        self.journal = JournalBook(opened)
        money = MoneyDesk(self.orders, self.journal, FixedClock(), b"secret")
        parcels = ParcelDesk(folder / "labels", ("Sample Shop", "Returns"))
        mailbox = Mailbox(folder / "mail", "returns@shop.example")
        self.tools = LocalTools(self.orders, parcels, money, mailbox, self.journal, FixedClock())

    def run(self, name, key="key", case=None, order_id="A1", **arguments):
        call = ToolCall(name=name, arguments={"order_id": order_id} | arguments)
        return self.tools.execute(call, f"{key}-{self.shop}", case or self.case)

    def refund(self, cents, key="key", name="issue_refund", case=None, order_id="A1", **more):
        arguments = {"amount_cents": cents, "currency": "EUR"} | more
        return self.run(name, key, case, order_id, **arguments)

    def given_back(self, order_id="A1"):
        return sum(entry.amount_cents for entry in self.journal.entries(self.shop, order_id))

    @property
    def letters(self) -> list[EmailMessage]:
        files = sorted((self.folder / "mail").glob("*.eml"))
        return [BytesParser(EmailMessage, policy=policy.default).parsebytes(file.read_bytes()) for file in files]
