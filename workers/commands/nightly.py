"""`returns-desk nightly`: run tonight's loop now, or see how nights went. The night itself is lifecycle's."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.commands.opened import opened
from workers.commands.output import NEGATIVE, bad_input

if TYPE_CHECKING:
    from services.domain.jobs import Lease
    from services.store.sessions import Sessions
    from workers.nightly_parts import NightDesk

app = typer.Typer(help="The nightly loop: snapshot, train, evaluate, gate, release or block.", no_args_is_help=True)

FOLLOW_SECONDS = 2.0


@app.command()
def run(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be trained and how long it takes; change nothing.")
    ] = False,
    max_minutes: Annotated[float | None, typer.Option(min=0.1, help="Budget; NIGHTLY_MAX_MINUTES if omitted.")] = None,
    release: Annotated[
        bool, typer.Option("--release/--no-release", help="Whether a candidate that the gate ships becomes champion.")
    ] = True,
    by: Annotated[str, typer.Option(help="Who asks for it; stands on record.")] = "operator",
    as_json: Annotated[bool, typer.Option("--json", help="Print the ending as JSON.")] = False,
) -> None:
    """Run a night now; one that was interrupted goes on where it was. Exits with 1 where nothing was shipped.

    Example: returns-desk nightly run --max-minutes 45
    """
    with opened("returns-desk-nightly") as opener:
        desk = _desk(opener)
        if dry_run:
            _preview(desk, max_minutes)
            return
        night_id = _run(desk, max_minutes, by, release=release)
        _tell(opener, night_id, as_json)


@app.command("list")
def list_all(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Nights to show, the newest first.")] = 14,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List nights with their endings.

    Example: returns-desk nightly list
    """
    from services.store.nightly import nights  # noqa: PLC0415 - keeps --help fast

    with opened("returns-desk-nightly") as opener, opener() as session:
        found = nights(session, limit)
    if as_json:
        typer.echo(json.dumps([one.model_dump(mode="json") for one in found], indent=1))
        return
    for one in found:
        typer.echo(f"{one.id:<13} {one.status:<10} {one.note[:160]}")
    if not found:
        typer.echo("no night has run yet")


@app.command()
def show(
    night_id: Annotated[str, typer.Argument(help="The night, as `nightly list` names it.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show a night's stages, what they said, and the gate's report.

    Example: returns-desk nightly show 2026-11-24
    """
    with opened("returns-desk-nightly") as opener:
        _tell(opener, night_id, as_json, exits=False)


def _desk(opener: "Sessions") -> "NightDesk":
    from infra.settings import get_settings  # noqa: PLC0415
    from workers.programs import share_the_machine  # noqa: PLC0415

    settings = get_settings()
    share_the_machine(settings)  # Before torch is loaded: a night by hand stands beside a desk at work.
    from workers.nightly_parts import NightDesk  # noqa: PLC0415
    from workers.releasing import Releasing  # noqa: PLC0415
    from workers.wiring import SystemClock  # noqa: PLC0415

    clock = SystemClock()
    return NightDesk(settings, opener, clock, Releasing(settings, opener, clock))


def _preview(desk: "NightDesk", minutes: float | None) -> None:
    from services.inference.cards import CheckpointError  # noqa: PLC0415
    from workers.nightly_parts import plan_of  # noqa: PLC0415

    try:
        lines = desk.preview(plan_of(desk.settings, minutes))
    except CheckpointError as error:
        bad_input(f"the champion cannot be loaded: {error}")
    for line in lines:
        typer.echo(line)


def _run(desk: "NightDesk", minutes: float | None, by: str, *, release: bool) -> str:
    """Run the night here, or follow it where a worker was faster; return its id."""
    from infra.identity import process_name  # noqa: PLC0415
    from services.domain.jobs import JobKind  # noqa: PLC0415
    from services.store import night_jobs  # noqa: PLC0415
    from workers.nightly_parts import plan_of  # noqa: PLC0415
    from workers.wiring import make_jobs  # noqa: PLC0415
    from workers.work import Heartbeat  # noqa: PLC0415

    now = datetime.now(UTC)
    ledger = make_jobs(desk.settings, desk.sessions, {JobKind.NIGHTLY: night_jobs.give_up_night})
    ledger.sweep()
    with desk.sessions() as session:
        night_id = night_jobs.night_to_run(session, now.date())
        job_id = night_jobs.take_up(session, night_id, by, now)
    lease = next(iter(ledger.claim(JobKind.NIGHTLY, process_name(), prefer=job_id)), None)
    if lease is None or lease.job_id != job_id:
        if lease is not None:
            ledger.release(lease, "another night was asked for")
        _follow(desk.sessions, night_id)
        return night_id
    first = desk.first(night_id, now.date(), by, plan_of(desk.settings, minutes, release=release))
    with Heartbeat(ledger, timedelta(seconds=desk.settings.heartbeat_seconds)) as pulse:
        pulse.keep([lease])
        _attempt(desk, ledger, lease, first)
    return night_id


def _attempt(desk: "NightDesk", ledger: Any, lease: "Lease", first: Any) -> None:
    """Run the night under its lease; what stopped it is said in one line, and the night can be taken up again."""
    from lifecycle.runs import RunError  # noqa: PLC0415
    from services.domain.jobs import LeaseLost  # noqa: PLC0415
    from services.domain.releases import NotReleased  # noqa: PLC0415
    from services.inference.cards import CheckpointError  # noqa: PLC0415
    from services.store import jobs  # noqa: PLC0415

    try:
        desk.run(lease.subject_id, lease, _say, first)
    except KeyboardInterrupt:
        ledger.release(lease, "interrupted")
        typer.echo(f"\nnight {lease.subject_id} is interrupted; `returns-desk nightly run` goes on with it", err=True)
        raise typer.Exit(130) from None
    except LeaseLost:
        _follow(desk.sessions, lease.subject_id)
    except (RunError, CheckpointError, NotReleased, OSError, ValueError) as error:
        ledger.retry(lease, f"{type(error).__name__}: {error}")
        bad_input(f"night {lease.subject_id} stopped: {error}; mend it, and `returns-desk nightly run` goes on")
    else:
        with desk.sessions() as session:
            jobs.finish(session, lease)


def _follow(opener: "Sessions", night_id: str) -> None:
    """Print what a worker puts on record about the night, until it ends."""
    from services.store.night_jobs import state_of  # noqa: PLC0415
    from services.store.nightly import night_log  # noqa: PLC0415

    typer.echo(f"a worker runs night {night_id}; following it", err=True)
    last = 0
    while True:
        with opener() as session:
            state, lines = state_of(session, night_id), night_log(session, night_id, after=last)
        for line in lines:
            _say(line.stage, line.line)
            last = line.id
        if state not in {"ready", "running"}:
            return
        time.sleep(FOLLOW_SECONDS)


def _say(stage: str, line: str) -> None:
    typer.echo(f"{datetime.now(UTC):%H:%M:%S} {stage:<9} {line}", err=True)


def _tell(opener: "Sessions", night_id: str, as_json: bool, *, exits: bool = True) -> None:
    from lifecycle.gate import as_markdown  # noqa: PLC0415
    from services.domain.nights import NightStatus  # noqa: PLC0415
    from services.store import nightly as reads  # noqa: PLC0415

    with opener() as session:
        night, stages = reads.night(session, night_id), reads.stages(session, night_id)
        stored = reads.gate_report(session, night.gate_report_id) if night and night.gate_report_id else None
    if night is None:
        bad_input(f"there is no night {night_id!r}; `returns-desk nightly list` names them")
    if as_json:
        document = {
            "night": night.model_dump(mode="json"),
            "stages": [one.model_dump(mode="json", exclude={"curve"}) for one in stages],
            "report": stored.report.model_dump(mode="json") if stored else None,
        }
        typer.echo(json.dumps(document, indent=1))
    else:
        for one in stages:
            typer.echo(f"{one.name:<9} {one.status:<8} {one.seconds:7.1f} s  {one.note}")
        if stored is not None:
            typer.echo("\n" + as_markdown(stored.report) + "\n")
        typer.echo(f"night {night.id}: {night.status.upper()}: {night.note}")
    if exits and night.status is not NightStatus.SHIPPED:
        raise typer.Exit(NEGATIVE)
