"""`returns-desk bench`: what this machine does a second, beside its peers. The measuring is `workers.bench`'s."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.commands.output import bad_input

if TYPE_CHECKING:
    from infra.settings import Settings

PARTS = ("ours", "ablation", "llama", "transformers", "verify", "desk", "training", "review")
DOCS = Path(__file__).parents[2] / "docs" / "bench"
_FULL = {"ingestion": 2000, "overhead": 25, "returns": 32, "verify": 1000, "trees": 3, "pairs": 5, "items": 100_000}
_QUICK = {"ingestion": 300, "overhead": 8, "returns": 8, "verify": 200, "trees": 1, "pairs": 2, "items": 5_000}


def bench(
    parts: Annotated[str, typer.Option(help=f"Comma-separated, of: {', '.join(PARTS)}.")] = ",".join(PARTS),
    quick: Annotated[bool, typer.Option("--quick", help="A few cases of each: minutes, and rough.")] = False,
    docs: Annotated[bool, typer.Option("--docs", help="Also write table and plots into docs/bench/.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure the desk and its peers in one run, on the same weights and requests; half an hour on two idle cores.

    Example: returns-desk bench --parts ours,llama --quick
    """
    chosen = [part.strip() for part in parts.split(",") if part.strip()]
    unknown = [part for part in chosen if part not in PARTS]
    if unknown or not chosen:
        bad_input(f"--parts: there is no part {', '.join(unknown) or 'named'}; there are {', '.join(PARTS)}")
    # Threads that spin at the end of each product take the cores from the processes that are measured beside them.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from infra.settings import get_settings  # noqa: PLC0415 - keeps --help fast
    from workers.bench.report import lines_of  # noqa: PLC0415

    settings = get_settings()
    file = settings.var_dir / "bench" / ("quick.json" if quick else "bench.json")
    file.parent.mkdir(parents=True, exist_ok=True)
    if set(chosen) == set(PARTS):
        file.unlink(missing_ok=True)
    if len(chosen) == 1:
        report = _one(chosen[0], settings, file, quick=quick)
    else:
        for part in chosen:
            if reason := _apart(part, quick=quick):
                _keep(file, part, {"failed": reason})
        report = _keep(file)
    text = "\n".join([*lines_of(report), *_review_lines(report)])
    typer.echo(json.dumps(report, indent=1) if as_json else text)
    if docs:
        from workers.bench.plots import draw  # noqa: PLC0415

        draw(report, DOCS)
        (DOCS / "table.md").write_text(f"# The last full run\n\nWritten by `returns-desk bench --docs`.\n\n{text}\n")
    if any("failed" in report[part] for part in chosen):
        raise typer.Exit(1)


def _one(part: str, settings: "Settings", file: Path, *, quick: bool) -> dict[str, Any]:
    """Measure one part and return the report with it."""
    typer.echo(f"{part} ...", err=True)
    with tempfile.TemporaryDirectory(prefix="returns-desk-bench-") as folder:
        Path(folder).chmod(0o711)  # PostgreSQL runs as another account where we are root
        started = time.perf_counter()
        measured = _measure(part, settings, Path(folder), quick=quick)
    return _keep(file, part, measured | {"took_s": round(time.perf_counter() - started, 1)})


def _apart(part: str, *, quick: bool) -> str:
    """Measure one part in a process of its own; return why it failed, or nothing.

    So a peer that takes its process down takes no other part's figures along, and no part leaves threads or memory
    to the next.
    """
    return why_failed([sys.executable, "-m", "workers.cli", "bench", "--parts", part, *(["--quick"] if quick else [])])


def why_failed(command: Sequence[str]) -> str:
    """Run a command to its end, passing on what it says on stderr; return its exit code and last line, or nothing."""
    last = ""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as child:  # noqa: S603 - our own
        assert child.stderr is not None  # noqa: S101 - it was asked for
        for line in child.stderr:
            typer.echo(line, err=True, nl=False)
            last = line.strip() or last
    return f"exit {child.returncode}: {last}" if child.returncode else ""


def _keep(file: Path, part: str = "", measured: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the report of earlier parts with this one's figures, and keep it: a run broken off leaves what it has."""
    report: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    report |= {"when": datetime.now(UTC).strftime("%d %B %Y"), "machine": _machine()}
    if measured is not None:
        report[part] = measured
    file.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return report


def _review_lines(report: dict[str, Any]) -> list[str]:
    if "failed" in report.get("review", {"failed": ""}):
        return []
    from workers.bench_review import table  # noqa: PLC0415 - only a run that measured the pages needs it

    return ["", table(report["review"])]


def _measure(part: str, settings: "Settings", work: Path, *, quick: bool) -> dict[str, Any]:
    sizes = _QUICK if quick else _FULL
    if part == "verify":
        from workers.bench.verifying import verification  # noqa: PLC0415

        return verification(sizes["verify"], _say)
    if part == "review":
        from workers.bench_review import measure_alone  # noqa: PLC0415

        return measure_alone(settings, sizes["items"])
    if part == "desk":
        from workers.bench.desk import whole_desk  # noqa: PLC0415

        return whole_desk(settings, sizes, work, _say)
    if part == "training":
        return _training(settings, sizes, work)
    return _deciding(part, settings, work, quick=quick)


def _training(settings: "Settings", sizes: dict[str, int], work: Path) -> dict[str, Any]:
    from services.inference.base import ensure_base  # noqa: PLC0415
    from workers.bench.training import training  # noqa: PLC0415
    from workers.checkpoints import roots  # noqa: PLC0415

    base = ensure_base(settings.checkpoints_dir)
    return training(str(base), roots(settings), sizes["trees"], sizes["pairs"], work, _say)


def _deciding(part: str, settings: "Settings", work: Path, *, quick: bool) -> dict[str, Any]:
    from services.inference.base import ensure_base  # noqa: PLC0415
    from services.inference.checkpoint import load_checkpoint  # noqa: PLC0415
    from workers.bench import deciding  # noqa: PLC0415
    from workers.checkpoints import champion, roots  # noqa: PLC0415

    ensure_base(settings.checkpoints_dir)
    loaded = load_checkpoint(champion(settings), roots(settings))
    sizes = deciding.QUICK if quick else deciding.FULL
    who = deciding.customers(sizes)
    alone: dict[str, Callable[[], dict[str, Any]]] = {
        "ours": lambda: deciding.ours(loaded, who, sizes, _say),
        "ablation": lambda: deciding.ablation(loaded, who, sizes, _say),
        "llama": lambda: deciding.llama(loaded, who, sizes, work, _say),
        "transformers": lambda: deciding.transformers(loaded, who, sizes, work, _say),
    }
    return alone[part]()


def _say(line: str) -> None:
    typer.echo(f"  {line}", err=True)


def _machine() -> str:
    model = "a processor that does not say its name"
    if (cpuinfo := Path("/proc/cpuinfo")).exists():
        names = [line.partition(":")[2] for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = names[0].strip() if names else model
    return f"{os.cpu_count()} cores of {model}"
