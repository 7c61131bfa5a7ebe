"""`returns-desk release`: promote, roll back, and try a candidate in the shadow or on a share of live returns.

What may be released is `domain.releases`', moving an alias `workers.releasing`'s.
"""

import getpass
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.commands.opened import opened
from workers.commands.output import NEGATIVE, bad_input

if TYPE_CHECKING:
    from services.domain.releases import Release
    from services.store.candidate_runs import CandidateRun
    from workers.releasing import Releasing, Shown

app = typer.Typer(help="Which checkpoint answers customers: promote, roll back, shadow, canary.", no_args_is_help=True)

UNSTATED = "no reason was given"
WhoOption = Annotated[str | None, typer.Option(help="Who does it; default the account of this machine.")]
WhyOption = Annotated[str, typer.Option(help="Why; stands in the history and in the audit log.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Reference = Annotated[str, typer.Argument(help="Name, folder name, digest (8 digits or more), or `candidate`.")]


@app.command("list")
def list_all(
    *,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Most moves to show, the newest first.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Show where the aliases point, and how they moved.

    Example: returns-desk release list
    """
    from services.store.releases import history  # noqa: PLC0415 - keeps --help fast

    with _releasing() as releasing:
        shown = releasing.shown()
        with releasing.sessions() as session:
            moves = history(session, limit)
    if as_json:
        candidate = shown.rollout.candidate
        report = {
            "champion": shown.champion._asdict() | {"trace_id": shown.champion.trace_id, "initial": shown.initial},
            "candidate": _row(candidate) if candidate else None,
            "history": [_row(one) for one in moves],
        }
        typer.echo(json.dumps(report, indent=1))
        return
    for line in _table(shown, moves):
        typer.echo(line)
    _warn_of_override(releasing)


@app.command()
def promote(
    reference: Reference,
    *,
    who: WhoOption = None,
    why: WhyOption = UNSTATED,
    override_gate: Annotated[
        bool, typer.Option("--override-gate", help="Release what the gate blocked or never saw; stands in the history.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a checkpoint the champion. Workers follow between two returns; no request fails.

    Exit 1 where the gate blocked it, or where it is the champion already.

    Example: returns-desk release promote nightly-2026-11-24-1a2b3c4d5e6f --who kim --why "gate report is SHIP"
    """
    with _releasing() as releasing:
        promoted = releasing.promote(reference, who or _account(), why, override_gate=override_gate)
        if promoted.warning:
            typer.echo(f"returns-desk: {promoted.warning}", err=True)
        _warn_of_override(releasing)
        _say(promoted.release, as_json)


@app.command()
def rollback(
    *,
    to: Annotated[str | None, typer.Option(help="An earlier champion; default the one before the present.")] = None,
    who: WhoOption = None,
    why: WhyOption = UNSTATED,
    as_json: JsonOption = False,
) -> None:
    """Release the champion before the present one again. Exit 1 where there is none.

    Example: returns-desk release rollback --who kim --why "approves too much since noon"
    """
    with _releasing() as releasing:
        _warn_of_override(releasing)
        _say(releasing.rollback(who or _account(), why, to), as_json)


@app.command()
def shadow(
    reference: Reference,
    *,
    share: Annotated[float, typer.Option(min=0, max=1, help="Part of live returns it decides too, in silence.")] = 1.0,
    who: WhoOption = None,
    why: WhyOption = UNSTATED,
    as_json: JsonOption = False,
) -> None:
    """Let a candidate decide live returns beside the champion: no tool runs for it, and nothing of it leaves.

    Example: returns-desk release shadow nightly-2026-11-24 --share 0.5; returns-desk release differences
    """
    with _releasing() as releasing:
        _say(releasing.shadow(reference, share, who or _account(), why), as_json)


@app.command()
def canary(
    reference: Annotated[str, typer.Argument(help="As in `promote`; default the present candidate.")] = "candidate",
    *,
    share: Annotated[float, typer.Option(min=0, max=1, help="Part of live returns it answers.")] = 0.05,
    shadow_share: Annotated[float, typer.Option(min=0, max=1, help="Part of the others it decides in silence.")] = 0.0,
    who: WhoOption = None,
    why: WhyOption = UNSTATED,
    as_json: JsonOption = False,
) -> None:
    """Let a candidate answer a share of live returns; it is rolled back by itself where it is surely worse.

    Example: returns-desk release canary nightly-2026-11-24 --share 0.05 --who kim --why "gate report is SHIP"
    """
    with _releasing() as releasing:
        _say(releasing.canary(reference, share, who or _account(), why, shadow_share), as_json)


@app.command()
def withdraw(*, who: WhoOption = None, why: WhyOption = UNSTATED, as_json: JsonOption = False) -> None:
    """Leave the desk without a candidate. Exit 1 where there is none.

    Example: returns-desk release withdraw --why "seen enough"
    """
    with _releasing() as releasing:
        _say(releasing.withdraw(who or _account(), why), as_json)


@app.command()
def differences(
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most returns to show, the newest first.")] = 50,
    field: Annotated[str | None, typer.Option(help="Only those that differ in it, such as decision or route.")] = None,
    release_id: Annotated[
        int | None, typer.Option("--release", help="A shadow's number in `release list`; default the present one.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List live returns that the candidate in the shadow would have answered otherwise.

    Exit 1 where there is no candidate.

    Example: returns-desk release differences --field decision
    """
    from services.store.candidate_runs import candidate_runs, shadow_counts  # noqa: PLC0415

    with _releasing() as releasing:
        chosen = release_id or _candidate(releasing).id
        with releasing.sessions() as session:
            counts = shadow_counts(session, chosen)
            runs = candidate_runs(session, chosen, limit=limit, field=field)
    if as_json:
        typer.echo(json.dumps({"counts": counts._asdict(), "returns": [_run(one) for one in runs]}, indent=1))
        return
    fields = ", ".join(f"{name} {count}" for name, count in counts.by_field.items()) or "none"
    typer.echo(f"{counts.looked_at} returns looked at, {counts.different} differ ({fields}), {counts.failed} failed")
    for one in runs:
        told = one.error or "; ".join(f"{d.field}: {d.champion} -> {d.candidate}" for d in one.differs)
        typer.echo(f"{one.return_id}  {told}")


@app.command()
def figures(*, as_json: JsonOption = False) -> None:
    """Show the canary's live figures beside the champion's, and the ruling on them. Changes nothing.

    Exit 1 where it would be rolled back, or where there is no candidate.

    Example: returns-desk release figures
    """
    from services.domain.canary import CanaryVerdict, rule_on  # noqa: PLC0415
    from services.store.candidate_runs import arms  # noqa: PLC0415

    with _releasing() as releasing:
        release = _candidate(releasing)
        with releasing.sessions() as session:
            ours, theirs = arms(session, release, releasing.champion().trace_id)
    ruling = rule_on(ours, theirs)
    if as_json:
        rows = [one._asdict() for one in ruling.measures]
        typer.echo(json.dumps({"verdict": ruling.verdict, "reasons": ruling.reasons, "measures": rows}, indent=1))
    else:
        for one in ruling.measures:
            typer.echo(f"{'WORSE' if one.worse else 'ok':<6} {one.why}")
        typer.echo(f"{ruling.verdict.value.replace('_', ' ')}: {'; '.join(ruling.reasons)}")
    if ruling.verdict is CanaryVerdict.ROLL_BACK:
        raise typer.Exit(NEGATIVE)


@contextmanager
def _releasing() -> "Iterator[Releasing]":
    """Yield the verbs; what the rules refuse ends with one line and 1, an unknown checkpoint with 2."""
    from infra.settings import get_settings  # noqa: PLC0415
    from services.domain.releases import NotReleased  # noqa: PLC0415
    from services.inference.cards import CheckpointError  # noqa: PLC0415
    from workers.releasing import Releasing  # noqa: PLC0415
    from workers.wiring import SystemClock  # noqa: PLC0415

    with opened("returns-desk-release") as opener:
        try:
            yield Releasing(get_settings(), opener, SystemClock())
        except NotReleased as error:
            if isinstance(error.__cause__, CheckpointError):
                bad_input(str(error))
            typer.echo(f"returns-desk: {error}", err=True)
            raise typer.Exit(NEGATIVE) from error


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "operator"


def _candidate(releasing: "Releasing") -> "Release":
    from services.domain.releases import NotReleased  # noqa: PLC0415

    found = releasing.shown().rollout.candidate
    if found is None:
        raise NotReleased("there is no candidate; `returns-desk release shadow REF` names one")
    return found


def _warn_of_override(releasing: "Releasing") -> None:
    if releasing.settings.checkpoint_id:
        typer.echo(
            f"returns-desk: CHECKPOINT_ID is set to {releasing.settings.checkpoint_id}: workers that see it run that, "
            "whatever is released; remove it to follow the champion",
            err=True,
        )


def _say(release: "Release", as_json: bool) -> None:
    typer.echo(json.dumps(_row(release), indent=1) if as_json else _line(release))


def _table(shown: "Shown", moves: "list[Release]") -> Iterator[str]:
    candidate = shown.rollout.candidate
    yield f"champion   {shown.champion.trace_id}{'  (ships with the code)' if shown.initial else ''}"
    yield f"candidate  {_shares(candidate) if candidate else 'none'}"
    yield ""
    yield from (_line(one) for one in moves)


def _line(one: "Release") -> str:
    to = one.checkpoint.trace_id if one.checkpoint else "none"
    instead = f" instead of {one.replaces.trace_id}" if one.replaces else ""
    gate = f", gate report {one.gate_report_id[:12]}" if one.gate_report_id else ""
    gate += ", GATE OVERRIDDEN" if one.gate_overridden else ""
    shares = f" ({_parts(one)})" if one.share or one.shadow_share else ""
    moved = f"{one.id:>4}  {one.at:%Y-%m-%d %H:%M:%S}  {one.alias.value:<9} {one.kind.value:<8} {to}{shares}{instead}"
    return f"{moved}, by {one.who}: {one.why}{gate}"


def _shares(one: "Release") -> str:
    return f"{one.checkpoint.trace_id if one.checkpoint else 'none'}  ({_parts(one)})"


def _parts(one: "Release") -> str:
    said = [f"answers {one.share:.1%}"] if one.share else []
    return ", ".join([*said, f"in the shadow of {one.shadow_share:.1%}"] if one.shadow_share else said)


def _row(one: "Release") -> dict[str, Any]:
    row = one._asdict() | {"at": one.at.isoformat()}
    for name in ("checkpoint", "replaces"):
        found = getattr(one, name)
        row[name] = found._asdict() | {"trace_id": found.trace_id} if found else None
    return row


def _run(one: "CandidateRun") -> dict[str, Any]:
    return one._asdict() | {"differs": [d._asdict() for d in one.differs], "at": one.at.isoformat()}
