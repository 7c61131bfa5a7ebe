"""Server-sent events over real HTTP: order, resume, heartbeats, the end, and one connection for many listeners."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from contextlib import ExitStack

import httpx
import psycopg
import pytest

from infra.embedded import free_port
from tests.service.api_server import BODY, add_event, add_shop, client_for, count, serving, settings_for


@pytest.fixture(scope="module")
def key(migrated_url):
    return add_shop(migrated_url)


@pytest.fixture(scope="module")
def address(migrated_url, key):
    with serving(settings_for(migrated_url)) as at:
        yield at


@pytest.fixture
def client(address, key):
    with client_for(address, key) as made:
        yield made


@pytest.fixture
def return_id(client):
    return client.post("/v1/returns", json=BODY, headers={"Idempotency-Key": str(uuid.uuid4())}).json()["id"]


def read_events(response, wanted):
    """Return the first `wanted` events as (id, kind, data)."""
    events, fields = [], {}
    for line in response.iter_lines():
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            events.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
            fields = {}
            if len(events) == wanted:
                break
    return events


def test_events_come_in_order_as_they_happen_and_the_stream_ends_with_the_last(client, return_id, migrated_url):
    def story():
        for kind in ("return.processing", "return.action", "return.closed"):
            time.sleep(0.2)
            add_event(migrated_url, return_id, kind, '{"line": "one\\ntwo"}')

    teller = threading.Thread(target=story)
    with client.stream("GET", f"/v1/returns/{return_id}/events") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        teller.start()
        events = read_events(response, 99)  # the stream itself must end
    teller.join()
    assert [kind for _, kind, _ in events] == [
        "return.received",
        "return.processing",
        "return.action",
        "return.closed",
    ]
    assert events[-1][2]["data"] == {"line": "one\ntwo"}
    assert [one for one, _, _ in events] == sorted(one for one, _, _ in events)


def test_a_client_that_lost_the_line_goes_on_after_the_last_event_it_had(client, return_id, migrated_url):
    add_event(migrated_url, return_id, "return.processing")
    with client.stream("GET", f"/v1/returns/{return_id}/events") as response:
        (first, *_), _ = read_events(response, 2)
    add_event(migrated_url, return_id, "return.closed")
    headers = {"Last-Event-ID": str(first)}
    with client.stream("GET", f"/v1/returns/{return_id}/events", headers=headers) as response:
        assert [kind for _, kind, _ in read_events(response, 99)] == ["return.processing", "return.closed"]


def test_a_client_that_has_everything_of_a_closed_return_is_told_to_stop(client, return_id, migrated_url):
    last = add_event(migrated_url, return_id, "return.closed")
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE return_request SET status = 'closed', closed_at = now(), closed_by = 'desk' WHERE id = %s",
            (return_id,),
        )
    url = f"/v1/returns/{return_id}/events"
    assert client.get(url, headers={"Last-Event-ID": str(last)}).status_code == 204
    assert client.get(url, headers={"Last-Event-ID": str(last - 1)}).status_code == 200


def test_a_quiet_stream_beats_so_that_proxies_keep_it(client, return_id, monkeypatch):
    monkeypatch.setattr("services.api.events.HEARTBEAT_SECONDS", 0.1)
    with client.stream("GET", f"/v1/returns/{return_id}/events") as response:
        beats = 0
        for line in response.iter_lines():
            beats += line.startswith(":")
            if beats == 3:
                break
    assert beats == 3


def test_sixty_listeners_hold_no_connection_each_and_none_of_them_blocks_submitting(client, return_id, migrated_url):
    with ExitStack() as stack:
        streams = [stack.enter_context(client.stream("GET", f"/v1/returns/{return_id}/events")) for _ in range(60)]
        assert client.post("/v1/returns", json=BODY, headers={"Idempotency-Key": str(uuid.uuid4())}).status_code == 202
        connections = count(
            migrated_url, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'returns-desk-api'"
        )
        assert connections <= 15
        add_event(migrated_url, return_id, "return.closed")
        for stream in streams:
            assert [kind for _, kind, _ in read_events(stream, 99)] == ["return.received", "return.closed"]


def test_open_streams_end_at_once_when_the_server_is_told_to_stop(migrated_url, key):
    port = free_port()
    environment = os.environ | {"DATABASE_URL": migrated_url, "PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "-m", "workers.serve"], env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        with client_for(f"http://127.0.0.1:{port}", key) as client:
            wait_for(lambda: client.get("/healthz").status_code == 200)
            made = client.post("/v1/returns", json=BODY, headers={"Idempotency-Key": str(uuid.uuid4())}).json()
            with client.stream("GET", f"/v1/returns/{made['id']}/events") as response:
                assert [kind for _, kind, _ in read_events(response, 1)] == ["return.received"]
                process.send_signal(signal.SIGTERM)
                stopped_at = time.monotonic()
                _, errors = process.communicate(timeout=20)
        assert time.monotonic() - stopped_at < 15
        assert "Traceback" not in errors
        assert "Cancel" not in errors
    finally:
        process.kill()


def wait_for(ready, seconds=30):
    deadline = time.monotonic() + seconds
    while True:
        try:
            if ready():
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.1)
