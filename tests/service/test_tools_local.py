"""The local tools on a real journal in PostgreSQL and real files: what they leave behind, once a key."""

import json
import secrets
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import pytest

from infra.database import make_engine
from services.adapters.labels import is_tracking_number
from services.adapters.local_tools import LocalTools
from services.adapters.mail import Mailbox
from services.adapters.money import MoneyDesk
from services.adapters.parcels import ParcelDesk
from services.domain.actions import ToolCall
from services.domain.orders import ShopOrder
from services.ports import OrderNotFound, OrderSourceUnavailable, ToolCase, ToolRefused, ToolUnavailable
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


@pytest.fixture(scope="module")
def engine(migrated_url):
    made = make_engine(migrated_url)
    yield made
    made.dispose()


@pytest.fixture
def desk(tmp_path, engine):
    return Desk(tmp_path, engine)


def test_a_label_is_a_file_and_goes_to_the_orders_own_address(desk):
    result = desk.run("create_return_label")
    assert is_tracking_number(result["tracking_number"])
    label = (desk.folder / "labels" / result["label"]).read_bytes()
    assert label.startswith(b"%PDF-1.4")
    (letter,) = desk.letters
    assert letter["To"] == "a1@example.com"
    assert next(letter.iter_attachments()).get_content() == label
    assert result["tracking_number"] in letter.get_body().get_content()


def test_the_same_key_makes_one_label_and_one_letter_and_another_key_another(desk):
    assert desk.run("create_return_label") == desk.run("create_return_label")
    assert len(list(desk.folder.rglob("*.pdf"))) == len(desk.letters) == 1
    assert (
        desk.run("create_return_label", "other")["tracking_number"]
        != desk.run("create_return_label")["tracking_number"]
    )


def test_a_label_without_any_address_is_made_and_says_that_it_was_not_mailed(desk):
    result = desk.run("create_return_label", order_id="A2", item="mug", case=desk.case._replace(customer_email=None))
    assert result["mailed"] is False
    assert desk.letters == []


def test_a_refund_is_a_balanced_entry_owed_to_the_way_it_was_paid(desk):
    result = desk.refund(4900)
    assert result == {"amount_cents": 4900, "currency": "EUR", "paid_to": "card", "journal_key": f"key-{desk.shop}"}
    (entry,) = desk.journal.entries(desk.shop, "A1")
    assert entry.lines == {"given_back:lamp": 4900, "refunds_payable:card": -4900}
    assert (entry.kind, entry.return_id, entry.at) == ("refund", desk.case.return_id, NOW)
    assert set(desk.journal.balance().values()) == {0}


def test_store_credit_gets_a_code_that_stays_and_that_ids_do_not_give_away(desk):
    first, again = (desk.refund(1000, name="issue_store_credit") for _ in range(2))
    assert first == again
    assert first["credit_code"].startswith("SC-")
    (entry,) = desk.journal.entries(desk.shop, "A1")
    assert entry.lines["store_credit_owed"] == -1000
    (letter,) = desk.letters
    assert first["credit_code"] in letter.get_body().get_content()
    assert "EUR 10.00" in letter.get_body().get_content()
    elsewhere = MoneyDesk(desk.orders, desk.journal, FixedClock(), b"another secret")
    call = ToolCall(name="issue_store_credit", arguments={"order_id": "A1", "amount_cents": 1000, "currency": "EUR"})
    assert elsewhere.store_credit(call, f"key-{desk.shop}", desk.case)["credit_code"] != first["credit_code"]


@pytest.mark.parametrize(("cents", "more", "says"), [
    (4901, {}, "at most 4900 may"),
    (0, {}, "above 0, not 0"),
    (-1, {}, "above 0, not -1"),
    (True, {}, "not True"),
    (49.0, {}, "not 49.0"),
    ("4900", {}, "not '4900'"),
    (100, {"currency": "USD"}, "'USD' is not the order's, EUR"),
    (100, {"item": "sofa"}, "holds no 'sofa'; it holds: lamp"),
    (100, {"order_id": "A9"}, "no order 'A9'"),
    (100, {"order_id": "A2"}, "several items; name one of: teapot, mug"),
    (100, {"order_id": 7}, "needs order_id"),
])  # fmt: skip
def test_money_that_is_not_owed_is_refused_and_leaves_no_entry(desk, cents, more, says):
    with pytest.raises(ToolRefused, match=says):
        desk.refund(cents, **more)
    assert desk.given_back("A1") == desk.given_back("A2") == 0


def test_refunds_and_credits_together_never_exceed_what_was_paid(desk):
    desk.refund(3000, "a")
    desk.refund(1900, "b", name="issue_store_credit", case=desk.other)
    with pytest.raises(ToolRefused, match="4901 hundredths would go back on order A1; at most 4900 may"):
        desk.refund(1, "c")
    assert desk.given_back() == 4900


def test_what_the_shop_gave_back_elsewhere_counts(desk):
    with pytest.raises(ToolRefused, match="at most 900 may"):
        desk.refund(901, order_id="A3")
    desk.refund(900, order_id="A3")


def test_one_item_cannot_take_the_money_of_another(desk):
    with pytest.raises(ToolRefused, match="given_back:mug; at most 2000 may"):
        desk.refund(2001, order_id="A2", item="mug")
    desk.refund(2000, order_id="A2", item="mug")
    with pytest.raises(ToolRefused, match="given_back:mug"):
        desk.refund(1, "b", order_id="A2", item="MUG")
    desk.refund(2000, "c", order_id="A2", item="teapot")


def test_the_same_key_with_another_amount_is_refused(desk):
    desk.refund(1000)
    with pytest.raises(ToolRefused, match="posted before with another content"):
        desk.refund(2000)
    assert desk.given_back() == 1000


def test_twenty_at_once_with_one_key_give_the_money_once(desk):
    with ThreadPoolExecutor(12) as pool:
        results = list(pool.map(lambda _: desk.refund(4900), range(20)))
    assert len({json.dumps(result) for result in results}) == 1
    assert desk.given_back() == 4900


def test_twenty_at_once_with_keys_of_their_own_never_exceed_what_was_paid(desk):
    def attempt(number):
        try:
            return desk.refund(1000, f"key-{number}")["amount_cents"]
        except ToolRefused:
            return 0

    with ThreadPoolExecutor(12) as pool:
        given = sum(pool.map(attempt, range(20)))
    assert given == desk.given_back() == 4000


def test_a_system_of_record_that_is_down_is_tried_later_and_nothing_happens(desk):
    desk.orders.down = True
    for name in ("create_return_label", "issue_refund", "send_replacement", "cancel_return", "request_photos"):
        with pytest.raises(ToolUnavailable, match="answered 500"):
            desk.refund(100, name=name)
    assert not list(desk.folder.rglob("*.*"))


def test_a_replacement_is_a_record_for_the_warehouse_written_once(desk):
    first, again = desk.run("send_replacement"), desk.run("send_replacement")
    assert first == again
    (file,) = desk.folder.rglob("replacement-*.json")
    record = json.loads(file.read_bytes())
    assert record == first
    assert (record["item"], record["sku"], record["quantity"], record["state"]) == ("lamp", "L-1", 1, "to_pick")
    assert is_tracking_number(record["shipment"])


def test_a_cancelled_return_voids_its_labels_and_gets_no_new_one(desk):
    label = desk.run("create_return_label")
    cancelled = desk.run("cancel_return", "cancel")
    assert cancelled["void_labels"] == [label["tracking_number"]]
    assert desk.run("cancel_return", "cancel") == cancelled
    for name in ("create_return_label", "send_replacement"):
        with pytest.raises(ToolRefused, match=f"{desk.case.return_id} is cancelled"):
            desk.run(name, "later")
    assert desk.run("create_return_label") == label
    assert desk.run("send_email", "mail")["attachments"] == []
    assert is_tracking_number(desk.run("create_return_label", case=desk.other)["tracking_number"])


def test_a_return_that_cost_money_or_goods_is_not_cancelled(desk):
    desk.refund(100)
    with pytest.raises(ToolRefused, match="money was given back"):
        desk.run("cancel_return", "cancel")
    other = desk.other
    desk.run("send_replacement", case=other)
    with pytest.raises(ToolRefused, match="replacement is on its way"):
        desk.run("cancel_return", "cancel", case=other)


def test_photos_are_asked_for_by_mail_with_the_reference(desk):
    assert desk.run("request_photos")["mail"] == f"key-{desk.shop}.eml"
    (letter,) = desk.letters
    assert letter["To"] == "a1@example.com"
    assert desk.case.return_id in letter.get_body().get_content()


def test_mail_goes_to_the_requests_address_where_the_order_knows_none(desk):
    desk.run("send_email", order_id="A2", item="mug")
    assert desk.letters[0]["To"] == "request@example.com"
    with pytest.raises(ToolRefused, match="no e-mail address is known for order A2"):
        desk.run("request_photos", "k2", order_id="A2", item="mug", case=desk.case._replace(customer_email=None))


@pytest.mark.parametrize("name", ["create_return_label", "issue_store_credit", "send_email", "request_photos"])
def test_the_giver_of_a_present_is_not_told_of_its_return(desk, name):
    money = {"amount_cents": 100, "currency": "EUR"} if name == "issue_store_credit" else {}
    desk.run(name, order_id="GIFT", **money)
    assert [letter["To"] for letter in desk.letters] == ["request@example.com"]


def test_credit_without_an_address_says_that_its_code_was_not_mailed(desk):
    nobody = desk.case._replace(customer_email=None)
    assert desk.refund(100, name="issue_store_credit", order_id="GIFT", case=nobody)["mailed"] is False
    assert desk.letters == []


def test_a_notice_brings_the_labels_of_its_return_and_of_no_other(desk):
    label = desk.run("create_return_label")
    desk.run("create_return_label", "other", case=desk.other)
    sent = desk.run("send_email", "mail")
    assert sent["attachments"] == [f"{label['tracking_number']}.pdf"]


def test_a_folder_that_cannot_be_written_leaves_the_outcome_open(desk):
    desk.folder.joinpath("labels").write_text("a file where the folder should be")
    for name in ("create_return_label", "send_replacement", "cancel_return"):
        with pytest.raises(ToolUnavailable):
            desk.run(name)


def test_a_tool_that_does_not_exist_is_refused_with_those_that_do(desk):
    with pytest.raises(ToolRefused, match="no tool named 'delete_order'; there are: create_return_label"):
        desk.run("delete_order")


CRASH = """
import os, signal, sys
from pathlib import Path
from services.adapters import files
link = os.link
def die(*names):
    if sys.argv[2] == "after":
        link(*names)
    os.kill(os.getpid(), signal.SIGKILL)
os.link = die
files.write_once(Path(sys.argv[1]), b"whole" * 100_000)
"""


@pytest.mark.parametrize(("moment", "left"), [("before", False), ("after", True)])
def test_a_file_is_whole_or_not_there_when_its_writer_is_killed(tmp_path, moment, left):
    path = tmp_path / "folder" / "label.pdf"
    command = [sys.executable, "-c", textwrap.dedent(CRASH), str(path), moment]
    killed = subprocess.run(command, check=False, cwd=Path.cwd())
    assert killed.returncode == -signal.SIGKILL
    assert path.exists() == left
    from services.adapters.files import write_once  # noqa: PLC0415

    assert write_once(path, b"whole" * 100_000) == (not left)
    assert path.read_bytes() == b"whole" * 100_000


def test_many_writers_of_one_file_agree_on_one(tmp_path):
    from services.adapters.files import write_once  # noqa: PLC0415

    path = tmp_path / "file"
    with ThreadPoolExecutor(8) as pool:
        wrote = list(pool.map(lambda n: write_once(path, str(n).encode()), range(40)))
    assert wrote.count(True) == 1
    assert path.read_bytes() == str(wrote.index(True)).encode()
    assert list(tmp_path.iterdir()) == [path]
