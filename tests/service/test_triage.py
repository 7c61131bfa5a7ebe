"""Triage end to end: real PostgreSQL, built-in policies, the sample shop, local tools, and a scripted decider."""

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from infra.settings import get_settings
from services.domain.jobs import JobKind
from services.domain.trace import Trace
from services.ports import OrderSourceUnavailable, ToolUnavailable
from services.store import jobs
from services.store.jobs_view import NotToBeRetried, list_jobs, retry_job
from services.store.traces import latest_trace
from workers.replay import TraceNotFound, comparison, judged_again, load_trace
from workers.seed import SAMPLES, seed
from workers.wiring import Desk

SHOP = "sample-shop"


@pytest.fixture(scope="module")
def settings(migrated_url, tmp_path_factory):
    changed = {
        "database_url": migrated_url,
        "decider": "scripted",
        "audit_share": 0.0,
        "var_dir": tmp_path_factory.mktemp("var"),
        "job_retry_backoff_seconds": 0.001,
    }
    return get_settings().model_copy(update=changed)


@pytest.fixture(scope="module")
def desk(settings):
    seed(settings)
    parts = Desk(settings)
    yield parts
    parts.engine.dispose()


@pytest.fixture
def submit(desk, request):
    """Return a function that stores a request with its job and returns its id."""

    def store(order_id, message="It arrived cracked.", item=None, suffix=""):
        now = datetime.now(UTC)
        return_id = f"{request.node.name}{suffix}"
        with desk.sessions() as session:
            session.execute(
                text(
                    "INSERT INTO return_request (id, shop_id, order_id, message, item, status, received_at, updated_at)"
                    " VALUES (:id, :shop, :order_id, :message, :item, 'received', :now, :now)"
                ),
                {"id": return_id, "shop": SHOP, "order_id": order_id, "message": message, "item": item, "now": now},
            )
            jobs.enqueue(session, JobKind.TRIAGE, return_id, SHOP, now)
        return return_id

    return store


def run(desk, limit=8):
    """Work on what is ready as the worker's task does, less the heartbeat."""
    leases = desk.jobs.claim(JobKind.TRIAGE, "w", limit=limit)
    failures = desk.triage.run(leases)
    for lease in leases:
        if lease.job_id in failures:
            failed = failures[lease.job_id]
            desk.jobs.retry(lease, failed.error, outage=failed.outage)
    return failures


def one(desk, statement, **values):
    with desk.sessions() as session:
        return session.execute(text(statement), values).one()


def outcome(desk, return_id):
    return one(
        desk,
        "SELECT status, decision, policy_id, verdict, route_reason, reply FROM return_request WHERE id = :id",
        id=return_id,
    )


def review_reason(desk, return_id):
    return one(desk, "SELECT reason, detail FROM review_item WHERE return_id = :id", id=return_id)


def kinds(desk, return_id):
    with desk.sessions() as session:
        found = session.execute(text("SELECT kind FROM event WHERE return_id = :id ORDER BY id"), {"id": return_id})
        return [row.kind for row in found]


def test_a_damaged_lamp_closes_by_itself_with_label_refund_and_trace(desk, submit, settings):
    return_id = submit("A10234")
    assert run(desk) == {}
    found = outcome(desk, return_id)
    assert (found.status, found.decision, found.policy_id, found.verdict) == ("closed", "eligible", "P-7", "pass")
    assert "label has been created" in found.reply
    assert kinds(desk, return_id) == ["return.processing", "return.action", "return.action", "return.closed"]
    with desk.sessions() as session:
        trace = latest_trace(session, return_id)
    assert trace is not None
    assert [action.status.value for action in trace.trace.actions] == ["succeeded", "succeeded"]
    assert Trace.model_validate_json(trace.trace.model_dump_json()) == trace.trace
    assert len(list(settings.labels_dir.rglob("*.pdf"))) == 1
    assert one(desk, "SELECT state FROM job WHERE subject_id = :id", id=return_id).state == "done"


def test_an_old_trace_is_judged_again_and_a_missing_action_changes_its_verdict(desk, submit):
    return_id = submit("A10234", suffix="-replay")
    run(desk)
    with desk.sessions() as session:
        stored = latest_trace(session, return_id)
    again = judged_again(load_trace(desk.sessions, stored.id).trace)
    assert comparison(stored, again)["same"] is True
    claiming = stored.trace.model_copy(update={"actions": (), "reply": "Your refund has been issued."})
    found = comparison(stored, judged_again(claiming))
    assert found["same"] is False
    assert found["now"]["verdict"] == "block"
    with pytest.raises(TraceNotFound):
        load_trace(desk.sessions, "trc_none")


def test_the_same_job_delivered_again_makes_no_second_label_and_refund(desk, submit, settings):
    return_id = submit("A10234", suffix="-again")
    before = one(desk, "SELECT count(*) AS n FROM journal_transaction").n
    run(desk)
    assert desk.jobs.claim(JobKind.TRIAGE, "another") == []
    with desk.sessions() as session:
        session.execute(text("UPDATE job SET state = 'ready' WHERE subject_id = :id"), {"id": return_id})
    run(desk)
    rows = "SELECT tool, state, attempts FROM tool_action WHERE return_id = :id AND tool = 'create_return_label'"
    assert one(desk, rows, id=return_id).attempts == 1
    assert one(desk, "SELECT count(*) AS n FROM trace WHERE return_id = :id", id=return_id).n == 1
    assert one(desk, "SELECT count(*) AS n FROM journal_transaction").n <= before + 1
    assert kinds(desk, return_id).count("return.processing") == 1


@pytest.mark.parametrize(
    ("order_id", "item", "reason"),
    [("A99999", None, "order_not_found"), ("A10234", "bicycle", "item_not_in_order")],
)
def test_what_the_order_source_does_not_know_goes_to_a_person_with_the_reason(desk, submit, order_id, item, reason):
    return_id = submit(order_id, item=item)
    run(desk)
    found = review_reason(desk, return_id)
    assert found.reason == reason
    assert found.detail
    assert outcome(desk, return_id).status == "in_review"
    assert kinds(desk, return_id)[-1] == "return.in_review"


def test_an_order_of_another_shop_is_as_unknown_as_none(desk, submit):
    return_id = submit("A10234")
    with desk.sessions() as session:
        session.execute(text("INSERT INTO shop (id, name, created_at) VALUES ('other', 'Other', now())"))
        session.execute(text("UPDATE return_request SET shop_id = 'other' WHERE id = :id"), {"id": return_id})
    run(desk)
    assert review_reason(desk, return_id).reason == "order_not_found"


def test_an_order_that_is_not_delivered_goes_to_a_person_before_any_model_runs(desk, submit):
    order = one(desk, "SELECT order_id FROM shop_order WHERE order_id = 'A10234'").order_id
    with desk.sessions() as session:
        session.execute(
            text(
                "INSERT INTO shop_order (shop_id, order_id, document, updated_at) SELECT shop_id, 'A-NOT-YET', document"
                ' || \'{"order_id": "A-NOT-YET", "delivered_on": null, "promised_on": null}\'::jsonb, now()'
                " FROM shop_order WHERE order_id = :order"
            ),
            {"order": order},
        )
    return_id = submit("A-NOT-YET")
    run(desk)
    assert review_reason(desk, return_id).reason == "not_delivered"
    assert one(desk, "SELECT count(*) AS n FROM trace WHERE return_id = :id", id=return_id).n == 0


def test_an_order_source_that_is_down_delays_the_return_and_loses_nothing(desk, submit, monkeypatch):
    return_id = submit("A10234")

    def down(*_):
        raise OrderSourceUnavailable("connection refused")

    with monkeypatch.context() as patch:
        patch.setattr(type(desk.orders), "facts", down)
        (failed,) = run(desk).values()
    assert failed.outage
    assert outcome(desk, return_id).status == "processing"
    assert one(desk, "SELECT last_error FROM job WHERE subject_id = :id", id=return_id).last_error == (
        "connection refused"
    )
    while outcome(desk, return_id).status == "processing":
        run(desk)
    assert outcome(desk, return_id).status in {"closed", "in_review"}


def test_a_model_server_that_is_down_delays_the_return_and_loses_nothing(desk, submit, settings):
    return_id = submit("A10234")
    nobody = {"decider": "remote", "checkpoint_server_url": "http://127.0.0.1:9/v1", "checkpoint_server_model": "big"}
    remote = Desk(settings.model_copy(update=nobody | {"decide_timeout_seconds": 1}))
    (failed,) = run(remote).values()
    remote.engine.dispose()
    assert failed.outage
    assert failed.error.startswith("model server http://127.0.0.1:9/v1/: cannot be reached")
    while outcome(desk, return_id).status == "processing":
        run(desk)
    assert outcome(desk, return_id).status in {"closed", "in_review"}


def test_a_tool_outage_repeats_only_its_own_case_of_the_batch(desk, submit, monkeypatch):
    first = submit("A10241", "You sent the wrong size.", suffix="-1")
    second = submit("A99999", suffix="-2")
    provider = desk.tools._provider
    real = type(provider).execute

    def down(self, call, key, case):
        if case.return_id == first:
            raise ToolUnavailable("no route to host")
        return real(self, call, key, case)

    with monkeypatch.context() as patch:
        patch.setattr(type(provider), "execute", down)
        run(desk)
    assert outcome(desk, first).status == "processing"
    assert outcome(desk, second).status == "in_review"
    assert one(desk, "SELECT count(*) AS n FROM trace WHERE return_id = :id", id=first).n == 0
    while outcome(desk, first).status == "processing":
        run(desk)
    states = "SELECT count(*) FILTER (WHERE state = 'pending') AS n FROM tool_action WHERE return_id = :id"
    assert one(desk, states, id=first).n == 0


def test_effects_of_an_earlier_attempt_that_the_decision_does_not_know_go_to_a_person(desk, submit):
    return_id = submit("A10241", message="hello")
    with desk.sessions() as session:
        session.execute(
            text(
                "INSERT INTO tool_action (id, return_id, tool, args_digest, idempotency_key, state, arguments, result,"
                " supports, provider, attempts, actor, created_at)"
                " VALUES ('old', :id, 'send_replacement', 'x', 'x-key',"
                " 'succeeded', '{}', '{}', '[]', 'local', 1, 'desk', now())"
            ),
            {"id": return_id},
        )
    run(desk)
    found = review_reason(desk, return_id)
    assert found.reason == "actions_of_an_earlier_attempt"
    assert "send_replacement" in found.detail


def test_patience_that_ends_makes_a_visible_review_item(desk, submit):
    return_id = submit("A10234")
    while leases := desk.jobs.claim(JobKind.TRIAGE, "w"):
        for lease in leases:
            desk.jobs.retry(lease, "ValueError: the model spoke in tongues")
    found = review_reason(desk, return_id)
    assert found.reason == "processing_failed"
    assert "tongues" in found.detail
    assert outcome(desk, return_id).status == "in_review"


def quarantine(desk):
    while leases := desk.jobs.claim(JobKind.TRIAGE, "w"):
        for lease in leases:
            desk.jobs.retry(lease, "ValueError: no")


def test_a_failed_job_gets_a_fresh_start_and_its_return_leaves_the_review_queue(desk, submit):
    return_id = submit("A10234")
    quarantine(desk)
    job = one(desk, "SELECT id, state FROM job WHERE subject_id = :id", id=return_id)
    assert job.state == "failed"
    with desk.sessions() as session:
        assert job.id in [view.id for view in list_jobs(session, ["failed"])]
        retry_job(session, job.id, "kim", datetime.now(UTC))
    assert one(desk, "SELECT count(*) AS n FROM review_item WHERE return_id = :id", id=return_id).n == 0
    run(desk)
    assert outcome(desk, return_id).verdict is not None
    with desk.sessions() as session, pytest.raises(NotToBeRetried, match="done"):
        retry_job(session, job.id, "kim", datetime.now(UTC))


def test_a_failed_job_that_a_reviewer_holds_is_not_started_again(desk, submit):
    return_id = submit("A10234")
    quarantine(desk)
    job = one(desk, "SELECT id FROM job WHERE subject_id = :id", id=return_id)
    with desk.sessions() as session:
        session.execute(
            text(
                "UPDATE review_item SET state = 'leased', lease_token = 't', leased_by = 'kim', lease_until = now()"
                " WHERE return_id = :id"
            ),
            {"id": return_id},
        )
    with desk.sessions() as session, pytest.raises(NotToBeRetried, match="reviewer"):
        retry_job(session, job.id, "kim", datetime.now(UTC))


def test_all_samples_come_to_rest_in_one_terminal_state(desk, submit):
    samples = [json.loads(line) for line in (SAMPLES / "requests.jsonl").read_text().splitlines()]
    wanted = [
        submit(sample["order_id"], sample["message"], sample.get("item"), suffix=f"-{number}")
        for number, sample in enumerate(samples)
    ]
    while one(desk, "SELECT count(*) AS n FROM job WHERE state = 'ready'").n:
        run(desk)
    states = [outcome(desk, return_id).status for return_id in wanted]
    assert set(states) == {"closed", "in_review"}
    items = "SELECT count(*) AS n FROM review_item JOIN return_request r ON r.id = return_id WHERE r.status = 'closed'"
    assert one(desk, items).n == 0
