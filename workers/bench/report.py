"""The table of a run: each figure beside its peer and beside the bar of the project."""

from collections.abc import Mapping
from typing import Any

Report = Mapping[str, Any]
SEEN = {False: "policies first seen", True: "policies seen before"}


def lines_of(report: Report) -> list[str]:
    """Return the report as text, in markdown tables; a part that did not run is not mentioned."""
    lines = [f"Measured {report['when']} on {report['machine']}.", ""]
    broken = {name: part["failed"] for name, part in report.items() if isinstance(part, Mapping) and "failed" in part}
    report = {name: part for name, part in report.items() if name not in broken}
    lines += [f"Part `{name}` failed: {reason}" for name, reason in broken.items()] + [""] * bool(broken)
    lines += _deciding(report) + _ablation(report)
    rows = _single_figures(report)
    if rows:
        lines += ["| measure | figure | peer or yardstick | ratio | bar |", "|---|--:|--:|--:|--:|", *rows, ""]
    return lines


def _deciding(report: Report) -> list[str]:
    names = {"ours": "ours", "llama": "llama.cpp server", "transformers": "transformers"}
    found = [
        (f"{label}, {SEEN[bool(row.get('seen'))]}", row)
        for key, label in names.items()
        for row in report.get(key, {}).get("runs", ())
    ]
    if not found:
        return []
    lines = [
        "| engine | in flight | decisions/s | p50 s | p95 s | p99 s | first token p50 ms | p95 ms | answer | failed |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for label, row in found:
        seconds = " | ".join(f"{row[f'latency_p{p}_ms'] / 1000:.2f}" for p in (50, 95, 99))
        lines.append(
            f"| {label} | {row['in_flight']} | {row['decisions_per_s']:.2f} | {seconds} | {row['ttft_p50_ms']:.0f} "
            f"| {row['ttft_p95_ms']:.0f} | {row['output_tokens']:.0f} | {row['failed']} |"
        )
    return [*lines, ""]


def _ablation(report: Report) -> list[str]:
    if "ablation" not in report:
        return []
    lines = [
        "| our engine, 16 in flight | decisions/s | tokens run a decision | GFLOP/s | same answers |",
        "|---|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {row['engine']} | {row['decisions_per_s']:.2f} | {row['tokens_run']:.0f} | {row['gflop_per_s']:.0f} "
        f"| {row['same_answers']} |"
        for row in report["ablation"]["runs"]
    ]
    return [*lines, ""]


def _single_figures(report: Report) -> list[str]:
    rows: list[str] = []
    for seen, name in SEEN.items():
        ours = {row["in_flight"]: row for row in _runs(report, "ours", seen=seen)}
        best = max((row["decisions_per_s"] for row in ours.values()), default=0.0)
        for key, label, bar in (("llama", "llama.cpp server, 8 slots", "8"), ("transformers", "transformers", "10")):
            peer = max((row["decisions_per_s"] for row in _runs(report, key, seen=seen)), default=0.0)
            if peer and best:
                rows.append(
                    f"| decisions/s, best of each, against {label}, {name} | {best:.2f} | {peer:.2f} "
                    f"| {best / peer:.1f} | {bar} |"
                )
        if 4 in ours:
            rows.append(f"| first token p95 at 4 in flight, ms, {name} | {ours[4]['ttft_p95_ms']:.0f} | | | ≤ 1,000 |")
        if 16 in ours:
            rate = report["ours"]["matrix_rate"]["gflop_per_s"]
            share = ours[16]["matrix_share"]
            rows.append(
                f"| GFLOP/s at 16 in flight, {name} | {ours[16]['gflop_per_s']:.0f} | {rate:.0f} | {share:.2f} | 0.60 |"
            )
    if "ours" in report:
        rows.append(f"| same decisions as alone | {', '.join(report['ours']['same_as_alone'])} | | | all |")
    return rows + _other_figures(report)


def _runs(report: Report, part: str, *, seen: bool) -> list[Mapping[str, Any]]:
    return [row for row in report.get(part, {}).get("runs", ()) if bool(row.get("seen")) is seen]


def _other_figures(report: Report) -> list[str]:
    rows: list[str] = []
    if "desk" in report:
        intake, queue, whole = (report["desk"][name] for name in ("ingestion", "queue", "end_to_end"))
        rows.append(
            f"| accepted requests/s against bare inserts | {intake['accepted_per_s']:.0f} "
            f"| {intake['bare_inserts_per_s']:.0f} | {intake['share']:.2f} | 0.70 |"
        )
        rows.append(f"| accepted to started, p95 ms, idle | {queue['started_p95_ms']:.0f} | | | ≤ 100 |")
        rows.append(
            f"| returns/s from request to outcome ({whole['returns']} at once) | {whole['returns_per_s']:.2f} | | | |"
        )
    for stage, bar in (("sft", "1.5"), ("dpo", "")):
        if "training" in report:
            row = report["training"][stage]
            rows.append(
                f"| {stage.upper()} tokens/s against TRL + PEFT | {row['ours_tokens_per_s']:.0f} "
                f"| {row['trl_tokens_per_s']:.0f} | {row['ratio']:.1f} | {bar} |"
            )
    if "verify" in report:
        rows.append(f"| seconds to verify {report['verify']['traces']} traces | {report['verify']['seconds']} | | | |")
    return rows
