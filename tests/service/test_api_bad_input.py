"""Bad input over real HTTP: one clear problem+json each, never a 500, never a stack."""

import json
import socket
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.api.problems import KINDS
from tests.service.api_server import BODY, add_shop, client_for, count, serving, settings_for

JSON_HEADERS = {"Content-Type": "application/json", "Idempotency-Key": "k"}


@pytest.fixture(scope="module")
def key(migrated_url):
    return add_shop(migrated_url)


@pytest.fixture(scope="module")
def address(migrated_url, key):
    with serving(settings_for(migrated_url)) as at:
        yield at


@pytest.fixture(scope="module")
def client(address, key):
    with client_for(address, key) as made:
        yield made


def assert_problem(response, status, kind, field=None):
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["type"] == f"/docs#problem-{kind}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert problem["remedy"]
    assert "Traceback" not in response.text
    if field is not None:
        assert problem["errors"][0]["field"] == field
        assert problem["errors"][0]["remedy"]


@pytest.mark.parametrize(
    ("content", "status", "kind", "field"),
    [
        (b"", 400, "malformed-json", "body"),
        (b"{", 400, "malformed-json", "body"),
        (b"{" * 60_000, 400, "malformed-json", "body"),
        (b"[]", 422, "invalid-body", "body"),
        (json.dumps(BODY).encode("utf-16"), 400, "invalid-encoding", "body"),
        (b'{"order_id": "A10234", "message": "\xff\xfe"}', 400, "invalid-encoding", "body"),
        (b'{"order_id": "A10234", "message": "a\\u0000b"}', 422, "invalid-body", "message"),
        (b'{"order_id": "A10234", "message": "\\udead"}', 422, "invalid-body", "message"),
        (b'{"order_id": "A10234", "order_id": "A1", "message": "m"}', 400, "duplicate-field", "order_id"),
        (json.dumps(BODY | {"order_id": 10234}).encode(), 422, "invalid-body", "order_id"),
        (json.dumps(BODY | {"message": ""}).encode(), 422, "invalid-body", "message"),
        (json.dumps(BODY | {"message": "  \n "}).encode(), 422, "invalid-body", "message"),
        (json.dumps(BODY | {"message": "x" * 8_001}).encode(), 422, "invalid-body", "message"),
        (json.dumps(BODY | {"refund_now": True}).encode(), 422, "invalid-body", "refund_now"),
        (json.dumps({"message": "m"}).encode(), 422, "invalid-body", "order_id"),
        (json.dumps(BODY | {"order_id": "A99999"}).encode(), 422, "unknown-order", "order_id"),
    ],
)
def test_a_bad_body_is_one_clear_problem(client, content, status, kind, field):
    assert_problem(client.post("/v1/returns", content=content, headers=JSON_HEADERS), status, kind, field)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_message_of_a_megabyte_gets_413_that_names_the_limit(client, chunked):
    content = json.dumps(BODY | {"message": "x" * 1_000_000}).encode()
    sent = iter([content[i : i + 8192] for i in range(0, len(content), 8192)]) if chunked else content
    response = client.post("/v1/returns", content=sent, headers=JSON_HEADERS)
    assert_problem(response, 413, "body-too-large")
    assert response.json()["limit_bytes"] == 65_536


def test_a_body_longer_than_it_said_is_not_read_beyond_the_limit(address, key):
    # A chunked body without an end: the refusal must come although the client never stops.
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as raw:
        head = f"POST /v1/returns HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nIdempotency-Key: e\r\n"
        raw.sendall((head + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n").encode())
        for _ in range(20):
            raw.sendall(b"2000\r\n" + b"x" * 0x2000 + b"\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    ("headers", "status", "kind", "field"),
    [
        ({"Content-Type": "application/json"}, 400, "missing-idempotency-key", "Idempotency-Key"),
        (JSON_HEADERS | {"Idempotency-Key": ""}, 400, "bad-idempotency-key", "Idempotency-Key"),
        (JSON_HEADERS | {"Idempotency-Key": "k" * 256}, 400, "bad-idempotency-key", "Idempotency-Key"),
        (JSON_HEADERS | {"Idempotency-Key": b"schl\xfcssel"}, 400, "bad-idempotency-key", "Idempotency-Key"),
        ([*JSON_HEADERS.items(), ("Idempotency-Key", "k2")], 400, "bad-idempotency-key", "Idempotency-Key"),
        ({"Idempotency-Key": "k", "Content-Type": "text/plain"}, 415, "wrong-content-type", "Content-Type"),
        ({"Idempotency-Key": "k", "Content-Type": "application/xml"}, 415, "wrong-content-type", "Content-Type"),
        (
            {"Idempotency-Key": "k", "Content-Type": "application/json; charset=latin-1"},
            415,
            "wrong-content-type",
            "Content-Type",
        ),
        ({"Idempotency-Key": "k"}, 415, "wrong-content-type", "Content-Type"),
    ],
)
def test_a_bad_header_is_named(client, headers, status, kind, field):
    response = client.post("/v1/returns", content=json.dumps(BODY).encode(), headers=headers)
    assert_problem(response, status, kind, field)


@pytest.mark.parametrize(
    "authorization",
    ["Bearer", "Bearer wrong", "Bearer rdk_" + "A" * 43, "Basic YTpi", "nonsense", "Bearer é"],
)
def test_a_wrong_api_key_is_refused_and_the_challenge_named(address, authorization):
    with client_for(address) as nobody:
        response = nobody.get("/v1/returns", headers={"Authorization": authorization.encode()})
    assert_problem(response, 401, "unauthorized")
    assert response.headers["www-authenticate"].startswith("Bearer")


def test_without_a_key_nothing_is_read_outside_development(address):
    with client_for(address) as nobody:
        assert_problem(nobody.get("/v1/returns"), 401, "unauthorized")
        assert_problem(nobody.post("/v1/returns", json=BODY, headers={"Idempotency-Key": "k"}), 401, "unauthorized")


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/v1/nothing", 404, "not-found"),
        ("GET", "/favicon.ico", 404, "not-found"),
        ("GET", "/v1/returns/ret_%00", 404, "not-found"),
        ("GET", "/v1/returns/%ff", 404, "not-found"),
        ("GET", "/v1/returns/" + "a" * 3000, 404, "not-found"),
        ("GET", "/v1/returns/' OR 1=1 --", 404, "not-found"),
        ("GET", "/v1/returns/ret_" + "0" * 32, 404, "not-found"),
        ("GET", "/v1/returns/ret_" + "0" * 32 + "/trace", 404, "not-found"),
        ("GET", "/v1/returns/ret_" + "0" * 32 + "/events", 404, "not-found"),
        ("GET", "/v1/webhooks/whe_x", 404, "not-found"),
        ("GET", "/docs/static/..%2fapp.py", 404, "not-found"),
        ("PUT", "/v1/returns", 405, "method-not-allowed"),
        ("DELETE", "/v1/returns/ret_" + "0" * 32, 405, "method-not-allowed"),
        ("BREW", "/v1/returns", 405, "method-not-allowed"),
        ("GET", "/v1/returns?limit=0", 400, "bad-parameter"),
        ("GET", "/v1/returns?limit=ten", 400, "bad-parameter"),
        ("GET", "/v1/returns?status=lost", 400, "bad-parameter"),
        ("GET", "/v1/returns?cursor=%00", 400, "bad-parameter"),
        ("GET", "/v1/returns?cursor=MjAyNQ", 400, "bad-parameter"),
        ("GET", "/v1/returns?order_id=%00", 400, "bad-parameter"),
        ("GET", "/v1/returns?received_from=yesterday", 400, "bad-parameter"),
        ("GET", "/v1/returns?received_from=2025-03-13T08:00:00", 400, "bad-parameter"),
    ],
)
def test_a_wrong_address_method_or_parameter_is_one_clear_problem(client, method, path, status, kind):
    assert_problem(client.request(method, path), status, kind)


def test_a_405_names_the_methods_that_are_allowed(client):
    assert "POST" in client.put("/v1/returns").headers["allow"]


@pytest.mark.parametrize("header", ["x", "-1", "1.5", "9" * 30, "\u00b2"])
def test_a_bad_last_event_id_is_named(client, header):
    return_id = client.post("/v1/returns", json=BODY, headers={"Idempotency-Key": "e"}).json()["id"]
    response = client.get(f"/v1/returns/{return_id}/events", headers={"Last-Event-ID": header.encode()})
    assert_problem(response, 400, "bad-parameter", "Last-Event-ID")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": 1}, "url"),
        ({"url": "http://10.0.0.1/hook"}, "url"),
        ({"url": "https://127.0.0.1/hook"}, "url"),
        ({"url": "https://localhost/hook"}, "url"),
        ({"url": "https://169.254.169.254/latest"}, "url"),
        ({"url": "ftp://example.com/"}, "url"),
        ({"url": "https://u:p@example.com/"}, "url"),
        ({"url": "https://example.com/", "kinds": ["DROP TABLE"]}, "kinds.0"),
        ({"url": "https://example.com/", "secret": "x"}, "secret"),
    ],
)
def test_a_bad_webhook_is_refused_by_field(client, body, field):
    assert_problem(client.post("/v1/webhooks", json=body), 422, "invalid-body", field)


def test_every_kind_of_problem_has_its_entry_on_the_documentation_page(client):
    page = client.get("/docs").text
    assert all(f'id="problem-{slug}"' in page for slug in KINDS)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=400), idempotency_key=st.text(st.characters(max_codepoint=255), max_size=20))
def test_no_bytes_in_body_or_key_make_a_500(client, content, idempotency_key):
    try:
        headers = {"Content-Type": "application/json", "Idempotency-Key": idempotency_key.encode("latin-1")}
        response = client.post("/v1/returns", content=content, headers=headers)
    except httpx.LocalProtocolError:
        return  # the client itself refuses to send such a header
    assert response.status_code < 500


json_values = st.none() | st.booleans() | st.integers() | st.text(max_size=30) | st.lists(st.integers(), max_size=3)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.fixed_dictionaries(
        {"order_id": st.just("A10234") | json_values, "message": st.just("m") | json_values},
        optional={"item": json_values, "customer_email": json_values, "other": json_values},
    )
)
def test_any_json_object_is_accepted_or_a_problem_and_what_is_accepted_is_stored(client, migrated_url, body):
    headers = {"Idempotency-Key": f"h-{abs(hash(json.dumps(body)))}"}
    response = client.post("/v1/returns", content=json.dumps(body).encode(), headers=JSON_HEADERS | headers)
    if response.status_code == 202:
        stored = "SELECT count(*) FROM return_request WHERE id = %s AND message = %s"
        assert count(migrated_url, stored, response.json()["id"], body["message"]) == 1
    else:
        assert response.status_code in {400, 422}
        assert response.json()["errors"]


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.lists(st.binary(max_size=80), max_size=5).map(b"\n".join))
def test_no_batch_makes_a_500_and_each_line_that_is_not_blank_has_its_result(client, content):
    headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": "batch"}
    response = client.post("/v1/returns/batch", content=content, headers=headers)
    filled = [line for line in content.split(b"\n") if line.strip()]
    if filled:
        assert response.status_code == 200
        assert len(response.text.splitlines()) == len(filled)
    else:
        assert response.status_code == 400
