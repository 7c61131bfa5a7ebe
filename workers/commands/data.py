"""`returns-desk data`: labels as training rows. Which labels may train is the store's rule, how a row looks `rows`'."""

import json
import sys
from collections.abc import Iterable, Iterator, Sized
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.commands.opened import opened
from workers.commands.output import NEGATIVE, bad_input

if TYPE_CHECKING:
    from lifecycle.examples import World
    from lifecycle.preferences import PreferencePair

app = typer.Typer(help="Datasets of reviewers' labels, with lineage.", no_args_is_help=True)

FORMATS = ("trl-sft", "trl-preference")


@app.command()
def export(
    *,
    kind: Annotated[str, typer.Option("--format", help="trl-sft (prompt, completion) or trl-preference (pairs).")],
    out: Annotated[str, typer.Option(help="The JSONL file to write, - for standard output.")] = "-",
    agreed_only: Annotated[bool, typer.Option(help="Only what two people said alike, or an adjudicator.")] = False,
    most_per_reviewer: Annotated[int | None, typer.Option(min=1, help="At most so many labels of one person.")] = None,
    include_undoable: Annotated[
        bool, typer.Option(help="Also labels that may still be taken back. Not for training.")
    ] = False,
) -> None:
    """Write one row a line, personal data removed, each with its lineage. Exits with 1 where there is no row.

    Example: returns-desk data export --format trl-sft --out sft.jsonl
    """
    from infra.settings import SettingsInvalid, get_settings  # noqa: PLC0415 - keeps --help fast
    from services.store.training_labels import Choice  # noqa: PLC0415

    if kind not in FORMATS:
        bad_input(f"--format: {kind!r} is unknown; one of {', '.join(FORMATS)}")
    try:
        settings = get_settings()
    except SettingsInvalid as error:
        bad_input(str(error))
    window = timedelta(0) if include_undoable else timedelta(seconds=settings.undo_window_seconds)
    choice = Choice(datetime.now(UTC), window, most_per_reviewer, agreed_only)
    count = 0
    with opened("returns-desk-data") as opener, opener() as session:
        target = sys.stdout if out == "-" else _target(out)
        for row in rows_for(session, choice, kind, settings.secret_key.get_secret_value().encode()):
            target.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
        if target is not sys.stdout:
            target.close()
    typer.echo(f"{count} rows", err=True)
    if count == 0:
        typer.echo("returns-desk: no label may train yet: labels count when their time for undo is over", err=True)
        raise typer.Exit(NEGATIVE)


def rows_for(session: Any, choice: Any, kind: str, secret: bytes) -> Iterator[dict[str, Any]]:
    """Yield the rows of one format of all chosen labels, personal data removed."""
    from services.domain.redaction import redactor_for  # noqa: PLC0415
    from services.inference.rows import NoRow, redacted, rows_of  # noqa: PLC0415
    from services.store.training_labels import training_labels  # noqa: PLC0415

    for one in training_labels(session, choice):
        redactor = redactor_for(secret, one.labelled.evidence.facts, one.personal)
        try:
            yield from rows_of(redacted(one.labelled, redactor))[kind]
        except NoRow as error:
            typer.echo(f"label {one.label_id} makes no row: {error}", err=True)


def _target(out: str) -> Any:
    path = Path(out)
    if not path.parent.is_dir():
        bad_input(f"--out: there is no folder {path.parent}")
    return path.open("w", encoding="utf-8")


@app.command()
def build(
    worlds: Annotated[int, typer.Option(help="How many worlds of three to five cases.", min=1)],
    out: Annotated[Path, typer.Option(help="File to write.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same file.")] = 20261124,
    reply_share: Annotated[float, typer.Option(help="Share of cases with a reply.", min=0, max=1)] = 0.28,
) -> None:
    """Build the seed dataset from the hand-written banks; a reply that the verifier does not pass is left out.

    Example: returns-desk data build --worlds 1100 --seed 20261124 --out var/sft.jsonl
    """
    from lifecycle.audit import supported  # noqa: PLC0415
    from lifecycle.examples import write_worlds  # noqa: PLC0415
    from lifecycle.seed.build import seed_worlds  # noqa: PLC0415

    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        count = write_worlds(out, supported(seed_worlds(worlds, seed, reply_share=reply_share)))
    except OSError as error:
        bad_input(f"--out: cannot write {out}: {error.strerror}")
    print(f"{count} worlds in {out}")


@app.command()
def pairs(
    worlds: Annotated[int, typer.Option(help="How many seed worlds to make pairs from.", min=1)],
    out: Annotated[Path, typer.Option(help="File to write.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same file.")] = 20261125,
    checkpoint: Annotated[
        str | None, typer.Option(help="Pairs out of this checkpoint's own mistakes, instead of composed ones.")
    ] = None,
    temperature: Annotated[float, typer.Option(help="At which its answers are drawn; 0 takes the best.", min=0)] = 0.0,
) -> None:
    """Build preference pairs: a good answer beside one that is wrong in a known way, composed or really given.

    Example: returns-desk data pairs --worlds 400 --out var/pairs.jsonl
    """
    from lifecycle.preferences import seed_pairs, write_pairs  # noqa: PLC0415
    from lifecycle.seed.build import seed_worlds  # noqa: PLC0415

    made = seed_worlds(worlds, seed, reply_share=0.8)
    rows = _own(made, checkpoint, temperature, seed) if checkpoint else seed_pairs(made, seed)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        count = write_pairs(out, rows)
    except OSError as error:
        bad_input(f"--out: cannot write {out}: {error.strerror}")
    print(f"{count} pairs in {out}")


def _own(worlds: "Iterable[World]", checkpoint: str, temperature: float, seed: int) -> "Iterator[PreferencePair]":
    from infra.settings import get_settings  # noqa: PLC0415
    from lifecycle.on_policy import own_pairs  # noqa: PLC0415
    from services.inference.base import ensure_base  # noqa: PLC0415
    from services.inference.checkpoint import CheckpointError  # noqa: PLC0415
    from services.inference.decider import load_decider  # noqa: PLC0415
    from services.inference.wheels import WeightsUnavailable  # noqa: PLC0415
    from workers import checkpoints  # noqa: PLC0415

    settings = get_settings()
    try:
        ensure_base(settings.checkpoints_dir)
        decider = load_decider(checkpoint, checkpoints.roots(settings))
    except (WeightsUnavailable, CheckpointError) as error:
        bad_input(f"--checkpoint: {error}")
    drawn = {"made": "on_policy", "checkpoint": decider.checkpoint_id, "temperature": temperature, "seed": seed}
    return own_pairs(worlds, decider.sampled(temperature, seed) if temperature else decider, drawn)


@app.command()
def cases(
    source: Annotated[Path, typer.Option("--in", help="requests_dev.jsonl of the shared data.")],
    out: Annotated[Path, typer.Option(help="JSONL of cases to write, for `eval`.")],
) -> None:
    """Turn requests with a known right action into cases for `eval`, in our own words of their source's rule.

    Example: returns-desk data cases --in ../shared/data/requests_dev.jsonl --out var/shared-cases.jsonl
    """
    from lifecycle.shared_requests import UnknownRequest, cases_of  # noqa: PLC0415
    from workers.commands.jsonl import read_rows, write_line, writer  # noqa: PLC0415

    rows = []
    for number, row in read_rows(str(source), "--in"):
        if not isinstance(row, dict):
            bad_input(f"--in: line {number} is not an object; give requests_dev.jsonl")
        rows.append(row)
    try:
        made = list(cases_of(rows))
    except UnknownRequest as error:
        bad_input(f"--in: {error}")
    with writer(str(out)) as target:
        for case in made:
            write_line(target, case)
    print(f"{len(made)} cases in {out}")


@app.command()
def audit(
    data: Annotated[Path, typer.Option(help="JSONL of worlds, of preference pairs, or of exported rows.")],
    evaluation: Annotated[Path | None, typer.Option("--eval", help="JSONL of cases that must not leak.")] = None,
    most: Annotated[int, typer.Option(help="Findings to print; all are counted.", min=1)] = 50,
) -> None:
    """Look for missing fields, unreadable targets, unsupported claims, duplicates, leaks, imbalance. Exits 1 on any.

    Example: returns-desk data audit --data var/sft.jsonl --eval lifecycle/evals/golden.jsonl
    """
    from collections import Counter  # noqa: PLC0415

    from lifecycle.audit import Finding, audit_pairs, audit_worlds  # noqa: PLC0415
    from lifecycle.audit_rows import audit_rows, is_row  # noqa: PLC0415
    from lifecycle.examples import DataError, read_worlds  # noqa: PLC0415
    from lifecycle.preferences import read_pairs  # noqa: PLC0415
    from workers.commands.jsonl import read_rows  # noqa: PLC0415

    if not data.is_file():
        bad_input(f"--data: no file {data}; build one with returns-desk data build")
    cases = []
    for number, row in read_rows(str(evaluation), "--eval") if evaluation else ():
        if not isinstance(row, dict):
            bad_input(f"--eval: line {number} is not an object; write one JSON object a line")
        cases.append(row)
    first: Any = next((row for _, row in read_rows(str(data), "--data")), {})
    rows: Sized
    findings: list[Finding]
    try:
        if is_row(first):
            what, rows = "rows", [row for _, row in read_rows(str(data), "--data")]
            findings = audit_rows(rows, cases)
        elif isinstance(first, dict) and "fault" in first:
            what, rows = "pairs", (pairs := list(read_pairs(data)))
            findings = audit_pairs(pairs, cases)
        else:
            what, rows = "worlds", (worlds := list(read_worlds(data)))
            findings = audit_worlds(worlds, cases)
    except DataError as error:
        bad_input(f"--data: {error}")
    for finding in findings[:most]:
        print(finding)
    kinds = ", ".join(f"{count} {kind}" for kind, count in Counter(f.kind for f in findings).items()) or "no finding"
    print(f"{len(rows)} {what}: {kinds}")
    if findings:
        raise typer.Exit(NEGATIVE)
