"""Measures the review pages at 100,000 open items: server time and bytes of queue and item. Prints nothing itself.

`measure_alone` starts a PostgreSQL of its own for it and removes it; `measure` fills the empty database it is given.
"""

import gzip
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from infra.embedded import EmbeddedPostgres, running
from infra.migrations import upgrade
from infra.settings import Settings
from review_ui.app import extend
from review_ui.login import hasher
from services.api.app import create_app
from services.domain.jobs import JobKind
from services.domain.review import Role
from services.store import jobs
from services.store.accounts import add_account
from workers.bulk_items import analyze, copy_items
from workers.seed import seed
from workers.wiring import Desk

PASSWORD = "only for the benchmark"  # noqa: S105 - of a database that lives for minutes
REPEATS = 40


def measure(settings: Settings, items: int = 100_000) -> dict[str, Any]:
    """Return p50 and p95 milliseconds and bytes by page. `settings.database_url` names an empty database."""
    desk = Desk(settings.model_copy(update={"decider": "scripted", "audit_share": 1.0}))
    if settings.database_url is None:
        raise ValueError("database_url: name an empty database")
    upgrade(settings.database_url)
    seed(desk.settings)
    copy_items(desk.engine, _one_case(desk), items - 1)
    analyze(desk.engine)
    with _logged_in(desk) as client:
        item = _item(desk.engine)
        last = _far_down(desk.engine, min(500, items // 2))
        pages = {
            "queue": "/review",
            "queue, filtered": "/review?reason=ambiguous&policy_id=P-3",
            "queue, rare words": "/review?text=umbrella",
            "queue, far down": f"/review?after={last}",
            "item": f"/review/items/{item}",
            "progress": "/review/progress",
        }
        found = {name: _page(client, path) for name, path in pages.items()}
    desk.engine.dispose()
    return {"items": items, "pages": found}


def measure_alone(settings: Settings, items: int = 100_000) -> dict[str, Any]:
    """Measure on a PostgreSQL that lives as long as this call, in a folder that goes with it."""
    folder = Path(tempfile.mkdtemp(prefix="returns-desk-bench-"))
    server = EmbeddedPostgres(folder / "postgres")
    try:
        with running(server, folder / "postgres.log"):
            with psycopg.connect(server.url_of("postgres"), autocommit=True) as connection:
                connection.execute("CREATE DATABASE bench")
            own = {"database_url": server.url_of("bench"), "var_dir": folder / "var"}
            return measure(settings.model_copy(update=own), items)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def table(report: dict[str, Any]) -> str:
    """Return the report as lines for people."""
    lines = [f"review pages at {report['items']:,} items: p50 ms, p95 ms, KiB, KiB compressed"]
    for name, one in report["pages"].items():
        kib = f"{one['bytes'] / 1024:>7.1f} {one['gzip_bytes'] / 1024:>7.1f}"
        lines.append(f"  {name:<20} {one['p50_ms']:>7} {one['p95_ms']:>7} {kib}")
    return "\n".join(lines)


def _page(client: TestClient, path: str) -> dict[str, float]:
    client.get(path)
    times, body = [], b""
    for _ in range(REPEATS):
        started = time.perf_counter()
        answer = client.get(path)
        times.append((time.perf_counter() - started) * 1000)
        if answer.status_code != 200:
            raise RuntimeError(f"{path} answered {answer.status_code}")
        body = answer.content
    ordered = sorted(times)
    return {
        "p50_ms": round(statistics.median(times), 1),
        "p95_ms": round(ordered[int(len(ordered) * 0.95) - 1], 1),
        "bytes": len(body),
        "gzip_bytes": len(gzip.compress(body)),
    }


def _one_case(desk: Desk) -> str:
    now = datetime.now(UTC)
    with desk.sessions() as session:
        session.execute(
            text(
                "INSERT INTO return_request (id, shop_id, order_id, message, status, received_at, updated_at) VALUES"
                " ('bench', :shop, 'A10234', 'My lamp arrived cracked.', 'received', :now, :now)"
            ),
            {"shop": desk.settings.sample_shop_id, "now": now},
        )
        jobs.enqueue(session, JobKind.TRIAGE, "bench", desk.settings.sample_shop_id, now)
        add_account(session, "bench", Role.REVIEWER, hasher().hash(PASSWORD), actor="bench", now=now, must_change=False)
    desk.triage.run(desk.jobs.claim(JobKind.TRIAGE, "bench"))
    return "bench"


@contextmanager
def _logged_in(desk: Desk) -> Iterator[TestClient]:
    with ExitStack() as stack:
        client = stack.enter_context(TestClient(create_app(desk.settings, extend=[extend])))
        client.post("/review/login", data={"name": "bench", "password": PASSWORD}, follow_redirects=False)
        yield client


def _item(engine: Engine) -> str:
    with engine.connect() as connection:
        found: str = connection.execute(text("SELECT id FROM review_item ORDER BY id DESC LIMIT 1")).scalar_one()
        return found


def _far_down(engine: Engine, down: int) -> str:
    with engine.connect() as connection:
        statement = "SELECT id FROM review_item ORDER BY priority DESC, due_at DESC, id DESC OFFSET :down LIMIT 1"
        found: str = connection.execute(text(statement), {"down": down}).scalar_one()
        return found
