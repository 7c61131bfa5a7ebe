"""The local tools on real files: what labels, records and letters they leave behind, once a key."""

import json
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.database import make_engine
from services.adapters.labels import is_tracking_number
from services.ports import ToolRefused, ToolUnavailable
from tests.service.tool_desk import Desk


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
