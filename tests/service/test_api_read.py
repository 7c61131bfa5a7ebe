"""Reading returns, traces, pages, health, metrics and documentation over real HTTP from a real database."""

import json
import re
import uuid
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tests.service.api_server import BODY, SHOP, add_shop, client_for, serving, settings_for

FINDING = {"check": "evidence_verbatim", "passed": True, "detail": "the sentence stands in P-7"}
SENTENCE = "Damaged items reported within 30 days of delivery are eligible for return."


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


def submit(client, **changes):
    response = client.post("/v1/returns", json=BODY | changes, headers={"Idempotency-Key": str(uuid.uuid4())})
    assert response.status_code == 202, response.text
    return response.json()["id"]


def decide(database_url, return_id, route="auto_close"):
    """Store an outcome as the triage flow does: trace, action, review item, and the return's columns."""
    document = {"decision": {"evidence": SENTENCE}, "verification": {"verdict": "pass", "findings": [FINDING]}}
    closed = route == "auto_close"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO trace (id, return_id, shop_id, purpose, attempt, schema_version, checkpoint, evidence_digest, "
            "prompt_digest, verdict, route, ttft_ms, latency_ms, document, created_at) "
            "VALUES (%s, %s, %s, 'live', 1, 1, 'returns-assistant-v1', 'e', 'p', 'pass', %s, 212, 830, %s, now())",
            (f"trc_{return_id[4:]}", return_id, SHOP, route, json.dumps(document)),
        )
        connection.execute(
            "INSERT INTO tool_action (id, return_id, tool, args_digest, idempotency_key, state, arguments, result, "
            "supports, provider, attempts, actor, created_at) VALUES "
            "(%s, %s, 'create_return_label', 'd', %s, 'succeeded', '{}', '{\"tracking\": \"RD1\"}', '[]', 'local', 1, "
            "'desk', now())",
            (f"act_{return_id[4:]}", return_id, return_id),
        )
        connection.execute(
            "UPDATE return_request SET status = %s, closed_at = %s, closed_by = %s, reason = 'damaged', "
            "decision = 'eligible', policy_id = 'P-7', policy_version = '2025-01', verdict = 'pass', route = %s, "
            "checkpoint = 'returns-assistant-v1', trace_id = %s, reply = %s WHERE id = %s",
            (
                "closed" if closed else "in_review",
                datetime.now(UTC) if closed else None,
                "desk" if closed else None,
                route,
                f"trc_{return_id[4:]}",
                "Your label is in your inbox." if closed else None,
                return_id,
            ),
        )
        if not closed:
            connection.execute(
                "INSERT INTO review_item (id, return_id, shop_id, order_id, reason, detail, priority, state, version, "
                "due_at, created_at) VALUES (%s, %s, %s, 'A10234', 'ambiguous', 'two clauses collide', 5, 'open', 1, "
                "now(), now())",
                (f"rev_{return_id[4:]}", return_id, SHOP),
            )


def test_a_fresh_return_is_received_and_has_no_outcome_yet(client):
    return_id = submit(client, item="lamp", customer_email="c@example.com")
    found = client.get(f"/v1/returns/{return_id}").json()
    assert (found["status"], found["decision"], found["actions"], found["findings"]) == ("received", None, [], [])
    assert (found["order_id"], found["item"], found["customer_email"]) == ("A10234", "lamp", "c@example.com")
    trace = client.get(f"/v1/returns/{return_id}/trace")
    assert trace.status_code == 404
    assert "received" in trace.json()["detail"]


def test_a_closed_return_shows_decision_evidence_findings_actions_and_reply(client, migrated_url):
    return_id = submit(client)
    decide(migrated_url, return_id)
    found = client.get(f"/v1/returns/{return_id}").json()
    assert (found["status"], found["closed_by"], found["decision"]) == ("closed", "desk", "eligible")
    assert (found["policy_id"], found["policy_version"], found["evidence"]) == ("P-7", "2025-01", SENTENCE)
    assert found["findings"] == [FINDING]
    assert found["actions"][0]["name"] == "create_return_label"
    assert found["actions"][0]["result"] == {"tracking": "RD1"}
    assert found["reply"] == "Your label is in your inbox."
    trace = client.get(found["links"]["trace"]).json()
    assert trace["trace"]["decision"]["evidence"] == SENTENCE
    assert trace["replay"] == f"returns-desk decide --replay {trace['id']}"


def test_a_return_before_a_person_says_why(client, migrated_url):
    return_id = submit(client)
    decide(migrated_url, return_id, route="review")
    found = client.get(f"/v1/returns/{return_id}").json()
    assert (found["status"], found["review_reason"]) == ("in_review", "ambiguous")
    assert found["review_detail"] == "two clauses collide"
    assert found["reply"] is None


def test_another_shops_return_is_404_everywhere(client, address, migrated_url):
    return_id = submit(client)
    decide(migrated_url, return_id)
    with client_for(address, add_shop(migrated_url, "stranger")) as stranger:
        for path in ("", "/trace", "/events"):
            assert stranger.get(f"/v1/returns/{return_id}{path}").status_code == 404
        assert stranger.get("/v1/returns").json()["returns"] == []


def test_pages_walk_all_returns_once_while_new_ones_arrive(address, migrated_url):
    key = add_shop(migrated_url, "pager")
    with client_for(address, key) as client:
        expected = [submit(client) for _ in range(25)]
        seen, path = [], "/v1/returns?limit=10"
        while path:
            page = client.get(path).json()
            seen += [one["id"] for one in page["returns"]]
            path = page["next"]
            submit(client)
    assert seen == expected[::-1]


def test_filters_narrow_and_survive_paging(address, migrated_url):
    key = add_shop(migrated_url, "filterer")
    with client_for(address, key) as client:
        for n in range(6):
            submit(client, order_id="A10235" if n % 2 else "A10234")
        first = client.get("/v1/returns", params={"order_id": "A10235", "limit": 2}).json()
        second = client.get(first["next"]).json()
        assert [one["order_id"] for one in first["returns"] + second["returns"]] == ["A10235"] * 3
        assert second["next"] is None
        assert client.get("/v1/returns?status=closed").json()["returns"] == []
        later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        assert client.get("/v1/returns", params={"received_from": later}).json()["returns"] == []
        assert len(client.get("/v1/returns", params={"received_until": later}).json()["returns"]) == 6


def test_a_revoked_key_stops_working(address, migrated_url, monkeypatch):
    monkeypatch.setattr("services.api.keyring.KNOWN_FOR_SECONDS", 0.0)
    key = add_shop(migrated_url, "leaver")
    with client_for(address, key) as client:
        assert client.get("/v1/returns").status_code == 200
        with psycopg.connect(migrated_url, autocommit=True) as connection:
            connection.execute("UPDATE api_key SET revoked_at = now() WHERE shop_id = 'leaver'")
        assert client.get("/v1/returns").status_code == 401


def test_the_use_of_a_key_is_noted(client, migrated_url):
    client.get("/v1/returns")
    with psycopg.connect(migrated_url) as connection:
        [(used,)] = connection.execute("SELECT last_used_at FROM api_key WHERE shop_id = %s", (SHOP,)).fetchall()
    assert used is not None


def test_keys_are_stored_as_digests_only(key, migrated_url):
    with psycopg.connect(migrated_url) as connection:
        rows = connection.execute("SELECT api_key::text FROM api_key").fetchall()
    assert rows
    assert all(key not in text for (text,) in rows)


def test_every_answer_carries_security_headers_and_a_request_id(client):
    for path in ("/", "/docs", "/healthz", "/v1/returns", "/v1/nothing"):
        headers = client.get(path, headers={"X-Request-Id": "mine-1"}).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-request-id"] == "mine-1"
    assert client.get("/healthz", headers={"X-Request-Id": "a b\tc"}).headers["x-request-id"] != "a b\tc"


def test_the_pages_fetch_nothing_from_elsewhere(client):
    for path in ("/", "/docs", "/docs/static/docs.css", "/docs/static/docs.js"):
        response = client.get(path)
        assert response.status_code == 200
        assert not re.search(r"""(?:src|href|url|import|@import)\s*[=(]?\s*["']?(?:https?:)?//""", response.text)
    assert all(f'href="{door}"' in client.get("/").text for door in ("/review", "/ops", "/docs"))


def test_the_documentation_shows_every_operation_with_a_form_to_try_it(client):
    page, document = client.get("/docs").text, client.get("/openapi.json").json()
    operations = [(method.upper(), path) for path, methods in document["paths"].items() for method in methods]
    assert len(operations) >= 15
    for method, path in operations:
        assert f'data-method="{method}" data-path="{path}"' in page


def test_the_openapi_document_describes_bodies_headers_and_problems_with_examples(client):
    document = client.get("/openapi.json").json()
    submit_operation = document["paths"]["/v1/returns"]["post"]
    assert submit_operation["requestBody"]["content"]["application/json"]["examples"]
    assert submit_operation["parameters"][0]["name"] == "Idempotency-Key"
    assert submit_operation["security"]
    assert {"202", "400", "401", "409", "413", "415", "422", "429", "503"} <= set(submit_operation["responses"])
    assert "24 hours" in submit_operation["description"]
    text = json.dumps(document)
    assert "HTTPValidationError" not in text
    references = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert "ProblemBody" in references
    assert references <= set(document["components"]["schemas"])
    assert set(submit_operation["responses"]["422"]["content"]) == {"application/problem+json"}


def test_metrics_count_requests_and_show_the_desk(client, migrated_url):
    decide(migrated_url, submit(client))
    text = client.get("/metrics").text
    assert re.search(r'returns_desk_http_requests_total\{method="POST",route="/v1/returns",status="202"\} [1-9]', text)
    assert re.search(r'returns_desk_jobs\{kind="triage",state="ready"\} [1-9]', text)
    assert re.search(r'returns_desk_jobs\{kind="nightly",state="quarantined"\} 0', text)
    assert re.search(r'returns_desk_oldest_ready_job_seconds\{kind="triage"\} [0-9.]+', text)
    assert 'returns_desk_oldest_ready_job_seconds{kind="nightly"} 0.0' in text
    assert "returns_desk_webhook_deliveries_pending 0.0" in text
    assert 'returns_desk_outcomes_last_day{decision="eligible"' in text
    assert "returns_desk_database_up 1.0" in text


def test_addresses_people_try_do_not_become_metric_labels(client):
    client.get("/v1/secret-path-1")
    assert "secret-path-1" not in client.get("/metrics").text


def test_readiness_names_each_part_that_is_away_and_the_remedy(client):
    response = client.get("/readyz")
    assert response.status_code == 503
    checks = {check["name"]: check for check in response.json()["checks"]}
    assert checks["database"]["ok"]
    assert not checks["broker"]["ok"]
    assert not checks["checkpoint"]["ok"]
    assert all(checks[name]["remedy"] for name in ("broker", "checkpoint"))
    assert client.get("/healthz").json() == {"status": "ok"}


def test_the_desk_is_ready_when_database_broker_and_a_loaded_checkpoint_answer(migrated_url, valkey_url):
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO process (name, kind, checkpoint, started_at, seen_at) "
            "VALUES ('w1', 'triage', 'returns-assistant-v1', now(), now())"
        )
    with serving(settings_for(migrated_url, redis_url=valkey_url)) as address, client_for(address) as anyone:
        response = anyone.get("/readyz")
        assert (response.status_code, response.json()["status"]) == (200, "ready"), response.text
        with psycopg.connect(migrated_url, autocommit=True) as connection:
            connection.execute("UPDATE process SET seen_at = now() - interval '5 minutes'")
        stale = anyone.get("/readyz")
    assert stale.status_code == 503
    assert "returns-assistant-v1" in stale.json()["checks"][2]["detail"]
