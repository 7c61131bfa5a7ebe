"""From claim to end: batches, failures that spoil only themselves, heartbeats, on real PostgreSQL."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from infra.database import make_engine
from services.domain.jobs import JobKind, Patience
from services.flows.triage import Failed
from services.store import jobs
from services.store.job_ledger import JobLedger
from services.store.sessions import sessions
from workers.http import Nudge
from workers.work import work

NOW = datetime(2026, 11, 1, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def opener(fresh_migrated_url):
    engine = make_engine(fresh_migrated_url)
    yield sessions(engine)
    engine.dispose()


@pytest.fixture
def ledger(opener):
    return JobLedger(opener, SECOND, Patience(attempts=2, backoff=timedelta(hours=1)))


def add(opener, *subjects):
    with opener() as session:
        for subject in subjects:
            jobs.enqueue(session, JobKind.TRIAGE, subject, "shop", NOW)


def states(opener):
    with opener() as session:
        return {row.subject_id: row.state for row in session.execute(text("SELECT subject_id, state FROM job"))}


def finisher(opener, seen, *, bad=(), error=None):
    """Return a handler that finishes jobs, and raises when a bad subject is among them."""

    def handle(leases):
        seen.append(sorted(lease.subject_id for lease in leases))
        if any(lease.subject_id in bad for lease in leases):
            raise error or ValueError("no")
        for lease in leases:
            with opener() as session:
                jobs.finish(session, lease)
        return {}

    return handle


def run(ledger, handler, batch=8):
    return work(ledger, JobKind.TRIAGE, handler, job_id=None, batch=batch, heartbeat=SECOND / 4)


def test_one_poke_drains_all_that_is_ready(opener, ledger):
    add(opener, *"abcdefg")
    seen = []
    assert run(ledger, finisher(opener, seen), batch=3) == 7
    assert sorted(seen) == [[subject] for subject in "abcdefg"]
    assert set(states(opener).values()) == {"done"}


@pytest.mark.parametrize("batch", [1, 8])
def test_a_bad_case_spoils_only_itself(opener, ledger, batch):
    add(opener, "a", "b", "c")
    run(ledger, finisher(opener, [], bad={"b"}), batch=batch)
    assert states(opener) == {"a": "done", "b": "ready", "c": "done"}
    with opener() as session:
        error = session.execute(text("SELECT last_error FROM job WHERE subject_id = 'b'")).scalar_one()
    assert error == "ValueError: no"


def test_a_late_job_joins_those_that_run_and_no_more_run_at_once_than_allowed(opener, ledger):
    add(opener, "a", "b", "c")
    late, running, most = threading.Event(), set(), []

    def handle(leases):
        (lease,) = leases
        running.add(lease.subject_id)
        most.append(len(running))
        if lease.subject_id == "a":
            add(opener, "late")
            assert late.wait(20), "the late job waited for one that was there before it"
        if lease.subject_id == "late":
            late.set()
        running.discard(lease.subject_id)
        return finisher(opener, [])(leases)

    assert run(ledger, handle, batch=2) == 4
    assert set(states(opener).values()) == {"done"}
    assert max(most) <= 2


def test_a_job_that_took_a_process_down_runs_alone(opener, ledger):
    add(opener, *"abcd")
    with opener() as session:
        session.execute(text("UPDATE job SET crashes = 1 WHERE subject_id = 'a'"))
    running, beside = set(), {}

    def handle(leases):
        (lease,) = leases
        running.add(lease.subject_id)
        time.sleep(0.05)
        beside[lease.subject_id] = running - {lease.subject_id}
        running.discard(lease.subject_id)
        return finisher(opener, [])(leases)

    assert run(ledger, handle, batch=4) == 4
    assert beside["a"] == set()
    assert set(states(opener).values()) == {"done"}


def test_what_takes_too_long_is_given_back(opener, ledger):
    add(opener, "a")
    run(ledger, finisher(opener, [], bad={"a"}, error=SoftTimeLimitExceeded()), batch=1)
    assert states(opener) == {"a": "ready"}


def test_when_time_is_up_all_that_are_under_way_are_given_back(opener, ledger, monkeypatch):
    add(opener, "a", "b")
    gate = threading.Event()

    def out_of_time(*_):
        raise SoftTimeLimitExceeded

    def handle(leases):
        assert gate.wait(20)
        return {}

    monkeypatch.setattr("workers.work.wait", out_of_time)
    given_back = threading.Timer(0.5, gate.set)
    given_back.start()
    with pytest.raises(SoftTimeLimitExceeded):
        run(ledger, handle)
    assert states(opener) == {"a": "ready", "b": "ready"}


def test_what_the_handler_names_is_tried_again_and_the_rest_is_not(opener, ledger):
    add(opener, "a", "b")

    def handle(leases):
        (lease,) = leases
        if lease.subject_id == "b":
            return {lease.job_id: Failed("shop is down", outage=True)}
        return finisher(opener, [])(leases)

    run(ledger, handle)
    assert states(opener) == {"a": "done", "b": "ready"}


def test_a_long_decision_keeps_its_lease_by_heartbeat(opener, ledger):
    add(opener, "a")
    swept = []

    def handle(leases):
        for _ in range(6):
            time.sleep(0.4)
            swept.extend(ledger.sweep().requeued)
        return finisher(opener, [])(leases)

    run(ledger, handle)
    assert swept == []
    assert states(opener) == {"a": "done"}


def test_a_database_that_is_away_for_a_moment_is_waited_for(opener, ledger, monkeypatch):
    add(opener, "a")
    real, failures = ledger.claim, iter([True, True])

    def claim(*args, **kwargs):
        if next(failures, False):
            raise OperationalError("SELECT", {}, Exception("connection refused"))
        return real(*args, **kwargs)

    monkeypatch.setattr(ledger, "claim", claim)
    assert run(ledger, finisher(opener, [])) == 1


def test_many_nudges_at_once_become_few_pokes_and_none_is_forgotten():
    sent, gate = [], threading.Event()

    class Poker:
        def send(self, task):
            gate.wait(5)
            sent.append(task)
            return True

    nudge = Nudge(Poker())
    for _ in range(1000):
        nudge()
    gate.set()
    deadline = time.monotonic() + 5
    while len(sent) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    assert 2 <= len(sent) <= 8
    before = len(sent)
    nudge()
    while len(sent) == before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(sent) == before + 1
