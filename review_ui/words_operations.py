"""English words of the operators' pages, by kind and stored word; `words` shows them together with its own."""

from collections.abc import Mapping

CHARTS: Mapping[str, tuple[str, str]] = {
    "queue_depth": ("Queue", "jobs that had not ended, at the end of each interval"),
    "waits": ("Wait", "from a return's arrival to its outcome"),
    "routes": ("Decisions", "live decisions by the route they took"),
    "first_token": ("Time to first token", "of live decisions"),
    "whole_run": ("Time of a run", "of the checkpoint, decision and reply together"),
    "memory": ("Memory", "held by the triage workers together, at most"),
    "review_backlog": ("Review backlog", "returns that waited for a person"),
    "answers": ("Agreement", "what people said of the model's answers"),
}
SERIES: Mapping[str, str] = {
    "triage": "triage",
    "nightly": "nightly",
    "sample": "second answers",
    "p50": "median",
    "p95": "95 %",
    "p99": "99 %",
    "auto_close": "closed by itself",
    "review": "to a person",
    "waiting": "waiting",
    "agreed": "agreed",
    "changed": "changed",
    "rejected": "rejected",
    "resident": "resident",
    "cache": "prefix cache",
}
WINDOWS: Mapping[str, str] = {"day": "24 hours", "week": "7 days", "month": "30 days"}
ALERTS: Mapping[str, str] = {
    "run_failed": "Run failed",
    "gate_blocked": "Gate blocked",
    "backlog_old": "Backlog too old",
    "queue_old": "Queue too old",
    "drift": "Drift",
}
SECTIONS = (
    ("/ops", "Now"),
    ("/ops/nights", "Nights"),
    ("/ops/gates", "Gate reports"),
    ("/ops/releases", "Releases"),
    ("/ops/datasets", "Datasets"),
    ("/ops/failures", "Failures"),
    ("/ops/alerts", "Alerts"),
)
NIGHT_STATES: Mapping[str, str] = {
    "running": "running",
    "shipped": "shipped",
    "blocked": "blocked",
    "skipped": "skipped",
    "rehearsed": "rehearsed",
    "failed": "failed",
}

KINDS: Mapping[str, Mapping[str, str]] = {
    "series": SERIES,
    "window": WINDOWS,
    "alert": ALERTS,
    "night": NIGHT_STATES,
}
