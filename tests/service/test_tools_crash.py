"""A process dies between an effect and its record: the next one finds the effect, records it, and makes no second."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.database import make_engine
from services.adapters.local_tools import LocalTools
from services.adapters.mail import Mailbox
from services.adapters.money import MoneyDesk
from services.adapters.order_file import read_orders
from services.adapters.orders import LocalOrders
from services.adapters.parcels import ParcelDesk
from services.domain.actions import ActionStatus, ToolCall
from services.domain.returns import ReturnRequest
from services.store.journal import JournalBook
from services.store.ledger import ToolLedger
from services.store.orders import OrderRows
from services.store.sessions import sessions
from services.store.tables import ReturnRow, ShopRow

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
SAMPLES = Path(__file__).parents[2] / "infra" / "samples" / "orders.json"
CALLS = {
    "create_return_label": {"order_id": "A10234", "item": "lamp"},
    "issue_refund": {"order_id": "A10234", "item": "lamp", "amount_cents": 4900, "currency": "EUR"},
    "issue_store_credit": {"order_id": "A10280", "amount_cents": 4900, "currency": "EUR"},
    "send_replacement": {"order_id": "A10241"},
    "cancel_return": {"order_id": "A10257"},
    "request_photos": {"order_id": "A10266"},
    "send_email": {"order_id": "A10257"},
}


class FixedClock:
    def now(self) -> datetime:
        return NOW


def request_of(name: str) -> ReturnRequest:
    order_id = CALLS[name]["order_id"]
    return ReturnRequest(
        id=f"ret-{name}", shop_id="s", order_id=order_id, message="x", customer_email="r@example.com", received_at=NOW
    )


def run(engine, folder: Path, name: str):
    """Run one call through the real ledger and the real local tools."""
    opened = sessions(engine)
    orders, journal = LocalOrders(OrderRows(opened)), JournalBook(opened)
    tools = LocalTools(
        orders,
        ParcelDesk(folder / "labels", ("Shop",)),
        MoneyDesk(orders, journal, FixedClock(), b"secret"),
        Mailbox(folder / "mail", "returns@shop.example"),
        journal,
        FixedClock(),
    )
    ledger = ToolLedger(opened, tools, FixedClock(), name="local")
    return ledger.run_for_reviewer(request_of(name), ToolCall(name=name, arguments=CALLS[name]), "r1")


def traces_of(engine, folder: Path) -> dict[str, object]:
    """Return all that the tools left behind: each file's content, and each posting."""
    left: dict[str, object] = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    journal = JournalBook(sessions(engine))
    for order_id in ("A10234", "A10280"):
        left[order_id] = [(entry.key, dict(entry.lines)) for entry in journal.entries("s", order_id)]
    return left


@pytest.fixture
def engine(fresh_migrated_url):
    made = make_engine(fresh_migrated_url)
    opened = sessions(made)
    with opened() as session:
        session.add(ShopRow(id="s", name="Sample", created_at=NOW))
        session.flush()
        for name in CALLS:
            request = request_of(name)
            session.add(
                ReturnRow(
                    id=request.id, shop_id="s", order_id=request.order_id, message="x", received_at=NOW, updated_at=NOW
                )
            )
    OrderRows(opened).put(read_orders(SAMPLES, "s").orders, NOW)
    yield made
    made.dispose()


KILLED = """
import os, signal, sys
from pathlib import Path
from infra.database import make_engine
from services.store.ledger import ToolLedger
from tests.service.test_tools_crash import run
ToolLedger._record = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
for name in sys.argv[3:]:
    if os.fork() == 0:
        run(make_engine(sys.argv[1]), Path(sys.argv[2]), name)
    _, status = os.wait()
    assert os.WTERMSIG(status) == signal.SIGKILL, name
"""


@pytest.mark.chaos
def test_every_tool_killed_before_its_record_has_one_effect_after_all(engine, fresh_migrated_url, tmp_path):
    command = [sys.executable, "-c", KILLED, fresh_migrated_url, str(tmp_path), *CALLS]
    subprocess.run(command, check=True, cwd=Path.cwd(), timeout=60)
    before = traces_of(engine, tmp_path)
    assert len(before["A10234"]) == len(before["A10280"]) == 1, "the effects happened before the kill"
    for name in CALLS:
        action = run(engine, tmp_path, name)
        assert action.status == ActionStatus.SUCCEEDED, action.error
        assert run(engine, tmp_path, name) == action
    assert traces_of(engine, tmp_path) == before
