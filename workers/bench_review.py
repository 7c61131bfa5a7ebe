"""Measures the review pages at 100,000 open items: server time and bytes of queue and item. Prints nothing itself.

Runs on a database of its own, made and removed on the server it is given.
"""

import gzip
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

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
        last = _far_down(desk.engine)
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


def _far_down(engine: Engine) -> str:
    with engine.connect() as connection:
        statement = "SELECT id FROM review_item ORDER BY priority DESC, due_at DESC, id DESC OFFSET 500 LIMIT 1"
        found: str = connection.execute(text(statement)).scalar_one()
        return found
