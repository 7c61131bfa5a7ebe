"""Webhooks end to end: set up over HTTP, fanned out from the outbox, sent to a real HTTP server, retried, replayed."""

import json
import threading
import time
import uuid
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg
import pytest

from infra.database import make_engine
from infra.settings import Settings
from services.adapters.webhooks import AddressGuard, SignatureRefused, headers, new_secret, send, verify
from services.store.sessions import sessions
from tests.service.api_server import BODY, add_event, add_shop, client_for, count, serving, settings_for
from workers.webhooks import Courier

pytestmark = pytest.mark.timeout(120)


class Receiver:
    """A shop's own server: keeps what came, and answers as told."""

    def __init__(self):
        self.received: list[tuple[dict, bytes]] = []
        self.answer = 204
        self.answer_headers: dict[str, str] = {}
        self.go_on = threading.Event()
        self.go_on.set()
        self.drip = False
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
                receiver.go_on.wait(timeout=60)
                self.send_response(receiver.answer)
                for name, value in receiver.answer_headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"says the receiver")
                while receiver.drip:
                    self.wfile.write(b".")
                    self.wfile.flush()
                    time.sleep(0.05)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self.drip = False
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()


class Clock:
    def __init__(self):
        self.offset = timedelta()

    def now(self):
        return datetime.now(UTC) + self.offset


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def database(fresh_migrated_url):
    return fresh_migrated_url


@pytest.fixture
def settings(database) -> Settings:
    return settings_for(database, webhook_allow_private_addresses=True, webhook_timeout_seconds=1.0)


@pytest.fixture
def client(settings, database):
    with serving(settings) as address, client_for(address, add_shop(database)) as made:
        yield made


@pytest.fixture
def hire(settings, database):
    """Return a function that makes couriers, each as a worker process has one, with some settings changed."""
    engine = make_engine(database, settings)
    hired = []

    def one(**changes):
        hired.append(Courier(sessions(engine), settings.model_copy(update=changes), Clock()))
        return hired[-1]

    yield one
    for courier in hired:
        courier.close()
    engine.dispose()


@pytest.fixture
def courier(hire):
    return hire()


def deliver(courier):
    """Run one round and wait for what it started; return how many deliveries that were."""
    started = courier.round()
    for flight in started:
        flight.result(timeout=30)
    return len(started)


def make_due(database):
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE webhook_delivery SET next_at = now() - interval '1 second' WHERE state = 'pending'")


@pytest.fixture
def endpoint(client, receiver):
    response = client.post("/v1/webhooks", json={"url": receiver.url})
    assert response.status_code == 201, response.text
    return response.json()


def submit(client):
    return client.post("/v1/returns", json=BODY, headers={"Idempotency-Key": str(uuid.uuid4())}).json()["id"]


def deliveries(client, endpoint, **parameters):
    return client.get(f"/v1/webhooks/{endpoint['id']}/deliveries", params=parameters).json()["deliveries"]


def test_an_event_reaches_the_shop_signed_and_every_attempt_is_a_row(client, endpoint, receiver, courier):
    return_id = submit(client)
    assert deliver(courier) == 1
    [(sent, body)] = receiver.received
    verify([endpoint["secret"]], sent, body, datetime.now(UTC))
    message = json.loads(body)
    assert message["type"] == "return.received"
    assert message["data"]["return_id"] == return_id
    assert datetime.fromisoformat(message["timestamp"]).tzinfo is not None
    [delivery] = deliveries(client, endpoint)
    assert (delivery["state"], delivery["attempts"], delivery["last_status"]) == ("delivered", 1, 204)
    assert sent["webhook-id"] == delivery["id"]
    [attempt] = client.get(f"/v1/webhooks/deliveries/{delivery['id']}/attempts").json()
    assert (attempt["number"], attempt["status"], attempt["error"]) == (1, 204, None)
    assert deliver(courier) == 0


def test_a_tampered_delivery_is_refused_by_the_receiver(client, endpoint, receiver, courier):
    submit(client)
    deliver(courier)
    [(sent, body)] = receiver.received
    with pytest.raises(SignatureRefused):
        verify([endpoint["secret"]], sent, body.replace(b"return.received", b"return.closed  "), datetime.now(UTC))


def test_a_failing_receiver_is_tried_again_later_with_the_same_id_until_it_takes_it(
    client, endpoint, receiver, courier, database
):
    receiver.answer = 503
    submit(client)
    assert deliver(courier) == 1
    assert deliver(courier) == 0  # not before it is due
    [delivery] = deliveries(client, endpoint, state="pending")
    wait = datetime.fromisoformat(delivery["next_at"]) - datetime.now(UTC)
    assert timedelta(seconds=1) < wait < timedelta(seconds=7)
    assert "says the receiver" in delivery["last_error"]
    make_due(database)
    assert deliver(courier) == 1
    receiver.answer = 200
    make_due(database)
    assert deliver(courier) == 1
    [delivery] = deliveries(client, endpoint)
    assert (delivery["state"], delivery["attempts"]) == ("delivered", 3)
    assert len({sent["webhook-id"] for sent, _ in receiver.received}) == 1
    assert len({body for _, body in receiver.received}) == 1
    attempts = client.get(f"/v1/webhooks/deliveries/{delivery['id']}/attempts").json()
    assert [attempt["status"] for attempt in attempts] == [503, 503, 200]


def test_patience_ends_and_a_failed_delivery_can_be_replayed(client, endpoint, receiver, database, hire):
    hasty = hire(webhook_max_attempts=2)
    receiver.answer = 500
    submit(client)
    for _ in range(2):
        make_due(database)
        deliver(hasty)
    [delivery] = deliveries(client, endpoint, state="failed")
    receiver.answer = 200
    replayed = client.post(f"/v1/webhooks/deliveries/{delivery['id']}/replay")
    assert replayed.status_code == 202
    assert replayed.json()["state"] == "pending"
    assert deliver(hasty) == 1
    assert deliveries(client, endpoint)[0]["state"] == "delivered"
    assert receiver.received[-1][0]["webhook-id"] == delivery["id"]
    assert len(client.get(f"/v1/webhooks/deliveries/{delivery['id']}/attempts").json()) == 3


def test_410_disables_the_endpoint_and_nothing_more_is_sent_until_it_is_enabled(client, endpoint, receiver, courier):
    receiver.answer = 410
    submit(client)
    deliver(courier)
    found = client.get(f"/v1/webhooks/{endpoint['id']}").json()
    assert not found["enabled"]
    assert "410" in found["disabled_reason"]
    submit(client)
    assert deliver(courier) == 0
    [delivery] = deliveries(client, endpoint)
    refused = client.post(f"/v1/webhooks/deliveries/{delivery['id']}/replay")
    assert refused.status_code == 409
    receiver.answer = 200
    assert client.patch(f"/v1/webhooks/{endpoint['id']}", json={"enabled": True}).json()["disabled_reason"] is None
    assert client.post(f"/v1/webhooks/deliveries/{delivery['id']}/replay").status_code == 202
    assert deliver(courier) == 1


def test_a_redirect_is_not_followed(client, endpoint, receiver, courier):
    elsewhere = Receiver()
    receiver.answer, receiver.answer_headers = 307, {"Location": elsewhere.url}
    submit(client)
    deliver(courier)
    elsewhere.close()
    assert elsewhere.received == []
    [delivery] = deliveries(client, endpoint)
    assert (delivery["state"], delivery["last_status"]) == ("pending", 307)
    assert "redirects are not followed" in delivery["last_error"]


@pytest.mark.parametrize("trick", ["silent", "dripping"])
def test_a_receiver_that_takes_too_long_is_cut_off(client, endpoint, receiver, courier, trick):
    receiver.answer = 500
    if trick == "silent":
        receiver.go_on.clear()
    else:
        receiver.drip = True
    submit(client)
    started = time.monotonic()
    deliver(courier)
    assert time.monotonic() - started < 20
    [delivery] = deliveries(client, endpoint)
    assert delivery["state"] == "pending"
    if trick == "silent":
        assert "within 1 s" in delivery["last_error"]


def test_a_slow_receiver_does_not_hold_up_another_shops_deliveries(client, endpoint, receiver, hire):
    courier = hire(webhook_timeout_seconds=60)
    quick = Receiver()
    client.post("/v1/webhooks", json={"url": quick.url})
    receiver.go_on.clear()
    for _ in range(12):
        submit(client)
    started = courier.round()
    deadline = time.monotonic() + 30
    while len(quick.received) < 4 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(quick.received) == 4  # as many as one endpoint may have in flight, while the other holds all of its own
    assert len(started) == 8
    receiver.go_on.set()
    for flight in started:
        flight.result(timeout=30)
    quick.close()


def test_only_the_kinds_a_shop_asked_for_are_sent(client, receiver, courier, database):
    made = client.post("/v1/webhooks", json={"url": receiver.url, "kinds": ["return.closed"]}).json()
    return_id = submit(client)
    add_event(database, return_id, "return.closed", '{"status": "closed"}')
    deliver(courier)
    assert [json.loads(body)["type"] for _, body in receiver.received] == ["return.closed"]
    assert len(deliveries(client, made)) == 1


def test_two_couriers_at_once_send_each_delivery_once(client, endpoint, receiver, hire):
    courier, other = hire(), hire()
    for _ in range(4):
        submit(client)
    rounds = []
    threads = [threading.Thread(target=lambda one=one: rounds.extend(one.round())) for one in (courier, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for flight in rounds:
        flight.result(timeout=30)
    assert len({sent["webhook-id"] for sent, _ in receiver.received}) == len(receiver.received) == 4


def test_a_delivery_whose_worker_died_is_sent_by_another_after_its_lease(client, endpoint, receiver, courier, database):
    submit(client)
    with sessions(courier_engine := make_engine(database))() as session:
        from services.store.webhooks import claim_due, fan_out  # noqa: PLC0415 - plays the worker that dies

        fan_out(session, datetime.now(UTC))
        assert len(claim_due(session, timedelta(seconds=60), 10)) == 1
    courier_engine.dispose()
    assert deliver(courier) == 0
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE webhook_delivery SET lease_until = now() - interval '1 second'")
    assert deliver(courier) == 1
    assert len(receiver.received) == 1


def test_a_rotated_secret_signs_beside_the_old_one_for_a_day(client, endpoint, receiver, courier, database):
    rotated = client.post(f"/v1/webhooks/{endpoint['id']}/rotate-secret").json()
    assert rotated["secret"] != endpoint["secret"]
    submit(client)
    deliver(courier)
    sent, body = receiver.received[0]
    for secret in (endpoint["secret"], rotated["secret"]):
        verify([secret], sent, body, datetime.now(UTC))
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE webhook_endpoint SET previous_until = now() - interval '1 second'")
    submit(client)
    deliver(courier)
    sent, body = receiver.received[1]
    verify([rotated["secret"]], sent, body, datetime.now(UTC))
    with pytest.raises(SignatureRefused):
        verify([endpoint["secret"]], sent, body, datetime.now(UTC))


def test_an_address_that_became_private_is_not_reached_and_says_why(client, endpoint, receiver, hire):
    strict = hire(webhook_allow_private_addresses=False)
    submit(client)
    deliver(strict)
    assert receiver.received == []
    [delivery] = deliveries(client, endpoint)
    assert "not on the public internet" in delivery["last_error"]


def test_the_host_header_is_the_urls_own_although_the_checked_address_is_connected(receiver):
    guard = AddressGuard(allow_loopback=True)
    body, secret = b"{}", new_secret()
    url = receiver.url.replace("127.0.0.1", "localhost")
    attempt = send(guard, url, body, headers([secret], "whd_1", datetime.now(UTC), body), 2.0)
    if attempt.error and "refused" in attempt.error:
        pytest.skip("localhost is only ::1 on this machine")
    assert attempt.delivered
    assert receiver.received[0][0]["host"] == url.split("/")[2]


def test_a_receiver_that_is_not_there_is_an_attempt_like_any_other():
    attempt = send(AddressGuard(allow_loopback=True), "http://127.0.0.1:9/hook", b"{}", {}, 2.0)
    assert (attempt.delivered, attempt.status) == (False, None)
    assert attempt.error


def test_endpoints_are_listed_changed_and_removed_with_what_hung_on_them(client, endpoint, receiver, courier, database):
    assert [one["id"] for one in client.get("/v1/webhooks").json()] == [endpoint["id"]]
    assert "secret" not in client.get(f"/v1/webhooks/{endpoint['id']}").json()
    changed = client.patch(f"/v1/webhooks/{endpoint['id']}", json={"kinds": ["return.closed"], "enabled": False})
    assert (changed.json()["kinds"], changed.json()["enabled"]) == (["return.closed"], False)
    client.patch(f"/v1/webhooks/{endpoint['id']}", json={"kinds": [], "enabled": True})
    submit(client)
    deliver(courier)
    assert client.delete(f"/v1/webhooks/{endpoint['id']}").status_code == 204
    assert client.get(f"/v1/webhooks/{endpoint['id']}").status_code == 404
    assert count(database, "SELECT count(*) FROM webhook_attempt") == 0


def test_another_shops_webhooks_are_404(client, endpoint, receiver, courier, database):
    submit(client)
    deliver(courier)
    [delivery] = deliveries(client, endpoint)
    stranger_key = add_shop(database, "stranger")
    stranger = {"Authorization": f"Bearer {stranger_key}"}
    here = f"/v1/webhooks/{endpoint['id']}"
    assert client.get("/v1/webhooks", headers=stranger).json() == []
    assert client.get(here, headers=stranger).status_code == 404
    assert client.patch(here, json={"enabled": False}, headers=stranger).status_code == 404
    assert client.delete(here, headers=stranger).status_code == 404
    assert client.post(f"{here}/rotate-secret", headers=stranger).status_code == 404
    assert client.get(f"{here}/deliveries", headers=stranger).status_code == 404
    assert client.post(f"/v1/webhooks/deliveries/{delivery['id']}/replay", headers=stranger).status_code == 404
    assert client.get(f"/v1/webhooks/deliveries/{delivery['id']}/attempts", headers=stranger).status_code == 404
