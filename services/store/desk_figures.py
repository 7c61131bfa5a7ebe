"""Figures of the desk for operators, read out of the tables. How they are shown is the API's business."""

from collections.abc import Iterator, Sequence
from typing import Any, LiteralString, NamedTuple

from sqlalchemy import text
from sqlmodel import Session


class Figure(NamedTuple):
    """One value of a metric: its name, what it means, and its labels with their values."""

    name: str
    help: str
    labels: Sequence[str]
    values: Sequence[str]
    value: float


class _Query(NamedTuple):
    name: str
    help: str
    labels: tuple[str, ...]
    sql: LiteralString


# Each query returns its labels, as text, and then the value.
# Kinds and states are spelled out where nothing should read 0 rather than be absent: alerts compare with numbers.
_QUERIES = (
    _Query(
        "returns_desk_jobs",
        "Jobs that are not at rest, and those that ended badly",
        ("kind", "state"),
        "SELECT kind, state, coalesce(found.jobs, 0) FROM unnest(ARRAY['triage', 'sample', 'shadow', 'nightly']) kind "
        "CROSS JOIN unnest(ARRAY['ready', 'running', 'failed', 'quarantined']) state "
        "LEFT JOIN (SELECT kind, state, count(*) AS jobs FROM job "
        "WHERE state IN ('ready', 'running', 'failed', 'quarantined') GROUP BY 1, 2) found USING (kind, state)",
    ),
    _Query(
        "returns_desk_oldest_ready_job_seconds",
        "Seconds that the oldest job has been due without a worker",
        ("kind",),
        "SELECT kind, coalesce(greatest(0, extract(epoch FROM now() - min(due_at))), 0) "
        "FROM unnest(ARRAY['triage', 'sample', 'shadow', 'nightly']) kind "
        "LEFT JOIN (SELECT kind, due_at FROM job WHERE state = 'ready') waiting USING (kind) GROUP BY 1",
    ),
    _Query(
        "returns_desk_returns_open",
        "Returns that are not closed",
        ("status",),
        "SELECT status, coalesce(found.returns, 0) FROM unnest(ARRAY['received', 'processing', 'in_review']) status "
        "LEFT JOIN (SELECT status, count(*) AS returns FROM return_request "
        "WHERE status IN ('received', 'processing', 'in_review') GROUP BY 1) found USING (status)",
    ),
    _Query(
        "returns_desk_outcomes_last_day",
        "Returns received in the last 24 hours that were decided",
        ("decision", "verdict", "route"),
        "SELECT coalesce(decision, 'none'), coalesce(verdict, 'none'), route, count(*) FROM return_request "
        "WHERE received_at > now() - interval '1 day' AND route IS NOT NULL GROUP BY 1, 2, 3",
    ),
    _Query(
        "returns_desk_decision_seconds",
        "Seconds of the checkpoint's runs in the last hour: time to first token and whole run",
        ("part", "quantile"),
        "SELECT part, quantile::text, percentile_cont(quantile) WITHIN GROUP (ORDER BY ms) / 1000 "
        "FROM (SELECT 'ttft' AS part, ttft_ms AS ms FROM trace WHERE created_at > now() - interval '1 hour' "
        "UNION ALL SELECT 'run', latency_ms FROM trace WHERE created_at > now() - interval '1 hour') runs, "
        "unnest(ARRAY[0.5, 0.95]::float[]) AS quantile GROUP BY 1, quantile",
    ),
    _Query(
        "returns_desk_review_items",
        "Items that wait for a person",
        ("state",),
        "SELECT state, coalesce(found.items, 0) FROM unnest(ARRAY['open', 'leased']) state LEFT JOIN "
        "(SELECT state, count(*) AS items FROM review_item WHERE state <> 'done' GROUP BY 1) found USING (state)",
    ),
    _Query(
        "returns_desk_review_oldest_seconds",
        "Seconds that the oldest return has waited for a person",
        (),
        "SELECT coalesce(greatest(0, extract(epoch FROM now() - min(created_at))), 0) FROM review_item "
        "WHERE state <> 'done' AND purpose = 'live'",
    ),
    _Query(
        "returns_desk_review_overdue",
        "Returns that wait for a person beyond their time",
        (),
        "SELECT count(*) FROM review_item WHERE state <> 'done' AND purpose = 'live' AND due_at < now()",
    ),
    _Query(
        "returns_desk_labels_last_day",
        "Labels of the last 24 hours, by kind",
        ("kind",),
        "SELECT kind, count(*) FROM label WHERE created_at > now() - interval '1 day' GROUP BY 1",
    ),
    _Query(
        "returns_desk_routes_last_day",
        "Live decisions of the last 24 hours, by route and why",
        ("route", "reason"),
        "SELECT route, coalesce(route_reason, 'none'), count(*) FROM trace "
        "WHERE purpose = 'live' AND created_at > now() - interval '1 day' GROUP BY 1, 2",
    ),
    _Query(
        "returns_desk_nights_last_month",
        "Nights of the last 30 days, by how they ended",
        ("status",),
        "SELECT status, count(n.id) FROM unnest(ARRAY['running', 'shipped', 'blocked', 'skipped', 'rehearsed', "
        "'failed']) status LEFT JOIN (SELECT id, status FROM night WHERE started_at > now() - interval '30 days') n "
        "USING (status) GROUP BY 1",
    ),
    _Query(
        "returns_desk_last_night_seconds",
        "Seconds since the newest night that ended began, by how it ended",
        ("status",),
        "SELECT status, extract(epoch FROM now() - started_at) FROM night WHERE finished_at IS NOT NULL "
        "ORDER BY started_at DESC LIMIT 1",
    ),
    _Query(
        "returns_desk_gate_reports_last_month",
        "Gate reports of the last 30 days",
        ("verdict",),
        "SELECT verdict, count(id) FROM unnest(ARRAY['ship', 'block']) verdict LEFT JOIN (SELECT id, verdict FROM "
        "gate_report WHERE created_at > now() - interval '30 days') report USING (verdict) GROUP BY 1",
    ),
    _Query(
        "returns_desk_failures_open",
        "Failures that nobody has mended",
        ("owner",),
        "SELECT owner, count(*) FROM failure WHERE status = 'open' GROUP BY 1",
    ),
    _Query(
        "returns_desk_alerts_open",
        "Alerts that ring, by whether somebody knows",
        ("known",),
        "SELECT known, count(a.id) FROM unnest(ARRAY['yes', 'no']) known LEFT JOIN (SELECT id, CASE WHEN "
        "acknowledged_at IS NULL THEN 'no' ELSE 'yes' END AS known FROM alert WHERE ended_at IS NULL) a "
        "USING (known) GROUP BY 1",
    ),
    _Query(
        "returns_desk_worker_memory_bytes",
        "Bytes that worker processes held when they last said so: resident, and cached keys and values",
        ("name", "part"),
        "SELECT process, part, bytes FROM (SELECT DISTINCT ON (process) process, resident_bytes, cache_bytes "
        "FROM process_sample WHERE at > now() - interval '10 minutes' ORDER BY process, at DESC) newest, "
        "LATERAL (VALUES ('resident', resident_bytes), ('cache', cache_bytes)) held (part, bytes) "
        "WHERE bytes IS NOT NULL",
    ),
    _Query(
        "returns_desk_outbox_unsent",
        "Committed changes the world was not told of yet",
        ("topic",),
        "SELECT topic, count(o.id) FROM unnest(ARRAY['job.ready', 'return.event']) topic "
        "LEFT JOIN (SELECT id, topic FROM outbox WHERE sent_at IS NULL) o USING (topic) GROUP BY 1",
    ),
    _Query(
        "returns_desk_webhook_deliveries_pending",
        "Webhook deliveries that wait for their first or next attempt",
        (),
        "SELECT count(*) FROM webhook_delivery WHERE state = 'pending'",
    ),
    _Query(
        "returns_desk_process_silent_seconds",
        "Seconds since each worker process last said that it lives",
        ("name", "kind"),
        "SELECT name, kind, greatest(0, extract(epoch FROM now() - seen_at)) FROM process",
    ),
)


def figures(session: Session) -> Iterator[Figure]:
    """Read all figures. Raises sqlalchemy.exc.OperationalError where the database is away or too slow."""
    session.execute(text("SET LOCAL statement_timeout = '3s'"))
    for query in _QUERIES:
        for row in session.execute(text(query.sql)):
            *labels, value = row
            yield Figure(query.name, query.help, query.labels, [_label(one) for one in labels], float(value))


def metric_names() -> Sequence[str]:
    """Return the names of all metrics that `figures` may yield; some have no value while there is nothing to tell."""
    return [query.name for query in _QUERIES]


def _label(value: Any) -> str:
    return str(value)


class SeenCheckpoint(NamedTuple):
    checkpoint: str
    process: str
    silent_seconds: float


def freshest_checkpoint(session: Session) -> SeenCheckpoint | None:
    """Return the checkpoint that the worker runs which spoke last, None where no worker ever loaded one."""
    row = session.execute(
        text(
            "SELECT checkpoint, name, extract(epoch FROM now() - seen_at) FROM process "
            "WHERE checkpoint IS NOT NULL ORDER BY seen_at DESC LIMIT 1"
        )
    ).first()
    return SeenCheckpoint(row[0], row[1], float(row[2])) if row else None
