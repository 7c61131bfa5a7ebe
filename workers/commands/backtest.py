"""`returns-desk policies backtest`: what a new clause version would have changed. Nothing is written to the store.

What flips is `domain.backtest`'s to say, replaying `workers.backtest`'s.
"""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.commands.opened import opened
from workers.commands.output import NEGATIVE, bad_input

if TYPE_CHECKING:
    from policies import PolicyVersion
    from policies.catalog import Catalog
    from services.domain.backtest import Replayed, Summary
    from services.ports import Decider
    from services.store.traces import StoredTrace


def backtest(
    policy_id: Annotated[str, typer.Argument(help="Such as P-7.")],
    file: Annotated[Path, typer.Argument(help="The new version: a policy file, or its bare text.")],
    *,
    checkpoint: Annotated[
        str | None, typer.Option(help="Which checkpoint decides again; default the champion.")
    ] = None,
    rule_only: Annotated[bool, typer.Option("--rule-only", help="Ask only the rule: no checkpoint, seconds.")] = False,
    since: Annotated[str | None, typer.Option(help="Only returns decided from that day on, as 2026-11-01.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Most traces to replay, the newest first.")] = 500,
    show: Annotated[int, typer.Option(min=0, help="Most flips to list.")] = 50,
    directory: Annotated[Path | None, typer.Option("--dir", help="Policies; default POLICIES_DIR or built in.")] = None,
    fail_on_flip: Annotated[bool, typer.Option("--fail-on-flip", help="Exit 1 where any decision flips.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Replay stored traces with a new clause version and list which decisions would flip, by rule and by checkpoint.

    It is asked as if the version had been in force then. Nothing is written. Exit 1 where no stored trace holds the
    clause, since then nothing was tested.

    Example: returns-desk policies backtest P-7 my-P-7.md --rule-only
    """
    from services.domain.backtest import summary  # noqa: PLC0415 - keeps --help fast
    from services.store.past_traces import traces_with  # noqa: PLC0415
    from workers.backtest import replay  # noqa: PLC0415

    version = _version(policy_id, file, directory)
    start = _day(since)
    with opened("returns-desk-backtest") as opener, opener() as session:
        traces = list(traces_with(session, policy_id, start, limit))
    if not traces:
        typer.echo(f"returns-desk: no stored trace holds {policy_id}, so nothing was tested", err=True)
        raise typer.Exit(NEGATIVE)
    decider = None if rule_only else load_again(checkpoint)
    progress = _Progress(len(traces), shown=decider is not None)
    replayed = list(replay(traces, version, decider, progress.step))
    counts = summary(replayed)
    if as_json:
        typer.echo(json.dumps(_report(version, decider, replayed, counts), indent=1))
    else:
        _print(version, decider, traces, replayed, counts, show)
    if fail_on_flip and counts.flips:
        raise typer.Exit(NEGATIVE)


def _version(policy_id: str, file: Path, directory: Path | None) -> "PolicyVersion":
    """Return the version to try, saying beside what would keep it from being published."""
    from policies.document import PolicyFileError, read_policy  # noqa: PLC0415

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        bad_input(f"FILE: cannot read {file} as UTF-8 text: {error}")
    catalog = _catalog(directory)
    if not text.lstrip().startswith("---"):
        return _of_bare_text(policy_id, text, catalog)
    try:
        version = read_policy(file)
    except PolicyFileError as error:
        bad_input(str(error))
    if version.policy_id != policy_id:
        bad_input(f"FILE: {file} holds {version.policy_id}; name that, or give a version of {policy_id}")
    _warn(version, catalog, directory)
    return version


def _of_bare_text(policy_id: str, text: str, catalog: "Catalog") -> "PolicyVersion":
    """Return the present version with other words. Its rule goes: nothing says that it still fits them."""
    from policies.document import unwrap  # noqa: PLC0415

    present = catalog.in_force(policy_id, datetime.now(UTC).date())
    if present is None:
        bad_input(f"no version of {policy_id} is in force, so bare text has no header; give a whole policy file")
    if not text.strip():
        bad_input("FILE: there is no text")
    typer.echo("returns-desk: bare text has no rule, so only the checkpoint can say what would flip", err=True)
    return present.model_copy(update={"version": "draft", "rule": None, "text": unwrap(text)})


def _warn(version: "PolicyVersion", catalog: "Catalog", directory: Path | None) -> None:
    from policies.catalog import declared_facts, key_of  # noqa: PLC0415
    from policies.lint import lint  # noqa: PLC0415

    others = tuple(one for one in catalog.versions if key_of(one) != key_of(version))
    for finding in lint((*others, version), declared_facts(_directory(directory))):
        if finding.key == key_of(version):
            typer.echo(f"returns-desk: it cannot be published as it is: {finding.sentence}", err=True)


def _catalog(directory: Path | None) -> "Catalog":
    from policies.catalog import CatalogError, load_catalog  # noqa: PLC0415

    try:
        return load_catalog(_directory(directory))
    except CatalogError as error:
        bad_input(str(error))


def _directory(given: Path | None) -> Path:
    from infra.settings import SettingsInvalid, load_settings  # noqa: PLC0415
    from policies.catalog import BUILT_IN  # noqa: PLC0415

    try:
        return given or load_settings().policies_dir or BUILT_IN
    except SettingsInvalid as error:
        bad_input(f"{error}; or name the directory with --dir")


def load_again(checkpoint: str | None) -> "Decider":
    """Return the checkpoint asked for, or the champion, at work; ends the command with 2 where it cannot be."""
    from infra.settings import get_settings  # noqa: PLC0415
    from services.inference.base import ensure_base  # noqa: PLC0415
    from services.inference.checkpoint import CheckpointError  # noqa: PLC0415
    from services.inference.decider import load_decider  # noqa: PLC0415
    from services.inference.wheels import WeightsUnavailable  # noqa: PLC0415
    from workers.checkpoints import champion, roots  # noqa: PLC0415

    settings = get_settings()
    reference = champion(settings) if checkpoint in {None, "champion"} else checkpoint or ""
    try:
        ensure_base(settings.checkpoints_dir)
        return load_decider(reference, roots(settings))
    except (WeightsUnavailable, CheckpointError) as error:
        bad_input(f"--checkpoint: {error}; or ask only the rule with --rule-only")


def _day(since: str | None) -> datetime | None:
    if since is None:
        return None
    try:
        return datetime.combine(date.fromisoformat(since), time.min, UTC)
    except ValueError:
        bad_input(f"--since {since!r} is no day; write it as 2026-11-24")


class _Progress:
    """A bar for what takes long; nothing for the rule alone."""

    def __init__(self, total: int, *, shown: bool) -> None:
        self._bar = None
        if shown:
            from lifecycle.progress import Progress  # noqa: PLC0415

            self._bar = Progress("replay", total)

    def step(self, count: int) -> None:
        for _ in range(count if self._bar is not None else 0):
            self._bar.step()  # type: ignore[union-attr]


def _print(
    version: "PolicyVersion",
    decider: "Decider | None",
    traces: "Sequence[StoredTrace]",
    replayed: "Sequence[Replayed]",
    counts: "Summary",
    show: int,
) -> None:
    days = f"{traces[-1].created_at:%Y-%m-%d} to {traces[0].created_at:%Y-%m-%d}"
    typer.echo(f"{version.policy_id} {version.version} as if in force: {counts.replayed} traces of {days} hold it,")
    typer.echo(f"{counts.governed} decisions rest on it")
    typer.echo("")
    typer.echo(f"{'by':<12} {'flips':>6} {'of':>6}  changes")
    rule_flips, model_flips = sum(counts.by_rule.values()), sum(counts.by_checkpoint.values())
    typer.echo(f"{'rule':<12} {rule_flips:>6} {counts.governed:>6}  {_changes(counts.by_rule)}")
    if decider is not None:
        changes = _changes(counts.by_checkpoint)
        typer.echo(f"{'checkpoint':<12} {model_flips:>6} {counts.asked_checkpoint:>6}  {changes}")
        typer.echo(f"checkpoint {decider.checkpoint_id}; it parts from the new rule on {counts.disagree} cases")
    flips = [one for one in replayed if one.flips_by_rule or one.flips_by_checkpoint]
    if flips and show:
        typer.echo("")
        typer.echo(f"{'return':<40} {'order':<12} {'by rule':<28} by checkpoint")
    for one in flips[:show]:
        rule = one.rule.change if one.flips_by_rule else "-"
        model = one.checkpoint.change if one.checkpoint and one.flips_by_checkpoint else "-"
        typer.echo(f"{one.return_id:<40} {one.order_id or '-':<12} {rule:<28} {model}")
    if len(flips) > show:
        typer.echo(f"and {len(flips) - show} more; --show lists them, --json all")
    if not flips:
        typer.echo("nothing flips")


def _changes(counts: "dict[str, int] | Any") -> str:
    return ", ".join(f"{count} {change}" for change, count in counts.items()) or "none"


def _report(
    version: "PolicyVersion", decider: "Decider | None", replayed: "Sequence[Replayed]", counts: "Summary"
) -> dict[str, Any]:
    return {
        "policy_id": version.policy_id,
        "version": version.version,
        "digest": version.digest,
        "checkpoint": decider.checkpoint_id if decider else None,
        "summary": {**counts._asdict(), "flips": counts.flips},
        "flips": [_row(one) for one in replayed if one.flips_by_rule or one.flips_by_checkpoint],
        "disagree": [_row(one) for one in replayed if one.disagree],
    }


def _row(one: "Replayed") -> dict[str, Any]:
    return {
        "trace_id": one.trace_id,
        "return_id": one.return_id,
        "order_id": one.order_id,
        "governs": one.governs,
        "kept": one.kept,
        "rule": one.rule._asdict(),
        "checkpoint": one.checkpoint._asdict() if one.checkpoint else None,
    }
