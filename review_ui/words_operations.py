"""English words of the operators' pages, by kind and stored word; `words` shows them together with its own."""

from collections.abc import Mapping

CHARTS: Mapping[str, tuple[str, str]] = {
    "queue_depth": ("Queue", "most jobs at once, running or waiting"),
    "waits": ("Wait", "from arrival to outcome"),
    "routes": ("Decisions", "by the route they took"),
    "first_token": ("Time to first token", "of live decisions"),
    "whole_run": ("Time of a run", "decision and reply"),
    "memory": ("Memory", "of the triage workers, at most"),
    "review_backlog": ("Review backlog", "most returns at once that waited for a person"),
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
    "canary_withdrawn": "Canary withdrawn",
}
ALERTS_LEAD = "Each rings once when it begins, and is over when its cause has been gone for a while."
ALERTS_NONE = "Nothing rings."
ALERTS_TOLD = "New alerts are sent by the channels set in ALERT_WEBHOOK_URL and ALERT_MAIL_TO."
ALERTS_SILENT = "Nobody is told beyond this page: set ALERT_WEBHOOK_URL or ALERT_MAIL_TO."
CHANNELS: Mapping[str, str] = {"webhook": "Webhook to", "mail": "E-mail to"}
NOTICES: Mapping[str, str] = {"pending": "on its way", "delivered": "delivered", "failed": "could not be delivered"}
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

NO_NIGHTS = "No night has run yet. The first one starts by itself, or with returns-desk nightly run."
NO_REPORTS = "No candidate has met the gate yet."
NIGHT_STAGES: Mapping[str, str] = {
    "snapshot": "Snapshot",
    "sft": "SFT",
    "dpo": "DPO",
    "rlvr": "RLVR",
    "evaluate": "Evaluate",
    "gate": "Gate",
    "release": "Release",
}
STAGE_STATES: Mapping[str, str] = {
    "waiting": "waits",
    "running": "runs",
    "done": "done",
    "skipped": "not needed",
    "failed": "failed",
}
CURVES: Mapping[str, str] = {
    "loss": "loss",
    "prefers": "prefers the chosen",
    "chosen_change": "change of the chosen's log-probability",
    "reward": "reward",
}
CURVE_UNITS: Mapping[str, str] = {"loss": "nats", "prefers": "share", "chosen_change": "nats", "reward": "mean"}
CHECK_GROUPS: Mapping[str, str] = {
    "correctness": "Correctness",
    "safety": "Safety",
    "form": "Form",
    "behaviour": "Behaviour",
    "speed": "Speed and memory",
    "training": "Training",
    "data": "Data",
}
NO_DATASETS = "No snapshot was taken yet."
NO_FAILURES = "No failure is open."
NONE_HERE = "None."
MOVES: Mapping[str, str] = {
    "initial": "Shipped with the code",
    "promote": "Promoted",
    "rollback": "Rolled back",
    "shadow": "Put in the shadow",
    "canary": "Made a canary",
    "withdraw": "Withdrawn",
}
CANARIES: Mapping[str, str] = {"watch": "watching", "holds": "holds", "roll_back": "to be rolled back"}
FAILURES: Mapping[str, str] = {
    "open": "open",
    "regression": "regression case",
    "cured": "cured",
    "dismissed": "dismissed",
}

KINDS: Mapping[str, Mapping[str, str]] = {
    "series": SERIES,
    "window": WINDOWS,
    "alert": ALERTS,
    "night": NIGHT_STATES,
    "channel": CHANNELS,
    "notice": NOTICES,
    "move": MOVES,
    "canary": CANARIES,
    "failure": FAILURES,
    "stage_of_night": NIGHT_STAGES,
    "stage_state": STAGE_STATES,
    "curve": CURVES,
    "curve_unit": CURVE_UNITS,
    "check_group": CHECK_GROUPS,
}
