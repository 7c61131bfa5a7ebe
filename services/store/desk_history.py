"""What the desk did over time, for operators: depth, waits, routes, speed, review. Reads only, shows nothing.

Depth at a moment is computed from when rows came and went, so no sampling job has to have run for it to be known.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import LiteralString, NamedTuple

from sqlalchemy import text
from sqlmodel import Session

PATIENCE = "3s"


class Window(NamedTuple):
    """A stretch of time cut into equal buckets."""

    key: str
    step: timedelta
    buckets: int


HOURS = Window("day", timedelta(hours=1), 24)
SIX_HOURS = Window("week", timedelta(hours=6), 28)
DAYS = Window("month", timedelta(days=1), 30)
WINDOWS: Mapping[str, Window] = {one.key: one for one in (HOURS, SIX_HOURS, DAYS)}


class Series(NamedTuple):
    """One line of a chart: its stored word, and a value a bucket; None where there was nothing to measure."""

    name: str
    values: Sequence[float | None]


class History(NamedTuple):
    """Series over the same buckets; `moments` are the buckets' beginnings, oldest first."""

    moments: Sequence[datetime]
    series: Sequence[Series]

    @property
    def empty(self) -> bool:
        return not any(value for one in self.series for value in one.values)


def beginnings(window: Window, now: datetime) -> Sequence[datetime]:
    """Return when each bucket begins, oldest first; the last one holds `now`."""
    seconds = window.step.total_seconds()
    last = datetime.fromtimestamp(now.timestamp() // seconds * seconds, UTC)
    return [last - window.step * back for back in reversed(range(window.buckets))]


def queue_depth(session: Session, window: Window, now: datetime) -> History:
    """Return the most jobs of each kind that were there at once in each bucket, running or waiting."""
    return _depth(
        session,
        window,
        now,
        "SELECT kind AS name, created_at AS came, finished_at AS went FROM job",
        names=("triage",),
    )


def review_backlog(session: Session, window: Window, now: datetime) -> History:
    """Return the most returns that waited for a person at once in each bucket."""
    return _depth(
        session,
        window,
        now,
        "SELECT 'waiting' AS name, created_at AS came, done_at AS went FROM review_item WHERE purpose = 'live'",
        names=("waiting",),
    )


def waits(session: Session, window: Window, now: datetime) -> History:
    """Return seconds from a job's creation to its end, for triage jobs that ended in each bucket: median and p95."""
    return _percentiles(
        session,
        window,
        now,
        "SELECT finished_at AS at, extract(epoch FROM finished_at - created_at) AS value FROM job "
        "WHERE kind = 'triage' AND state = 'done' AND finished_at >= :start",
        {"p50": 0.5, "p95": 0.95},
    )


def first_token(session: Session, window: Window, now: datetime) -> History:
    """Return milliseconds to the first token of live decisions."""
    return _percentiles(
        session,
        window,
        now,
        "SELECT created_at AS at, ttft_ms AS value FROM trace "
        "WHERE purpose = 'live' AND ttft_ms > 0 AND created_at >= :start",
        {"p50": 0.5, "p95": 0.95, "p99": 0.99},
    )


def whole_run(session: Session, window: Window, now: datetime) -> History:
    """Return milliseconds the checkpoint worked on live decisions and their replies."""
    return _percentiles(
        session,
        window,
        now,
        "SELECT created_at AS at, latency_ms AS value FROM trace "
        "WHERE purpose = 'live' AND latency_ms > 0 AND created_at >= :start",
        {"p50": 0.5, "p95": 0.95, "p99": 0.99},
    )


def routes(session: Session, window: Window, now: datetime) -> History:
    """Return how many live decisions took each route in each bucket."""
    return _counts(
        session,
        window,
        now,
        "SELECT created_at AS at, route AS name FROM trace WHERE purpose = 'live' AND created_at >= :start",
        ("auto_close", "review"),
    )


def answers(session: Session, window: Window, now: datetime) -> History:
    """Return what people said of the model's answers: agreed (approved), changed (corrected, preferred), rejected."""
    return _counts(
        session,
        window,
        now,
        "SELECT created_at AS at, CASE kind WHEN 'approve' THEN 'agreed' WHEN 'reject' THEN 'rejected' "
        "ELSE 'changed' END AS name FROM label WHERE kind IN ('approve', 'correct', 'prefer', 'reject') "
        "AND created_at >= :start AND NOT EXISTS (SELECT FROM label undo WHERE undo.undoes = label.id)",
        ("agreed", "changed", "rejected"),
    )


def memory(session: Session, window: Window, now: datetime) -> History:
    """Return the most bytes that the triage workers held together in each bucket: resident, and cache of prefixes."""
    rows = _read(
        session,
        window,
        now,
        "SELECT bucket, max(resident), max(cache) FROM (SELECT date_bin(:step, at, :origin) AS bucket, at, "
        "sum(resident_bytes) AS resident, sum(cache_bytes) AS cache FROM process_sample "
        "WHERE at >= :start AND kind = 'triage' GROUP BY 1, 2) moments GROUP BY 1",
    )
    return _table(window, now, ("resident", "cache"), {row[0]: (row[1], row[2]) for row in rows}, fill=None)


def _depth(session: Session, window: Window, now: datetime, source: LiteralString, *, names: Iterable[str]) -> History:
    """Return the most that were there at once in each bucket; `source` gives name, came and went (null: still there).

    Every coming and going within the window moves a running sum that begins with what was there before it.
    """
    moves = _read(
        session,
        window,
        now,
        f"WITH source AS ({source}), moves AS ("  # noqa: S608 - our own words only
        "SELECT name, came AS at, 1 AS moved FROM source WHERE came >= :start UNION ALL "
        "SELECT name, went, -1 FROM source WHERE went >= :start), "
        "running AS (SELECT name, date_bin(:step, at, :origin) AS bucket, at, moved, "
        "sum(moved) OVER (PARTITION BY name ORDER BY at, moved DESC ROWS UNBOUNDED PRECEDING) AS depth FROM moves) "
        "SELECT bucket, name, max(depth), sum(moved) FROM running GROUP BY 1, 2",
    )
    before = _read(
        session,
        window,
        now,
        f"WITH source AS ({source}) SELECT name, count(*) FROM source "  # noqa: S608 - our own words only
        "WHERE came < :start AND (went IS NULL OR went >= :start) GROUP BY 1",
    )
    standing = {name: int(count) for name, count in before}
    found = {(bucket, name): (int(most), int(moved)) for bucket, name, most, moved in moves}
    moments, series = beginnings(window, now), []
    for name in sorted({*names, *standing, *(name for _, name in found)}):
        base = depth = standing.get(name, 0)
        values = []
        for moment in moments:
            most, moved = found.get((moment, name), (depth - base, 0))
            values.append(float(max(depth, base + most)))
            depth += moved
        series.append(Series(name, values))
    return History(moments, series)


def _percentiles(
    session: Session, window: Window, now: datetime, source: LiteralString, wanted: Mapping[str, float]
) -> History:
    rows = _read(
        session,
        window,
        now,
        f"SELECT bucket, percentile_cont(cast(:wanted AS float[])) WITHIN GROUP (ORDER BY value) FROM "  # noqa: S608
        f"(SELECT date_bin(:step, at, :origin) AS bucket, value FROM ({source}) found) cut GROUP BY 1",
        wanted=list(wanted.values()),
    )
    return _table(window, now, tuple(wanted), {row[0]: tuple(row[1]) for row in rows}, fill=None)


def _counts(session: Session, window: Window, now: datetime, source: LiteralString, names: Sequence[str]) -> History:
    rows = _read(
        session,
        window,
        now,
        f"SELECT date_bin(:step, at, :origin) AS bucket, name, count(*) FROM ({source}) found GROUP BY 1, 2",  # noqa: S608
    )
    found: dict[datetime, dict[str, float]] = {}
    for bucket, name, count in rows:
        found.setdefault(bucket, {})[name] = float(count)
    filled = {moment: tuple(counts.get(name, 0.0) for name in names) for moment, counts in found.items()}
    return _table(window, now, names, filled, fill=0.0)


def _read(session: Session, window: Window, now: datetime, sql: str, **values: object) -> Sequence[tuple]:  # type: ignore[type-arg]
    session.execute(text(f"SET LOCAL statement_timeout = '{PATIENCE}'"))
    moments = beginnings(window, now)
    found = session.execute(text(sql), {"step": window.step, "origin": moments[0], "start": moments[0], **values})
    return [tuple(row) for row in found]


def _table(
    window: Window,
    now: datetime,
    names: Sequence[str],
    found: Mapping[datetime, Sequence[float | None]],
    *,
    fill: float | None,
) -> History:
    moments = beginnings(window, now)
    rows = [found.get(moment, [fill] * len(names)) for moment in moments]
    return History(
        moments,
        [
            Series(name, [None if row[place] is None else float(row[place]) for row in rows])  # type: ignore[arg-type]
            for place, name in enumerate(names)
        ],
    )
