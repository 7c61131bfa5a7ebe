"""`returns-desk decide` and `returns-desk eval`: the stateless pipeline on JSONL cases, and its score."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.commands.jsonl import read_rows, write_line, writer
from workers.commands.output import NEGATIVE, bad_input

if TYPE_CHECKING:
    from infra.settings import Settings
    from lifecycle.evaluate import Share
    from services.domain.cases import Case
    from services.ports import Decider

Checkpoint = Annotated[str | None, typer.Option(help="Name, digest or folder; the released one where omitted.")]


def decide(
    source: Annotated[str | None, typer.Option("--in", help="JSONL of cases; - for standard input.")] = None,
    target: Annotated[
        str | None, typer.Option("--out", help="JSONL of outcomes, in input order; - for standard output.")
    ] = None,
    checkpoint: Checkpoint = None,
    require_rule: Annotated[
        bool, typer.Option("--require-rule", help="Send every case to review whose clause has no machine rule.")
    ] = False,
    replay: Annotated[
        str | None, typer.Option("--replay", help="Judge this stored trace again; with --checkpoint decide it anew.")
    ] = None,
) -> None:
    """Decide cases that bring their own policies and facts: decision, dry-run tools, reply, verdict, route.

    Example: returns-desk decide --in cases.jsonl --out outcomes.jsonl
    """
    if replay is not None:
        _replay(replay, checkpoint)
        return
    if source is None or target is None:
        bad_input("--in and --out are needed, unless --replay names a stored trace")
    cases = _cases(source, "--in")
    with writer(target) as out:
        for output in _run(cases, checkpoint, require_rule):
            write_line(out, output)


def _replay(trace_id: str, checkpoint: str | None) -> None:
    """Print the stored outcome beside today's; exit with 1 where they differ."""
    from infra.database import DatabaseNotConfigured, engine_from  # noqa: PLC0415
    from infra.settings import get_settings  # noqa: PLC0415
    from services.store.sessions import sessions  # noqa: PLC0415
    from workers.replay import TraceNotFound, comparison, decided_again, judged_again, load_trace  # noqa: PLC0415

    try:
        engine = engine_from(get_settings())
        stored = load_trace(sessions(engine), trace_id)
    except DatabaseNotConfigured as error:
        bad_input(f"--replay: {error}")
    except TraceNotFound:
        bad_input(f"--replay: no trace has the id {trace_id!r}; the return's page and its API answer name it")
    engine.dispose()
    again = decided_again(stored.trace, _decider(checkpoint)) if checkpoint else judged_again(stored.trace)
    found = comparison(stored, again)
    print(json.dumps(found, indent=1, ensure_ascii=False))
    if not found["same"]:
        raise typer.Exit(NEGATIVE)


def evaluate(
    cases: Annotated[str, typer.Option(help="JSONL of cases with expected_* fields.")],
    checkpoint: Checkpoint = None,
    out: Annotated[Path | None, typer.Option(help="Write the report as JSON.")] = None,
    by: Annotated[str | None, typer.Option(help="Also score every value of this field of the cases.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    judge: Annotated[
        str | None, typer.Option(help="Grade the replies too: `traits`, or `server` (CHECKPOINT_SERVER_URL).")
    ] = None,
    require: Annotated[float, typer.Option(help="Exit 1 where fewer decisions than this share are right.")] = 0.0,
) -> None:
    """Decide cases and score them; abstaining is counted apart from being wrong.

    Example: returns-desk eval --cases lifecycle/evals/golden.jsonl --out report.json
    """
    from lifecycle.evaluate import by_group  # noqa: PLC0415
    from lifecycle.evaluate import evaluate as score  # noqa: PLC0415

    parsed = _cases(cases, "--cases")
    rows = [case.model_dump(mode="json") for case in parsed]
    outputs = list(_run(parsed, checkpoint, require_rule=False))
    try:
        measures = score(rows, outputs)
    except ValueError as error:
        bad_input(f"--cases: {error}")
    report: dict[str, Any] = {
        "checkpoint": outputs[0]["checkpoint"],
        "checkpoint_digest": outputs[0]["checkpoint_digest"],
        "cases": len(rows),
        "measures": {name: _share(share) for name, share in measures.items()},
    }
    if by is not None:
        report["by"] = {by: {name: _share(share) for name, share in by_group(rows, outputs, by).items()}}
    if judge is not None:
        from workers.commands.judging import judged  # noqa: PLC0415

        report["judge"] = judged(judge, rows, outputs)
    if out is not None:
        wrong = [o | {"expected": r["expected_decision"]} for r, o in zip(rows, outputs, strict=True)]
        full = report | {"outcomes": wrong}
        out.write_text(json.dumps(full, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=1) if as_json else _table(report))
    if measures["decision_right"].value < require:
        raise typer.Exit(NEGATIVE)


def _cases(source: str, option: str) -> "list[Case]":
    from services.domain.cases import BadCase, parse_case  # noqa: PLC0415

    parsed = []
    for number, row in read_rows(source, option):
        try:
            parsed.append(parse_case(row))
        except BadCase as error:
            bad_input(f"{option}: line {number}: {error}")
    if not parsed:
        bad_input(f"{option}: {source} holds no case")
    return parsed


def _run(cases: "Sequence[Case]", checkpoint: str | None, require_rule: bool) -> Iterator[dict[str, Any]]:
    from lifecycle.progress import Progress  # noqa: PLC0415
    from services.ports import DeciderUnavailable  # noqa: PLC0415
    from workers.case_runner import run_cases  # noqa: PLC0415

    decider = _decider(checkpoint)
    progress = Progress("decide", len(cases))
    try:
        for output in run_cases(cases, decider, require_rule=require_rule):
            progress.step()
            yield output
    except DeciderUnavailable as error:
        print(error, file=sys.stderr)
        raise typer.Exit(NEGATIVE) from error


def _decider(checkpoint: str | None) -> "Decider":
    from infra.settings import get_settings  # noqa: PLC0415
    from services.inference.base import ensure_base  # noqa: PLC0415
    from services.inference.checkpoint import CheckpointError  # noqa: PLC0415
    from services.inference.decider import load_decider  # noqa: PLC0415
    from services.inference.wheels import WeightsUnavailable  # noqa: PLC0415
    from workers.checkpoints import champion, roots  # noqa: PLC0415

    settings = get_settings()
    if checkpoint is None and settings.decider == "remote":
        return _remote(settings)
    try:
        ensure_base(settings.checkpoints_dir)
        return load_decider(checkpoint or champion(settings), roots(settings))
    except (WeightsUnavailable, CheckpointError) as error:
        bad_input(f"--checkpoint: {error}")


def _remote(settings: "Settings") -> "Decider":
    from infra.settings import SettingsInvalid  # noqa: PLC0415
    from workers.wiring import make_remote  # noqa: PLC0415

    try:
        return make_remote(settings)
    except SettingsInvalid as error:
        bad_input(str(error))


def _share(share: "Share") -> dict[str, Any]:
    low, high = share.interval
    return {"value": round(share.value, 4), "hits": share.hits, "total": share.total, "low": low, "high": high}


def _table(report: dict[str, Any]) -> str:
    lines = [f"{report['checkpoint']}@{report['checkpoint_digest']} on {report['cases']} cases", ""]
    groups = {"": report["measures"], **report.get("by", {})}
    for title, measures in groups.items():
        lines += [title] if title else []
        for name, m in measures.items():
            interval = f"[{m['low'] * 100:5.1f}, {m['high'] * 100:5.1f}]"
            lines.append(f"  {name:<36} {m['value'] * 100:6.1f} %  {interval}  {m['hits']} of {m['total']}")
    if told := report.get("judge"):
        from workers.commands.judging import judge_lines  # noqa: PLC0415

        lines += judge_lines(told)
    return "\n".join(lines)
