"""The job ledger: claims, leases, fences, patience and quarantine, against real PostgreSQL."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from infra.database import make_engine
from services.domain.jobs import JobKind, LeaseLost, Patience
from services.store import jobs
from services.store.job_ledger import JobLedger
from services.store.sessions import sessions

NOW = datetime(2026, 11, 1, 9, tzinfo=UTC)
LEASE = timedelta(seconds=60)


@pytest.fixture(scope="module")
def engine(migrated_url):
    engine = make_engine(migrated_url)
    yield engine
    engine.dispose()


@pytest.fixture
def opener(engine):
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM outbox"))
        connection.execute(text("DELETE FROM job"))
    return sessions(engine)


@pytest.fixture
def told():
    return []


@pytest.fixture
def ledger(opener, told):
    def give_up(session, lease, reason, error, now):
        told.append((lease.subject_id, reason, error))

    patience = Patience(attempts=3, outage_attempts=5, crashes=3, backoff=timedelta(0))
    return JobLedger(opener, LEASE, patience, {JobKind.TRIAGE: give_up})


def add(opener, *subjects):
    with opener() as session:
        return [jobs.enqueue(session, JobKind.TRIAGE, subject, "shop", NOW) for subject in subjects]


def rows(opener):
    with opener() as session:
        found = session.execute(text("SELECT subject_id, state, attempt, crashes, last_error FROM job"))
        return {row.subject_id: row for row in found}


def lease_runs_out(opener):
    with opener() as session:
        session.execute(text("UPDATE job SET lease_until = now() - interval '1 second' WHERE state = 'running'"))


def test_a_subject_has_one_job_of_a_kind_however_often_it_is_added(opener):
    first, second = add(opener, "r1")[0], add(opener, "r1")[0]
    assert first is not None
    assert second is None
    assert len(rows(opener)) == 1


def test_adding_a_job_leaves_a_note_for_the_broker_in_the_same_transaction(opener):
    job_id = add(opener, "r1")[0]
    with opener() as session:
        assert session.execute(text("SELECT topic, subject_id, sent_at FROM outbox")).all() == [
            ("job.ready", job_id, None)
        ]


def test_a_job_is_claimed_by_one_worker_only(opener, ledger):
    job_id = add(opener, "r1")[0]
    assert [lease.job_id for lease in ledger.claim(JobKind.TRIAGE, "a", prefer=job_id)] == [job_id]
    assert ledger.claim(JobKind.TRIAGE, "b", prefer=job_id) == []


def test_many_workers_at_once_share_jobs_without_overlap(opener, ledger):
    wanted = set(add(opener, *(f"r{number}" for number in range(60))))
    taken, lock = [], threading.Lock()

    def worker(name):
        while leases := ledger.claim(JobKind.TRIAGE, name, limit=4):
            with lock:
                taken.extend(lease.job_id for lease in leases)

    threads = [threading.Thread(target=worker, args=(f"w{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(wanted)
    assert set(taken) == wanted


def test_the_preferred_job_comes_first_and_the_oldest_fill_the_batch(opener, ledger):
    ids = add(opener, "r1", "r2", "r3")
    taken = ledger.claim(JobKind.TRIAGE, "a", prefer=ids[2], limit=2)
    assert taken[0].subject_id == "r3"
    assert len(taken) == 2


def test_a_worker_whose_lease_ran_out_cannot_finish_the_job(opener, ledger):
    add(opener, "r1")
    (old,) = ledger.claim(JobKind.TRIAGE, "a")
    lease_runs_out(opener)
    ledger.sweep()
    (new,) = ledger.claim(JobKind.TRIAGE, "b")
    with pytest.raises(LeaseLost), opener() as session:
        jobs.finish(session, old)
    with pytest.raises(LeaseLost):
        ledger.retry(old, "late")
    assert ledger.extend([old]) == set()
    with opener() as session:
        jobs.finish(session, new)
    assert rows(opener)["r1"].state == "done"


def test_a_heartbeat_keeps_the_sweeper_away(opener, ledger):
    add(opener, "r1")
    (lease,) = ledger.claim(JobKind.TRIAGE, "a")
    lease_runs_out(opener)
    assert ledger.extend([lease]) == {lease.job_id}
    assert ledger.sweep() == ((), ()) or ledger.sweep() == ([], [])
    assert rows(opener)["r1"].state == "running"


def test_a_failure_is_tried_again_until_patience_ends_and_then_a_person_is_told(opener, ledger, told):
    add(opener, "r1")
    for attempt in (1, 2, 3):
        (lease,) = ledger.claim(JobKind.TRIAGE, "a")
        assert lease.attempt == attempt
        assert ledger.retry(lease, f"error {attempt}") is (attempt < 3)
    assert rows(opener)["r1"].state == "failed"
    assert told == [("r1", "processing_failed", "error 3")]


def test_an_outage_is_waited_for_longer_than_an_error(opener, ledger, told):
    add(opener, "r1")
    tried = []
    for _ in range(5):
        (lease,) = ledger.claim(JobKind.TRIAGE, "a")
        tried.append(ledger.retry(lease, "down", outage=True))
    assert tried == [True, True, True, True, False]
    assert told == [("r1", "processing_failed", "down")]


def test_a_job_that_takes_its_worker_down_three_times_is_quarantined(opener, ledger, told):
    job_id = add(opener, "r1")[0]
    for crash in (1, 2, 3):
        assert len(ledger.claim(JobKind.TRIAGE, "a")) == 1
        lease_runs_out(opener)
        swept = ledger.sweep()
        assert (list(swept.requeued), list(swept.quarantined)) == (([job_id], []) if crash < 3 else ([], [job_id]))
    assert rows(opener)["r1"].state == "quarantined"
    assert rows(opener)["r1"].crashes == 3
    assert [(subject, reason) for subject, reason, _ in told] == [("r1", "quarantined")]
    assert ledger.claim(JobKind.TRIAGE, "a") == []


def test_a_job_that_crashed_once_is_taken_alone_so_that_it_spoils_no_other(opener, ledger):
    add(opener, "poison")
    ledger.claim(JobKind.TRIAGE, "a")
    lease_runs_out(opener)
    ledger.sweep()
    add(opener, "r1", "r2")
    batches = []
    while leases := ledger.claim(JobKind.TRIAGE, "a", limit=8):
        batches.append([lease.subject_id for lease in leases])
    assert [sorted(batch) for batch in batches] == [["r1", "r2"], ["poison"]]


def test_the_jobs_of_a_worker_that_is_surely_gone_do_not_wait_for_their_lease(opener):
    ledger = JobLedger(opener, LEASE, is_dead=lambda name: name == "gone")
    add(opener, "r1", "r2")
    (first,) = ledger.claim(JobKind.TRIAGE, "gone")
    ledger.claim(JobKind.TRIAGE, "alive")
    assert list(ledger.sweep().requeued) == [first.job_id]
    assert sorted(row.state for row in rows(opener).values()) == ["ready", "running"]


def test_a_released_job_does_not_count_the_start(opener, ledger):
    add(opener, "r1")
    (lease,) = ledger.claim(JobKind.TRIAGE, "a")
    ledger.release(lease, "shutting down")
    (again,) = ledger.claim(JobKind.TRIAGE, "b")
    assert again.attempt == 1


def test_two_sweepers_at_once_count_a_crash_once(opener, ledger):
    add(opener, *(f"r{number}" for number in range(20)))
    ledger.claim(JobKind.TRIAGE, "a", limit=20)
    lease_runs_out(opener)
    found, lock = [], threading.Lock()

    def sweep():
        swept = ledger.sweep()
        with lock:
            found.extend(swept.requeued)

    threads = [threading.Thread(target=sweep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 20
    assert {row.crashes for row in rows(opener).values()} == {1}


def test_a_ready_job_is_announced_again_after_a_while_and_not_at_once(opener, ledger):
    add(opener, "r1")
    assert [poke.kind for poke in ledger.to_poke(timedelta(0))] == [JobKind.TRIAGE]
    assert ledger.to_poke(timedelta(seconds=30)) == []


def test_a_job_that_is_not_due_is_neither_claimed_nor_announced(opener, ledger):
    add(opener, "r1")
    with opener() as session:
        session.execute(text("UPDATE job SET due_at = now() + interval '1 hour'"))
    assert ledger.claim(JobKind.TRIAGE, "a") == []
    assert ledger.to_poke(timedelta(0)) == []


def test_delays_double_and_stop_at_the_longest():
    patience = Patience(backoff=timedelta(seconds=5), longest=timedelta(seconds=60))
    assert [patience.delay(n).total_seconds() for n in (1, 2, 3, 4, 5, 50)] == [5, 10, 20, 40, 60, 60]
