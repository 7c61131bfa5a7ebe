"""The API while a server it needs is away: accepts without the broker, 503 without the database, and comes back."""

import os
import subprocess
import sys
import threading
import time
import uuid

import httpx
import psycopg
import pytest

from infra.embedded import FAST_BUT_FORGETFUL, EmbeddedPostgres, free_port, running
from infra.migrations import upgrade
from tests.service.api_server import BODY, add_shop, client_for, count, serving, settings_for


def submit(client, key=None):
    return client.post("/v1/returns", json=BODY, headers={"Idempotency-Key": key or str(uuid.uuid4())})


@pytest.fixture(scope="module")
def key(migrated_url):
    return add_shop(migrated_url)


def test_with_the_broker_down_returns_are_accepted_and_quickly(migrated_url, key):
    settings = settings_for(migrated_url, redis_url=f"redis://127.0.0.1:{free_port()}/0")
    with serving(settings) as address, client_for(address, key) as client:
        started = time.monotonic()
        responses = [submit(client) for _ in range(20)]
        assert time.monotonic() - started < 10
        assert {response.status_code for response in responses} == {202}
        broker = client.get("/readyz").json()["checks"][1]
    assert (broker["name"], broker["ok"]) == ("broker", False)
    assert "REDIS_URL" in broker["remedy"]


def test_the_rate_limit_holds_in_the_server_and_names_when_to_come_back(migrated_url, key, valkey_url):
    settings = settings_for(
        migrated_url, redis_url=valkey_url, rate_limit_requests_per_minute=6, rate_limit_burst_requests=5
    )
    # Two processes share one bucket: together they let through what one alone would.
    with (
        serving(settings) as one,
        serving(settings) as two,
        client_for(one, key) as client,
        client_for(two, key) as other,
    ):
        responses = [sender.get("/v1/returns") for sender in (client, other) * 6]
        assert 5 <= sum(response.status_code == 200 for response in responses) <= 7
        refused = next(response for response in responses if response.status_code == 429)
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.json()["type"].endswith("#problem-rate-limited")
        assert client.get("/healthz").status_code == 200


def test_the_rate_limit_holds_locally_while_the_server_is_away(migrated_url, key):
    settings = settings_for(
        migrated_url,
        redis_url=f"redis://127.0.0.1:{free_port()}/0",
        rate_limit_requests_per_minute=6,
        rate_limit_burst_requests=5,
    )
    with serving(settings) as address, client_for(address, key) as client:
        statuses = [client.get("/v1/returns").status_code for _ in range(10)]
    assert 5 <= statuses.count(200) <= 7
    assert 429 in statuses


def test_guessing_keys_is_slowed_down(migrated_url, key):
    with serving(settings_for(migrated_url)) as address, client_for(address) as guesser:
        statuses = [
            guesser.get("/v1/returns", headers={"Authorization": f"Bearer rdk_{n}"}).status_code for n in range(80)
        ]
    assert statuses[0] == 401
    assert 429 in statuses


def test_a_database_that_stops_and_returns_costs_503s_and_no_restart(server_directory):
    directory = server_directory / "outage"
    port = free_port()
    server = EmbeddedPostgres(directory, port=port, options=FAST_BUT_FORGETFUL)
    log = server_directory / "outage.log"
    with running(server, log):
        upgrade(server.url)
        key = add_shop(server.url)
        settings = settings_for(server.url, database_connect_timeout_seconds=1)
        serving_api = serving(settings)
        address = serving_api.__enter__()
        client = client_for(address, key)
        assert submit(client, "before").status_code == 202
    try:
        away = submit(client, "during")
        assert away.status_code == 503
        assert away.headers["content-type"] == "application/problem+json"
        assert away.headers["retry-after"]
        assert client.get("/v1/returns").status_code == 503
        readiness = client.get("/readyz")
        assert readiness.status_code == 503
        assert "DATABASE_URL" in readiness.json()["checks"][0]["remedy"]
        assert client.get("/healthz").status_code == 200
        assert "returns_desk_database_up 0.0" in client.get("/metrics").text
        with running(EmbeddedPostgres(directory, port=port, options=FAST_BUT_FORGETFUL), log):
            deadline = time.monotonic() + 40
            while (status := submit(client, "during").status_code) != 202 and time.monotonic() < deadline:
                time.sleep(0.2)
            assert status == 202
            assert count(server.url, "SELECT count(*) FROM return_request") == 2
    finally:
        client.close()
        serving_api.__exit__(None, None, None)


def test_connections_that_a_restart_broke_cost_no_submission(migrated_url, key):
    with serving(settings_for(migrated_url)) as address, client_for(address, key) as client:
        assert submit(client).status_code == 202
        _break_connections(migrated_url)
        assert [submit(client).status_code for _ in range(5)] == [202] * 5
        with client_for(address, add_shop(migrated_url, "newcomer")) as newcomer:
            _break_connections(migrated_url)
            assert newcomer.get("/v1/returns").status_code == 200


def _break_connections(database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'returns-desk-api' AND datname = current_database()"
        )


def test_every_return_that_was_answered_survives_a_killed_server(migrated_url, key):
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "workers.serve"],
        env=os.environ | {"DATABASE_URL": migrated_url, "PORT": str(port)},
        stderr=subprocess.DEVNULL,
    )
    answered, enough = [], threading.Event()

    def send():
        with client_for(f"http://127.0.0.1:{port}", key) as client:
            while True:
                try:
                    response = submit(client)
                except httpx.TransportError:
                    if enough.is_set():
                        return
                    time.sleep(0.1)
                    continue
                answered.append(response.json()["id"])
                if len(answered) >= 60:
                    enough.set()

    senders = [threading.Thread(target=send) for _ in range(8)]
    for sender in senders:
        sender.start()
    try:
        assert enough.wait(timeout=60)
    finally:
        process.kill()
        enough.set()
        process.wait()
    for sender in senders:
        sender.join(timeout=30)
    stored = "SELECT count(*) FROM return_request r JOIN job j ON j.subject_id = r.id WHERE r.id = ANY(%s)"
    assert count(migrated_url, stored, answered) == len(answered) == len(set(answered))
