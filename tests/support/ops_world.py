"""A desk with a past for the operators' pages: two weeks of decisions, a backlog, labels, memory, written as rows.

Each row is a copy of a case that real triage decided, moved in time; only moments, times and routes are drawn.
"""

import json
import random
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from infra.identity import process_name
from tests.service import review_world as world

CASES = (
    ("A10234", "It arrived cracked."),
    ("A10241", "Wrong size was sent."),
    ("A10250", "The headphones stopped working. [lie]"),
    ("A10257", "I changed my mind. [doubt]"),
)
CHECKPOINT = "returns-assistant-v1@50ddd083f590"
REASONS = (
    ("auto_close", None, "pass", 62),
    ("review", "blocked", "block", 12),
    ("review", "ambiguous", "ambiguous", 9),
    ("review", "decision_is_review", "pass", 9),
    ("review", "audit", "pass", 5),
    ("review", "awaiting_approval", "pass", 3),
)
FINDINGS = ("claims_supported", "rule_agrees", "amounts_within_grant", "evidence_verbatim")


def make_past(desk, now: datetime, *, days: int = 15, per_day: int = 60, seed: int = 7) -> None:
    """Fill the desk: `per_day` decisions a day, most of what went before people answered, memory sampled hourly."""
    ids = world.submit(desk, CASES, prefix="past")
    world.triage_all(desk)
    draw = random.Random(seed)
    with desk.sessions() as session:
        cases = [
            session.execute(text("SELECT t.id, t.return_id FROM trace t WHERE return_id = :id"), {"id": one}).one()
            for one in ids
        ]
        for number in range(days * per_day):
            first = now - timedelta(days=days)
            _one_past(session, draw, cases[number % len(cases)], number=number, now=now, first=first, per_day=per_day)
        _memory(session, draw, now)


def _one_past(session, draw, case, *, number: int, now: datetime, first: datetime, per_day: int) -> None:
    came = first + timedelta(days=(number + draw.random()) / per_day)
    busy = 4 if came.hour in {17, 18} else 1
    ended = came + timedelta(seconds=draw.lognormvariate(0.9, 0.7) * busy * 4)
    if ended >= now:
        return
    route, reason, verdict, _ = draw.choices(REASONS, [one[3] for one in REASONS])[0]
    name, ttft = f"was-{number:06d}", draw.lognormvariate(5.6, 0.35) * busy**0.5
    alone = route == "auto_close"
    outcome = {"route": route, "route_reason": reason, "verdict": verdict, "checkpoint": CHECKPOINT}
    _copy(
        session,
        "return_request",
        case.return_id,
        outcome
        | {"id": name, "received_at": came, "updated_at": ended, "closed_at": ended if alone else None}
        | {"trace_id": None, "status": "closed" if alone else "in_review"},
    )
    times = {"created_at": ended, "ttft_ms": ttft, "latency_ms": ttft * 4.2}
    _copy(session, "trace", case.id, outcome | times | {"id": f"trc-{name}", "return_id": name})
    session.execute(
        text(
            "INSERT INTO job (id, kind, subject_id, state, attempt, crashes, due_at, created_at, finished_at)"
            " VALUES ('job-' || :id, 'triage', :id, 'done', 1, 0, :came, :came, :ended)"
        ),
        {"id": name, "came": came, "ended": ended},
    )
    if not alone:
        _before_people(session, draw, case, name, at=ended, now=now, reason=reason, verdict=verdict)


def _before_people(session, draw, case, name, *, at, now, reason, verdict) -> None:
    answered = at + timedelta(hours=draw.lognormvariate(0.6, 0.9))
    done = answered if answered < now else None
    item = session.execute(
        text("SELECT id FROM review_item WHERE return_id = :id"), {"id": case.return_id}
    ).scalar_one()
    changes = {"id": f"rev-{name}", "return_id": name, "trace_id": f"trc-{name}", "reason": reason, "done_at": done}
    changes |= {"state": "done" if done else "open", "created_at": at, "due_at": at + timedelta(hours=8)}
    changes |= {"worst_finding": draw.choice(FINDINGS) if verdict != "pass" else None, "checkpoint": CHECKPOINT}
    _copy(session, "review_item", item, changes)
    if done:
        label = {"id": name, "done": done, "who": draw.choice(("ada", "grace"))}
        label["kind"] = draw.choices(("approve", "correct", "reject"), (70, 22, 8))[0]
        session.execute(
            text(
                "INSERT INTO label (id, review_item_id, return_id, trace_id, reviewer, kind, reason, document,"
                " created_at) VALUES ('lab-' || :id, 'rev-' || :id, :id, 'trc-' || :id, :who, :kind, '', '{}', :done)"
            ),
            label,
        )


def _copy(session, table: str, like: str, changes: dict) -> None:
    session.execute(
        text(
            f"INSERT INTO {table} SELECT c.* FROM {table} r,"  # noqa: S608 - our own words
            " LATERAL jsonb_populate_record(r, cast(:changes AS jsonb)) c WHERE r.id = :like"
        ),
        {"like": like, "changes": json.dumps(changes, default=datetime.isoformat)},
    )


def _memory(session, draw, now: datetime) -> None:
    for hours in range(24 * 7):
        session.execute(
            text(
                "INSERT INTO process_sample (process, at, kind, resident_bytes, cache_bytes)"
                " VALUES ('triage@past', :at, 'triage', :resident, :cache)"
            ),
            {
                "at": now - timedelta(hours=hours),
                "resident": int((1310 + draw.random() * 60) * 2**20),
                "cache": int((260 + 200 * draw.random()) * 2**20),
            },
        )
    session.execute(
        text(
            "INSERT INTO process (name, kind, checkpoint, started_at, seen_at)"
            " VALUES (:name, 'triage', :checkpoint, :now, :now) ON CONFLICT DO NOTHING"
        ),
        {"name": f"triage@{process_name()}", "checkpoint": CHECKPOINT, "now": datetime.now(UTC)},
    )
