"""Submitting returns over real HTTP into a real PostgreSQL: what a key promises, and what is stored with it."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.service.api_server import BODY, add_shop, client_for, count, serving, settings_for


@pytest.fixture(scope="module")
def pokes():
    return []


@pytest.fixture(scope="module")
def key(migrated_url):
    return add_shop(migrated_url)


@pytest.fixture(scope="module")
def address(migrated_url, key, pokes):
    with serving(settings_for(migrated_url), poke=lambda: pokes.append(1)) as at:
        yield at


@pytest.fixture
def client(address, key):
    with client_for(address, key) as made:
        yield made


def submit(client, body=BODY, idempotency_key=None):
    return client.post("/v1/returns", json=body, headers={"Idempotency-Key": idempotency_key or str(uuid.uuid4())})


def test_an_accepted_return_is_committed_with_its_job_event_and_outbox_row(client, migrated_url, pokes):
    before = len(pokes)
    response = submit(client)
    assert response.status_code == 202
    answer = response.json()
    assert answer["status"] == "received"
    assert response.headers["location"] == answer["links"]["self"] == f"/v1/returns/{answer['id']}"
    with psycopg.connect(migrated_url) as connection:
        row = connection.execute(
            "SELECT r.shop_id, r.message, j.kind, j.state, e.kind, o.topic FROM return_request r "
            "JOIN job j ON j.subject_id = r.id JOIN event e ON e.return_id = r.id JOIN outbox o ON o.subject_id = j.id "
            "WHERE r.id = %s",
            (answer["id"],),
        ).fetchall()
    assert row == [("sample-shop", BODY["message"], "triage", "ready", "return.received", "job.ready")]
    assert len(pokes) == before + 1


def test_the_same_key_sent_20_times_at_once_makes_one_return(address, key, migrated_url):
    idempotency_key = str(uuid.uuid4())
    before = count(migrated_url, "SELECT count(*) FROM return_request")

    def send(_):
        with client_for(address, key) as own:
            return submit(own, idempotency_key=idempotency_key)

    with ThreadPoolExecutor(20) as threads:
        responses = list(threads.map(send, range(20)))
    assert {response.status_code for response in responses} <= {202, 409}
    accepted = [response for response in responses if response.status_code == 202]
    assert len({response.json()["id"] for response in accepted}) == 1
    assert sum("idempotent-replayed" not in response.headers for response in accepted) == 1
    assert all("retry-after" in response.headers for response in responses if response.status_code == 409)
    assert count(migrated_url, "SELECT count(*) FROM return_request") == before + 1
    assert count(migrated_url, "SELECT count(*) FROM job") == before + 1


def test_a_key_whose_first_request_is_still_being_stored_gets_409_and_retry_after(client, migrated_url):
    scope = "sample-shop\x1fPOST /v1/returns\x1fin-flight"
    with psycopg.connect(migrated_url) as other, other.transaction():
        other.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (scope,))
        response = submit(client, idempotency_key="in-flight")
        assert response.status_code == 409
        assert int(response.headers["retry-after"]) >= 1
        assert response.json()["type"].endswith("#problem-key-in-flight")
    assert submit(client, idempotency_key="in-flight").status_code == 202


def test_a_repeated_request_gets_the_stored_answer_byte_for_byte(client):
    first = submit(client, idempotency_key="repeated")
    again = submit(client, idempotency_key="repeated")
    quoted = submit(client, dict(reversed(BODY.items())), '"repeated"')
    assert "idempotent-replayed" not in first.headers
    for replay in (again, quoted):
        assert replay.status_code == 202
        assert replay.headers["idempotent-replayed"] == "true"
        assert replay.content == first.content


def test_the_key_with_another_body_is_refused_and_changes_nothing(client, migrated_url):
    first = submit(client, idempotency_key="reused").json()
    before = count(migrated_url, "SELECT count(*) FROM return_request")
    response = submit(client, BODY | {"message": "Give me a refund."}, "reused")
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "Idempotency-Key"
    assert submit(client, idempotency_key="reused").json()["id"] == first["id"]
    assert count(migrated_url, "SELECT count(*) FROM return_request") == before


def test_two_shops_may_use_one_key_and_never_see_each_others_answers(client, address, migrated_url):
    other_key = add_shop(migrated_url, "other-shop")
    mine = submit(client, idempotency_key="shared").json()
    with client_for(address, other_key) as other:
        theirs = submit(other, idempotency_key="shared")
        assert "idempotent-replayed" not in theirs.headers
        assert theirs.json()["id"] != mine["id"]
        assert other.get(f"/v1/returns/{mine['id']}").status_code == 404


def test_after_a_day_a_key_makes_a_new_return(client, migrated_url):
    first = submit(client, idempotency_key="old").json()
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        connection.execute("UPDATE idempotency_key SET expires_at = now() - interval '1 second' WHERE key = 'old'")
    second = submit(client, BODY | {"message": "Another lamp, another crack."}, "old")
    assert second.status_code == 202
    assert second.json()["id"] != first["id"]
    assert submit(client, BODY | {"message": "Another lamp, another crack."}, "old").json() == second.json()


def test_how_long_a_key_is_kept_is_a_setting(migrated_url, key):
    settings = settings_for(migrated_url, idempotency_retention_hours=2)
    with serving(settings) as address, client_for(address, key) as own:
        submit(own, idempotency_key="short")
    kept = "SELECT expires_at - created_at = interval '2 hours' FROM idempotency_key WHERE key = 'short'"
    assert count(migrated_url, kept)


def test_a_refused_request_does_not_use_up_its_key(client):
    assert submit(client, {"order_id": "A10234"}, "refused-first").status_code == 422
    assert submit(client, BODY | {"order_id": "A99999"}, "refused-first").status_code == 422
    assert submit(client, idempotency_key="refused-first").status_code == 202


def test_many_at_once_each_get_their_own_return(address, key, migrated_url):
    before = count(migrated_url, "SELECT count(*) FROM return_request")

    def send(number):
        with client_for(address, key) as own:
            return [submit(own, BODY | {"message": f"message {number} {n}"}) for n in range(10)]

    with ThreadPoolExecutor(16) as threads:
        responses = [response for some in threads.map(send, range(16)) for response in some]
    assert {response.status_code for response in responses} == {202}
    assert len({response.json()["id"] for response in responses}) == 160
    assert count(migrated_url, "SELECT count(*) FROM return_request") == before + 160


def test_one_request_the_database_refuses_does_not_take_its_neighbours_with_it(migrated_url, monkeypatch):
    monkeypatch.setattr("services.api.keyring.KNOWN_FOR_SECONDS", 600.0)
    # A shop that vanished while its key is still remembered: the insert fails inside a statement shared with others.
    key, ghost = add_shop(migrated_url, "steady-shop"), add_shop(migrated_url, "ghost-shop", orders=())
    settings = settings_for(migrated_url, order_source_url="http://orders.invalid")
    with serving(settings) as address, client_for(address, ghost) as haunted:
        assert haunted.get("/v1/returns").status_code == 200
        with psycopg.connect(migrated_url, autocommit=True) as connection:
            connection.execute("DELETE FROM api_key WHERE shop_id = 'ghost-shop'")
            connection.execute("DELETE FROM shop WHERE id = 'ghost-shop'")

        def send(number):
            with client_for(address, ghost if number % 8 == 0 else key) as own:
                return number, submit(own).status_code

        with ThreadPoolExecutor(16) as threads:
            outcomes = list(threads.map(send, range(32)))
        batch = post_batch(haunted, json.dumps(BODY), **{"Idempotency-Key": "ghost"})
    assert [one["status"] for one in lines_of(batch)] == [401]
    assert all(status == (401 if number % 8 == 0 else 202) for number, status in outcomes)


def test_an_unknown_order_and_another_shops_order_are_the_same_clear_problem(client, migrated_url):
    add_shop(migrated_url, "third-shop", orders=("T1",))
    for order_id in ("A99999", "T1"):
        response = submit(client, BODY | {"order_id": order_id})
        assert response.status_code == 422
        problem = response.json()
        assert problem["errors"][0]["field"] == "order_id"
        assert order_id in problem["detail"]
        assert problem["remedy"]


def test_where_orders_live_in_the_shops_own_service_intake_asks_nobody(migrated_url, key):
    with (
        serving(settings_for(migrated_url, order_source_url="http://orders.invalid")) as address,
        client_for(address, key) as own,
    ):
        assert submit(own, BODY | {"order_id": "S-1"}).status_code == 202


def lines_of(response):
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("application/x-ndjson")
    return [json.loads(line) for line in response.text.splitlines()]


def post_batch(client, content, **headers):
    return client.post(
        "/v1/returns/batch", content=content, headers={"Content-Type": "application/x-ndjson", **headers}
    )


def test_each_line_of_a_batch_gets_its_own_result_in_order(client):
    good = json.dumps(BODY).encode()
    content = b"\n".join(
        [
            good,
            b'{"order_id": "A10234"}',
            b"",
            b"not json",
            b'{"message": "\xff"}',
            json.dumps(BODY | {"order_id": "A99999"}).encode(),
            json.dumps(BODY | {"idempotency_key": 7}).encode(),
            json.dumps(BODY | {"message": "x" * 70_000}).encode(),
            json.dumps(BODY | {"idempotency_key": "of its own"}).encode(),
        ]
    )
    results = lines_of(post_batch(client, content, **{"Idempotency-Key": "batch-1"}))
    assert [(one["line"], one["status"]) for one in results] == [
        (1, 202),
        (2, 422),
        (4, 400),
        (5, 400),
        (6, 422),
        (7, 400),
        (8, 413),
        (9, 202),
    ]
    assert [one["problem"]["errors"][0]["field"] for one in results if one["status"] == 422] == ["message", "order_id"]
    assert results[0]["links"]["self"].endswith(results[0]["id"])


def test_a_batch_sent_again_replays_line_by_line(client, migrated_url):
    content = b"\n".join(json.dumps(BODY | {"message": f"lamp {n}"}).encode() for n in range(150))
    first = lines_of(post_batch(client, content, **{"Idempotency-Key": "batch-2"}))
    before = count(migrated_url, "SELECT count(*) FROM return_request")
    again = lines_of(post_batch(client, content, **{"Idempotency-Key": "batch-2"}))
    assert [one["id"] for one in again] == [one["id"] for one in first]
    assert not any(one["replayed"] for one in first)
    assert all(one["replayed"] for one in again)
    assert count(migrated_url, "SELECT count(*) FROM return_request") == before


def test_a_key_given_twice_in_one_batch_is_replayed_or_refused_like_two_requests(client):
    line = BODY | {"idempotency_key": "twice"}
    content = "\n".join(json.dumps(one) for one in (line, line, line | {"message": "other"}))
    results = lines_of(post_batch(client, content))
    assert [one["status"] for one in results] == [202, 202, 422]
    assert results[1]["replayed"]
    assert results[1]["id"] == results[0]["id"]


def test_a_line_without_any_key_is_told_so(client):
    [result] = lines_of(post_batch(client, json.dumps(BODY)))
    assert result["status"] == 400
    assert result["problem"]["errors"][0]["field"] == "idempotency_key"
