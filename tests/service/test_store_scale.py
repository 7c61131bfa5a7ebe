"""At 20,000 returns, pages and claims read a handful of rows: counted by PostgreSQL itself, not timed."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import text

from infra.database import make_engine
from services.domain.jobs import JobKind
from services.store.job_ledger import JobLedger
from services.store.returns_view import Filters, Place, page
from services.store.sessions import sessions

ROWS = 20_000
HANDFUL = 300
"""Rows a page of 50 may read, dead versions of rows included."""

FILL = (
    "INSERT INTO shop (id, name, created_at) VALUES ('s1', 'One', now()), ('s2', 'Two', now())",
    (
        "INSERT INTO return_request"
        " (id, shop_id, order_id, message, status, received_at, updated_at, closed_at, closed_by)"
        " SELECT 'ret_' || lpad(n::text, 8, '0'), 's' || 1 + mod(n, 2), 'A' || mod(n, 5000), 'broken', 'closed',"
        " now() - make_interval(secs => :rows - n), now(), now(), 'desk' FROM generate_series(1, :rows) AS n"
    ),
    (
        "INSERT INTO job (id, kind, subject_id, shop_id, state, attempt, crashes, due_at, created_at)"
        " SELECT 'job_' || n, 'triage', 'ret_' || lpad(n::text, 8, '0'), 's1',"
        " CASE WHEN n > :rows - 1000 THEN 'ready' ELSE 'done' END, 0, 0, now() - interval '1 minute', now()"
        " FROM generate_series(1, :rows) AS n"
    ),
    "ANALYZE",
)

READ = text(
    "SELECT coalesce(sum(seq_tup_read), 0) + coalesce(sum(idx_tup_fetch), 0) FROM pg_stat_xact_user_tables"
    " WHERE relname IN ('return_request', 'job')"
)


@pytest.fixture(scope="module")
def engine(migrated_url):
    engine = make_engine(migrated_url)
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        for statement in FILL:
            connection.execute(text(statement), {"rows": ROWS} if ":rows" in statement else {})
    yield engine
    engine.dispose()


@pytest.fixture
def counted(engine):
    """Return an opener of transactions, and the list of rows that each of them read."""
    read = []
    plain = sessions(engine)

    @contextmanager
    def opener():
        with plain() as session:
            yield session
            read.append(int(session.execute(READ).scalar_one()))

    return opener, read


def test_a_page_in_the_middle_reads_about_as_many_rows_as_it_shows(counted):
    opener, read = counted
    with opener() as session:
        middle = text("SELECT received_at, id FROM return_request WHERE id = :id")
        place = session.execute(middle, {"id": f"ret_{ROWS // 2:08}"}).one()
        found = page(session, "s1", Filters(), Place(place.received_at, place.id), 50)
    assert len(found.rows) == 50
    assert read[0] < HANDFUL


def test_a_claim_and_a_sweep_among_done_jobs_read_only_what_is_ready(counted):
    opener, read = counted
    ledger = JobLedger(opener, timedelta(seconds=60))
    leases = ledger.claim(JobKind.TRIAGE, "w", prefer=f"job_{ROWS}", limit=8)
    assert len(leases) == 8
    assert ledger.extend(leases) == {lease.job_id for lease in leases}
    ledger.sweep()
    assert max(read) < 2500, "far fewer than the done jobs"
