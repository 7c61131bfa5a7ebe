"""One contract for both order sources, the local database and a shop's HTTP server, with the same orders in each."""

from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import unquote

import pytest

from infra.database import make_engine
from services.adapters.http_json import new_client
from services.adapters.order_file import read_orders
from services.adapters.orders import HttpOrders, LocalOrders
from services.adapters.patience import Persistent
from services.domain.orders import ShopOrder
from services.ports import ItemNotInOrder, ItemNotNamed, OrderNotFound, OrderSource
from services.store.orders import OrderRows
from services.store.sessions import sessions
from services.store.tables import ShopRow
from tests.service.shop_server import serving

AS_OF = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
SAMPLES = Path(__file__).parents[2] / "infra" / "samples" / "orders.json"


def all_orders() -> list[ShopOrder]:
    ours = read_orders(SAMPLES, "sample-shop").orders
    foreign = ours[0].model_copy(update={"order_id": "B-1", "shop_id": "other-shop"})
    awkward = ours[0].model_copy(update={"order_id": "A/1 ä?#%2F..", "shop_id": "sample-shop"})
    return [*ours, foreign, awkward]


@pytest.fixture(scope="module")
def engine(migrated_url):
    made = make_engine(migrated_url)
    yield made
    made.dispose()


@pytest.fixture(scope="module")
def local(engine):
    opened = sessions(engine)
    with opened() as session:
        for shop in ("sample-shop", "other-shop"):
            session.merge(ShopRow(id=shop, name=shop, created_at=NOW))
    rows = OrderRows(opened)
    rows.put(all_orders(), NOW)
    return LocalOrders(rows)


@pytest.fixture(scope="module")
def over_http():
    held = {(order.shop_id, order.order_id): order for order in all_orders()}

    def answer(reply, request):
        _, _, shop_id, _, order_id = (unquote(part) for part in request.path.split("/"))
        order = held.get((shop_id, order_id))
        if order is None:
            reply.json(404, {"title": "no such order"})
        else:
            reply.json(200, order.model_dump(mode="json") | {"a_field_of_theirs": 1})

    with serving(answer) as server, new_client(server.url) as client:
        yield HttpOrders(client, Persistent())


@pytest.fixture(params=["local", "over_http"])
def source(request) -> OrderSource:
    return request.getfixturevalue(request.param)


def test_both_sources_state_the_same_facts(local, over_http):
    compared = 0
    for order in all_orders()[::3]:
        for line in order.lines:
            asked = (order.shop_id, order.order_id, line.item, AS_OF)
            assert local.facts(*asked) == over_http.facts(*asked)
            compared += 1
    assert compared > 80


def test_the_lamp_is_damaged_and_twelve_days_old(source):
    lamp = source.facts("sample-shop", "A10234", None, AS_OF)
    assert (lamp.item, lamp["damage_confirmed"], lamp["days_since_delivery"]) == ("lamp", True, 12)
    assert lamp.requested_on == AS_OF


def test_spaces_around_an_order_id_do_not_matter(source):
    assert source.facts("sample-shop", " A10234\n", "LAMP ", AS_OF).order_id == "A10234"


def test_an_awkward_order_id_reaches_its_order_and_no_other_path(source):
    assert source.order("sample-shop", "A/1 ä?#%2F..").order_id == "A/1 ä?#%2F.."


@pytest.mark.parametrize(
    "order_id", ["A99999", "", "..", "../../shops", "A10234'; --", "A" * 300, "A\u0000", "A\ud800", "A\n1"]
)
def test_an_unknown_order_is_not_found(source, order_id):
    with pytest.raises(OrderNotFound, match="this shop has no order"):
        source.facts("sample-shop", order_id, None, AS_OF)


@pytest.mark.parametrize(
    ("shop_id", "order_id"), [("sample-shop", "B-1"), ("other-shop", "A10234"), ("none", "A10234")]
)
def test_another_shops_order_is_not_found_in_the_same_words(source, shop_id, order_id):
    with pytest.raises(OrderNotFound) as foreign:
        source.facts(shop_id, order_id, None, AS_OF)
    assert str(foreign.value) == f"this shop has no order {order_id!r}"


def test_an_item_the_order_does_not_hold_is_told_with_those_it_holds(source):
    with pytest.raises(ItemNotInOrder, match="holds no 'gloves'; it holds: teapot, mug, tray"):
        source.facts("sample-shop", "A10320", "gloves", AS_OF)


def test_several_items_and_none_named_is_told_with_their_names(source):
    for unnamed in (None, "", "  "):
        with pytest.raises(ItemNotNamed, match="several items; name one of: teapot, mug, tray"):
            source.facts("sample-shop", "A10320", unnamed, AS_OF)


def test_an_order_on_its_way_is_an_answer_and_no_error(source):
    desk = source.facts("sample-shop", "A10305", None, AS_OF)
    assert (desk["delivered"], desk["days_late"], desk["days_since_delivery"]) == (False, 14, None)
