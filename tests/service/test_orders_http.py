"""The HTTP order source against a server that hangs, drips, errs, talks nonsense or answers for somebody else."""

import json
import time
from datetime import date
from pathlib import Path

import pytest
import yaml

from infra.settings import get_settings
from services.adapters.http_json import MAX_BODY_BYTES, new_client
from services.adapters.orders import HttpOrders
from services.adapters.patience import CircuitBreaker, Patience, Persistent
from services.domain.orders import ShopOrder
from services.ports import OrderNotFound, OrderSourceUnavailable
from tests.service.shop_server import serving
from workers.wiring import make_orders

ON = date(2026, 11, 24)
LAMP = {"item": "lamp", "category": "home", "price_cents": 4900, "facts": {"damage_confirmed": True}}
ORDER = {"order_id": "A1", "shop_id": "s", "currency": "EUR", "delivered_on": "2026-11-12", "lines": [LAMP]}
QUICK = Patience(attempts=3, deadline_seconds=1.0, first_wait_seconds=0.01)


def asked(server, *, patience=QUICK, breaker=None, token=None, order_id="A1"):
    with new_client(server.url, token) as client:
        source = HttpOrders(client, Persistent(breaker or CircuitBreaker(), patience))
        return source.facts("s", order_id, None, ON)


def in_turn(*answers):
    """Return a script that gives each answer once, and the last for ever."""
    left = list(answers)

    def script(reply, request):
        (left.pop(0) if len(left) > 1 else left[0])(reply)

    return script


def good(reply):
    reply.json(200, ORDER)


def test_it_asks_the_path_of_the_contract_with_the_shops_token():
    with serving(in_turn(good)) as server:
        assert asked(server, token="t0ken").item == "lamp"
    (request,) = server.seen
    assert (request.method, request.path) == ("GET", "/shops/s/orders/A1")
    assert request.headers["Authorization"] == "Bearer t0ken"


def test_an_id_cannot_climb_out_of_its_path():
    with serving(lambda reply, _: reply.json(404, {})) as server, pytest.raises(OrderNotFound):
        asked(server, order_id="../../admin?x=1#y")
    assert server.seen[0].path == "/shops/s/orders/%2E%2E%2F%2E%2E%2Fadmin%3Fx%3D1%23y"


@pytest.mark.parametrize("trouble", [
    lambda reply: reply.json(500, {}),
    lambda reply: reply.json(503, {}, Retry_After="0"),
    lambda reply: reply.json(429, {}, Retry_After="0.01"),
    lambda reply: reply.reset(),
    lambda reply: reply.stop_in_the_middle(),
    lambda reply: reply.raw(200, b"not gzip", Content_Encoding="gzip"),
], ids=["500", "503", "429", "reset", "half an answer", "broken encoding"])  # fmt: skip
def test_passing_trouble_is_tried_again(trouble):
    with serving(in_turn(trouble, trouble, good)) as server:
        assert asked(server).order_id == "A1"
    assert len(server.seen) == 3


def test_a_server_that_stays_broken_is_asked_three_times_and_named():
    with serving(in_turn(lambda reply: reply.json(500, {}))) as server:
        with pytest.raises(OrderSourceUnavailable, match=rf"order service {server.url}.*: answered 500"):
            asked(server)
        assert len(server.seen) == 3


@pytest.mark.parametrize("silence", ["hang", "drip", "drip_headers", "drip_without_length"])
def test_a_server_that_hangs_or_drips_is_left_within_the_deadline(silence):
    with serving(lambda reply, _: getattr(reply, silence)()) as server:
        started = time.monotonic()
        with pytest.raises(OrderSourceUnavailable, match="did not"):
            asked(server, patience=Patience(attempts=2, deadline_seconds=0.4, first_wait_seconds=0.01))
        assert time.monotonic() - started < 2


def test_a_server_that_is_not_there_is_told_plainly():
    with serving(in_turn(good)) as server:
        pass
    with pytest.raises(OrderSourceUnavailable, match="cannot be reached"):
        asked(server)


def test_a_busy_server_that_asks_for_an_hour_is_left_at_once():
    with serving(in_turn(lambda reply: reply.json(429, {}, Retry_After="3600"))) as server:
        with pytest.raises(OrderSourceUnavailable, match="answered 429"):
            asked(server)
        assert len(server.seen) == 1


def test_a_server_that_fails_again_and_again_is_left_alone_for_a_while():
    breaker = CircuitBreaker(failures=2, rest_seconds=60)
    once = Patience(attempts=1, deadline_seconds=1)
    with serving(in_turn(lambda reply: reply.json(500, {}))) as server:
        for _ in range(2):
            with pytest.raises(OrderSourceUnavailable, match="answered 500"):
                asked(server, patience=once, breaker=breaker)
        with pytest.raises(OrderSourceUnavailable, match="left alone after 2 failures"):
            asked(server, patience=once, breaker=breaker)
        assert len(server.seen) == 2


def changed(**fields):
    return json.dumps(ORDER | fields).encode()


@pytest.mark.parametrize(("content", "says"), [
    (b"", "breaks its contract at body"),
    (b"<html>Please log in</html>", "breaks its contract at body"),
    (b"\xff\xfe\x00", "breaks its contract at body"),
    (b"[]", "breaks its contract at body"),
    (b"null", "breaks its contract at body"),
    (b"[" * 100_000, "breaks its contract at body"),
    (b'{"order_id": "A1"}', "breaks its contract at shop_id: Field required"),
    (changed(currency="Euro"), "breaks its contract at currency"),
    (changed(delivered_on="last week"), "breaks its contract at delivered_on"),
    (changed(lines=[]), "breaks its contract at lines"),
    (changed(lines=[LAMP | {"price_cents": "49.00"}]), "breaks its contract at lines.0.price_cents"),
    (changed(lines=[LAMP | {"facts": {"damage_confirmed": "yes"}}]), "damage_confirmed must be yes_no or null"),
    (changed(lines=[LAMP | {"facts": {"days_since_delivery": 1}}]), "days_since_delivery has a field of its own"),
    (changed(order_id="A2"), "answered with order 'A2' when asked for 'A1'"),
])  # fmt: skip
def test_nonsense_gives_one_clear_error_and_is_not_asked_for_again(content, says):
    with serving(lambda reply, _: reply.raw(200, content)) as server:
        with pytest.raises(OrderSourceUnavailable) as refused:
            asked(server)
        assert len(server.seen) == 1
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_endless_answer_is_cut_off():
    endless = pytest.raises(OrderSourceUnavailable, match="more than 1000000 bytes")
    with serving(lambda reply, _: reply.raw(200, b" " * (MAX_BODY_BYTES + 1))) as server, endless:
        asked(server)


def test_an_order_of_another_shop_is_not_found_whatever_the_server_says():
    unknown = pytest.raises(OrderNotFound, match="this shop has no order 'A1'")
    with serving(lambda reply, _: reply.json(200, ORDER | {"shop_id": "other"})) as server, unknown:
        asked(server)


@pytest.mark.parametrize(("status", "error", "says"), [
    (404, OrderNotFound, "this shop has no order 'A1'"),
    (410, OrderNotFound, "this shop has no order 'A1'"),
    (401, OrderSourceUnavailable, "check ORDER_SOURCE_TOKEN"),
    (403, OrderSourceUnavailable, "check ORDER_SOURCE_TOKEN"),
    (400, OrderSourceUnavailable, "answered 400, which its contract does not know"),
    (204, OrderSourceUnavailable, "answered 204"),
])  # fmt: skip
def test_each_status_has_its_outcome_and_is_asked_once(status, error, says):
    with serving(lambda reply, _: reply.raw(status, b"")) as server:
        with pytest.raises(error, match=says):
            asked(server)
        assert len(server.seen) == 1


def test_a_redirect_is_not_followed_since_it_would_carry_the_token():
    with serving(in_turn(good)) as thief, serving(lambda reply, _: reply.raw(302, b"", Location=thief.url)) as server:
        with pytest.raises(OrderSourceUnavailable, match="answered 302"):
            asked(server, token="t0ken")
        assert thief.seen == []


@pytest.mark.parametrize("address", ["", "orders.example.com", "ftp://orders.example.com", "http://"])
def test_an_address_that_is_none_is_refused_with_the_remedy(address):
    with pytest.raises(ValueError, match="write it like https://"):
        new_client(address)


def test_the_published_contract_lists_the_fields_that_the_source_reads():
    contract = yaml.safe_load((Path(__file__).parents[2] / "docs" / "order-service.openapi.yaml").read_text())
    assert "/shops/{shop_id}/orders/{order_id}" in contract["paths"]
    ours = ShopOrder.model_json_schema()
    for name, model in (("Order", ours), ("Line", ours["$defs"]["OrderLine"])):
        theirs = contract["components"]["schemas"][name]
        assert set(theirs["properties"]) == set(model["properties"])
        assert set(theirs["required"]) == set(model["required"])
    example = contract["components"]["examples"]["damagedLamp"]["value"]
    assert ShopOrder.model_validate(example).lines[0].facts["damage_confirmed"] is True


def test_the_desk_waits_for_the_order_service_as_long_as_its_setting_says():
    settings = get_settings().model_copy(
        update={"order_source_url": "http://127.0.0.1:9", "order_source_timeout_seconds": 1.5}
    )
    source = make_orders(settings, None)
    assert source._persistent.patience.deadline_seconds == 1.5
