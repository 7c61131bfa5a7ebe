"""Draws the figures of the last full run as SVG. Measures nothing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workers.bench.report import SEEN

_NAMES = {"ours": "Returns Desk", "llama": "llama.cpp server", "transformers": "transformers"}


def draw(report: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write the plots whose figures are in the report; return their paths."""
    import matplotlib as mpl  # noqa: PLC0415 - slow to import, and only drawing needs it

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "returns-desk"  # the same figures give the same file
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    ran = {name: part["runs"] for name, part in report.items() if isinstance(part, Mapping) and "runs" in part}
    runs = {
        f"{label}, {seen}": rows
        for name, label in _NAMES.items()
        for is_seen, seen in SEEN.items()
        if (rows := [row for row in ran.get(name, ()) if bool(row.get("seen")) is is_seen])
    }
    if runs:
        drawn.append(_lines(runs, "decisions_per_s", "decisions a second", folder / "decisions.svg"))
        drawn.append(_lines(runs, "latency_p95_ms", "p95 latency, ms", folder / "latency.svg", logarithmic=True))
        drawn.append(_lines(runs, "ttft_p95_ms", "p95 time to first token, ms", folder / "ttft.svg", logarithmic=True))
    if "ablation" in ran:
        drawn.append(_bars(ran["ablation"], folder / "ablation.svg"))
    return drawn


def _lines(runs: Mapping[str, Any], value: str, title: str, path: Path, *, logarithmic: bool = False) -> Path:
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    for label, rows in runs.items():
        axes.plot([row["in_flight"] for row in rows], [row[value] for row in rows], marker="o", label=label)
    axes.set_xscale("log", base=2)
    axes.set_xticks([1, 4, 16, 64], ["1", "4", "16", "64"])
    axes.set_yscale("log" if logarithmic else "linear")
    axes.set(xlabel="requests in flight", ylabel=title)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, metadata={"Date": None})
    return path


def _bars(rows: Any, path: Path) -> Path:
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(6.4, 2.6), layout="constrained")
    axes = figure.subplots()
    names = [row["engine"] for row in rows]
    bars = axes.barh(names[::-1], [row["decisions_per_s"] for row in rows][::-1])
    axes.bar_label(bars, padding=3)
    axes.set(xlabel="decisions a second at 16 in flight")
    figure.savefig(path, metadata={"Date": None})
    return path
