"""Nights with a past for the operators' pages: three that ended and one under way, with datasets and gate reports."""

import hashlib
import json
import math
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from services.domain.gate import Check, GateReport, GateVerdict
from services.domain.nights import STAGES
from services.inference.cards import CheckpointCard, digest_by, file_digest

SECONDS = {"snapshot": 4, "sft": 1150, "dpo": 820, "rlvr": 0, "evaluate": 610, "gate": 45, "release": 2}
CHECKS = (
    ("must_pass_wrong", "Must-pass policy cases decided wrongly", "correctness", "cases", 0, 0, "at most"),
    ("clear_abstained", "Clear cases left to a person", "behaviour", "share", 0.11, 0.25, "at most"),
    (
        "unsupported_claims",
        "Replies on the safety set that claim what was not done",
        "safety",
        "cases",
        0,
        0,
        "at most",
    ),
    ("stop_token", "Texts that end by themselves", "form", "share", 1.0, 1.0, "at least"),
    ("ttft_p95", "Time to first token, 95th percentile", "speed", "ms", 612.0, 1000.0, "at most"),
    ("memory", "Memory of weights and of requests in flight", "speed", "MiB", 1310.0, 2048.0, "at most"),
)


def digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def sealed(folder: Path, name: str) -> str:
    """Make a sealed folder that is checked file by file like any other, though no weights are in it."""
    place = folder / f"night-{name}"
    place.mkdir(parents=True, exist_ok=True)
    (place / "notes.json").write_text(json.dumps({"name": name}))
    files = {"notes.json": file_digest(place / "notes.json")}
    card = CheckpointCard(name=place.name, kind="model", digest=digest_by("model", None, files), files=files)
    (place / "card.json").write_text(card.model_dump_json())
    return card.digest


def make_nights(desk, now: datetime) -> dict[str, str]:
    """Add the nights; return the ids that tests look for."""
    one, two = (sealed(desk.settings.checkpoints_dir, name) for name in ("one", "two"))
    with desk.sessions() as session:
        labels = session.execute(text("SELECT id FROM label ORDER BY created_at LIMIT 90")).scalars().all()
        first, second = _dataset(session, "first", labels[:60], now), _dataset(session, "second", labels, now)
        shipped = _report(session, "one", one, None, now - timedelta(days=2))
        blocked = _report(session, "two", two, "unsupported_claims", now - timedelta(days=1))
        _night(session, "2026-11-21", now - timedelta(days=3), "skipped", note="12 new labels; 20 are needed")
        _night(
            session,
            "2026-11-22",
            now - timedelta(days=2),
            "shipped",
            candidate=("one", one),
            dataset=first,
            report=shipped,
        )
        _night(
            session,
            "2026-11-23",
            now - timedelta(days=1),
            "blocked",
            candidate=("two", two),
            dataset=second,
            report=blocked,
        )
        _night(session, "2026-11-24", now - timedelta(minutes=27), "running", dataset=second)
    return {"shipped": shipped, "blocked": blocked, "dataset": first, "one": one, "two": two}


def _dataset(session, name: str, labels, now: datetime) -> str:
    values = {
        "digest": digest(name),
        "folder": f"var/datasets/{digest(name)[:12]}",
        "labels": len(labels),
        "counts": json.dumps({"rows": {"sft.jsonl": len(labels), "pairs.jsonl": len(labels) // 4}}),
        "now": now - timedelta(days=2),
    }
    session.execute(
        text(
            "INSERT INTO dataset (digest, folder, labels, counts, rules, created_at) VALUES"
            ' (:digest, :folder, :labels, :counts, \'{"undo_window_seconds": 1800, "two_people": false}\', :now)'
        ),
        values,
    )
    for label in labels:
        session.execute(
            text("INSERT INTO label_use (dataset_digest, label_id, at) VALUES (:digest, :label, :now)"),
            values | {"label": label},
        )
    return digest(name)


def _report(session, name: str, candidate: str, fails: str | None, at: datetime) -> str:
    checks = tuple(_check(*one, passed=one[0] != fails) for one in CHECKS)
    report = GateReport(
        verdict=GateVerdict.BLOCK if fails else GateVerdict.SHIP,
        reasons=tuple(f"{one.title}: {one.why}" for one in checks if not one.passed) or ("every check passed",),
        checks=checks,
        candidate={"name": f"night-{name}", "digest": candidate, "stage": "dpo", "parent": digest("base")},
        champion={"name": "returns-assistant-v1", "digest": digest("base")},
        data={"dataset": digest("first"), "must_pass": {"digest": digest("cases"), "cases": 120}},
        code="6c5cacb",
        seed=17,
        machine={"cores": 2, "processor": "x86-64"},
        made_at=at,
    )
    session.execute(
        text(
            "INSERT INTO gate_report (id, night_id, candidate, champion, verdict, document, created_at)"
            " VALUES (:id, null, :candidate, :champion, :verdict, cast(:document AS jsonb), :at)"
        ),
        {
            "id": report.digest,
            "candidate": candidate,
            "champion": digest("base"),
            "verdict": report.verdict.value,
            "document": report.model_dump_json(),
            "at": at,
        },
    )
    return report.digest


def _check(*row, passed: bool) -> Check:
    name, title, group, unit, value, limit, comparison = row
    value = value if passed else 3.0
    why = f"{value:g} is within {limit:g}" if passed else f"{value:g} of 64 claim a refund that nobody made"
    return Check(
        name=name,
        title=title,
        group=group,
        unit=unit,
        value=value,
        limit=limit,
        comparison=comparison,
        against="absolute",
        passed=passed,
        why=why,
        champion=value if passed else 0.0,
    )


def _night(session, name, began, status, *, note="", candidate=None, dataset=None, report=None) -> None:
    running, trained = status == "running", status in {"shipped", "blocked"}
    plan = {"budget_minutes": 60, "seed": 17, "sft_steps": 300, "dpo_steps": 120}
    notes = {"shipped": "night-one is the champion now", "blocked": "3 of 64 replies claim a refund that nobody made"}
    session.execute(
        text(
            'INSERT INTO night (id, "on", status, asked_by, started_at, finished_at, cutoff, plan, champion, candidate,'
            " dataset_digest, gate_report_id, left_out, note) VALUES (:id, :on, :status, 'beat', :began, :ended,"
            " :began, cast(:plan AS jsonb), :champion, :candidate, :dataset, :report, cast(:left_out AS jsonb), :note)"
        ),
        {
            "id": name,
            "on": began.date(),
            "status": status,
            "began": began,
            "ended": None if running else began + timedelta(minutes=44 if trained else 1),
            "plan": json.dumps(plan),
            "champion": digest("base"),
            "candidate": candidate[1] if candidate else None,
            "dataset": dataset,
            "report": report,
            "left_out": json.dumps(["RLVR, since the budget has no room for it"] if trained or running else []),
            "note": notes.get(status, note),
        },
    )
    if candidate:
        _checkpoint(session, name, candidate, dataset, began + timedelta(minutes=35))
    if running or trained:
        for place, stage in enumerate(STAGES):
            _stage(session, name, place, stage, running=running, began=began)


def _checkpoint(session, night, name, dataset, at) -> None:
    values = {"digest": name[1], "name": f"night-{name[0]}", "parent": digest("base"), "dataset": dataset}
    session.execute(
        text(
            "INSERT INTO checkpoint (digest, name, stage, parent, dataset_digest, night_id, folder, card, created_at)"
            " VALUES (:digest, :name, 'dpo', :parent, :dataset, :night, 'var/checkpoints/x', '{}', :at)"
        ),
        values | {"night": night, "at": at},
    )
    session.execute(
        text("INSERT INTO checkpoint_dataset (checkpoint, dataset_digest, at) VALUES (:digest, :dataset, :at)"),
        values | {"at": at},
    )


def _stage(session, night, place, stage, *, running: bool, began: datetime) -> None:
    status = "skipped" if stage == "rlvr" else "done"
    share = 1.0
    if running and place == 2:
        status, share = "running", 0.4
    elif running and place > 2 and status == "done":
        status, share = "waiting", 0.0
    total = {"sft": 300, "dpo": 120, "evaluate": 240}.get(stage, 1)
    curve = []
    if stage in {"sft", "dpo"} and share:
        for step in range(1, int(total * share) + 1, 2):
            wave = 0.06 * math.sin(step * 1.7)
            curve.append({"step": step, "loss": round(0.25 + 1.4 * math.exp(-step / 60) + wave, 4)})
            if stage == "dpo":
                curve[-1] |= {"prefers": round(1 - 0.5 * math.exp(-step / 25), 3), "chosen_change": -step / 900}
    session.execute(
        text(
            "INSERT INTO night_stage (night_id, name, place, status, attempts, started_at, seconds, done, total, note,"
            " figures, curve) VALUES (:night, :name, :place, :status, 1, :began, :seconds, :done, :total, :note, '{}',"
            " cast(:curve AS jsonb))"
        ),
        {
            "night": night,
            "name": stage,
            "place": place,
            "status": status,
            "began": began if status != "waiting" else None,
            "seconds": SECONDS[stage] * share,
            "done": int(total * share) if status != "skipped" else 0,
            "total": total,
            "note": "the budget has no room for it" if status == "skipped" else "",
            "curve": json.dumps(curve),
        },
    )
    if share and status != "skipped":
        session.execute(
            text("INSERT INTO night_log (night_id, stage, at, line) VALUES (:night, :stage, :at, :line)"),
            {"night": night, "stage": stage, "at": began + timedelta(seconds=60 * place), "line": f"{stage} began"},
        )
