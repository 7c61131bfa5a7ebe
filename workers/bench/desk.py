"""The desk as a whole, on servers of its own: ingestion, what the queue adds, and returns from request to outcome."""

import http.client
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from pydantic import SecretStr

from infra.embedded import EmbeddedPostgres, EmbeddedValkey, free_port, running
from infra.migrations import upgrade
from infra.settings import Environment, Settings
from workers.bench.load import percentiles
from workers.programs import API, TRIAGE, application
from workers.seed import KEY_FILE, SAMPLES, seed

Say = Callable[[str], None]
CLIENTS = 8
START_SECONDS = 300
_STARTED = """
SELECT extract(epoch FROM min(e.at) - r.received_at) * 1000 FROM return_request r
JOIN event e ON e.return_id = r.id AND e.kind = 'return.processing'
GROUP BY r.id, r.received_at ORDER BY r.received_at
"""
_ENDED = """
SELECT extract(epoch FROM j.finished_at - r.received_at) * 1000 FROM return_request r
JOIN job j ON j.subject_id = r.id AND j.kind = 'triage' WHERE j.state = 'done' ORDER BY r.received_at
"""
_LEFT = "SELECT count(*) FROM job WHERE kind = 'triage' AND state IN ('ready', 'running')"


def whole_desk(settings: Settings, sizes: Mapping[str, int], work: Path, say: Say) -> dict[str, Any]:
    """Return ingestion, queue overhead and end-to-end figures. `sizes`: `ingestion`, `overhead`, `returns`."""
    report: dict[str, Any] = {}
    with ExitStack() as stack:
        postgres = EmbeddedPostgres(work / "postgres")
        valkey = EmbeddedValkey(work / "valkey")
        stack.enter_context(running(postgres, work / "postgres.log"))
        stack.enter_context(running(valkey, work / "valkey.log"))

        def fresh(name: str) -> tuple[Settings, str]:
            return _fresh(settings, postgres, valkey.url, name, work)

        report["ingestion"] = _ingestion(*fresh("ingestion"), sizes["ingestion"], work, say)
        own, key = fresh("queue")
        with _serving(own, API, work) as port, _triage(own, "scripted", work):
            report["queue"] = _overhead(own, port, key, sizes["overhead"], say)
        own, key = fresh("whole")
        with _serving(own, API, work) as port, _triage(own, "checkpoint", work):
            report["end_to_end"] = _end_to_end(own, port, key, sizes["returns"], say)
    return report


def _fresh(
    settings: Settings, postgres: EmbeddedPostgres, redis_url: str, name: str, work: Path
) -> tuple[Settings, str]:
    """Return the settings of a desk with a database of its own, and a key of its sample shop."""
    with psycopg.connect(postgres.url_of("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = postgres.url_of(name)
    upgrade(url)
    changed: dict[str, Any] = {
        "environment": Environment.DEVELOPMENT,
        "database_url": url,
        "redis_url": redis_url,
        "var_dir": work / name,
        "secret_key": SecretStr(secrets.token_hex(32)),
        "rate_limit_requests_per_minute": 10_000_000,
        "rate_limit_burst_requests": 10_000_000,
    }
    own = settings.model_copy(update=changed)
    own.var_dir.mkdir()
    # The weights are the desk's own; everything else it writes is not.
    (own.var_dir / "checkpoints").symlink_to(settings.checkpoints_dir.resolve())
    seed(own)
    return own, (own.var_dir / KEY_FILE).read_text().strip()


def _ingestion(settings: Settings, key: str, count: int, work: Path, say: Say) -> dict[str, Any]:
    """Compare accepted requests a second with bare inserts; the same clients, server and database; no worker runs."""
    with _serving(settings, API, work) as port:
        _flood(port, key, count // 10)
        ours = _flood(port, key, count)
    bare = [sys.executable, "-m", "workers.bench.bare"]
    with _process(bare, _environment(settings), work / "bare.log") as port:
        _flood(port, key, count // 10)
        plain = _flood(port, key, count)
    found = {"accepted_per_s": round(ours, 1), "bare_inserts_per_s": round(plain, 1), "share": round(ours / plain, 3)}
    say(f"ingestion: {ours:.0f} accepted/s, bare insert {plain:.0f}/s, share {ours / plain:.2f}")
    return found | {"clients": CLIENTS, "requests": count}


def _flood(port: int, key: str, count: int) -> float:
    """Send requests from some clients as fast as they are answered; return how many a second."""

    def client(share: range) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for number in share:
            _post(connection, key, {"order_id": "A10234", "message": f"It arrived cracked, look: {number}."})
        connection.close()

    started = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(client, [range(start, count, CLIENTS) for start in range(CLIENTS)]))
    return count / (time.perf_counter() - started)


def _overhead(settings: Settings, port: int, key: str, count: int, say: Say) -> dict[str, Any]:
    """Measure from accepted to started on an idle desk: one request at a time, with a script that decides at once."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for number in range(count + 2):
        _post(connection, key, {"order_id": "A10234", "message": f"It arrived cracked, part {number}."})
        time.sleep(0.2)
    connection.close()
    _settle(settings)
    found = percentiles("started", [float(row[0]) for row in _execute(settings, _STARTED)[2:]])
    say(f"queue: accepted to started p50 {found['started_p50_ms']:.0f} ms, p95 {found['started_p95_ms']:.0f} ms")
    return found | {"requests": count}


def _end_to_end(settings: Settings, port: int, key: str, count: int, say: Say) -> dict[str, Any]:
    """Submit sample requests at once; time each from accepted to settled: decision, tools, reply and verdict."""
    samples = [json.loads(line) for line in (SAMPLES / "requests.jsonl").read_text(encoding="utf-8").splitlines()]
    bodies = [{k: v for k, v in sample.items() if k != "idempotency_key"} for sample in samples]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    _post(connection, key, bodies[0])
    _settle(settings)
    started = time.perf_counter()
    for number in range(count):
        _post(connection, key, bodies[number % len(bodies)])
    _settle(settings)
    seconds = time.perf_counter() - started
    connection.close()
    found = percentiles("settled", [float(row[0]) for row in _execute(settings, _ENDED)[1:]])
    say(f"end to end: {count / seconds:.2f} returns/s, settled p95 {found['settled_p95_ms'] / 1000:.1f} s")
    return {"returns": count, "returns_per_s": round(count / seconds, 3)} | found


def _post(connection: http.client.HTTPConnection, key: str, body: Mapping[str, Any]) -> None:
    headers = {
        "Authorization": f"Bearer {key}",
        "Idempotency-Key": secrets.token_urlsafe(24),
        "Content-Type": "application/json",
    }
    connection.request("POST", "/v1/returns", json.dumps(body), headers)
    answer = connection.getresponse()
    said = answer.read()
    if answer.status != 202:
        raise RuntimeError(f"the API answered {answer.status}: {said[:300]!r}")


def _settle(settings: Settings) -> None:
    deadline = time.monotonic() + 600
    while _execute(settings, _LEFT)[0][0]:
        if time.monotonic() > deadline:
            raise RuntimeError("returns are still waiting after ten minutes")
        time.sleep(0.05)


def _execute(settings: Settings, statement: str) -> Sequence[Any]:
    with psycopg.connect(settings.database_url or "", autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def _triage(settings: Settings, decider: str, work: Path) -> Iterator[None]:
    """Run the triage worker; begin when it says that it lives, which it does once its checkpoint is loaded."""
    program = next(one for one in application(settings) if one.name == TRIAGE)
    values = _environment(settings) | dict(program.environment) | {"DECIDER": decider}
    with _process(list(program.command), values, work / "triage.log", listens=False):
        deadline = time.monotonic() + START_SECONDS
        while not _execute(settings, "SELECT count(*) FROM process WHERE kind = 'triage'")[0][0]:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the worker did not start: see {work / 'triage.log'}")
            time.sleep(0.1)
        yield


@contextmanager
def _serving(settings: Settings, name: str, work: Path) -> Iterator[int]:
    program = next(one for one in application(settings) if one.name == name)
    values = _environment(settings) | dict(program.environment)
    with _process(list(program.command), values, work / f"{name}.log") as port:
        yield port


def _environment(settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        "ENVIRONMENT": "development",
        "DATABASE_URL": settings.database_url or "",
        "REDIS_URL": settings.redis_url or "",
        "VAR_DIR": str(settings.var_dir),
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "RATE_LIMIT_REQUESTS_PER_MINUTE": str(settings.rate_limit_requests_per_minute),
        "RATE_LIMIT_BURST_REQUESTS": str(settings.rate_limit_burst_requests),
        "LOG_FORMAT": "json",
    }


@contextmanager
def _process(
    command: Sequence[str], environment: Mapping[str, str], log: Path, *, listens: bool = True
) -> Iterator[int]:
    """Run a program of ours until the block ends; yield its port once it answers there."""
    port = free_port()
    with log.open("a") as said:
        process = subprocess.Popen(command, env={**environment, "PORT": str(port)}, stdout=said, stderr=said)  # noqa: S603 - our own
        try:
            deadline = time.monotonic() + START_SECONDS
            while listens and not _answers(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{command[-1]} did not start: see {log}")
                time.sleep(0.05)
            yield port
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
