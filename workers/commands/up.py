"""`returns-desk up`, `status` and `down`: the whole desk on one machine."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from infra.leftovers import EmbeddedServerError
from infra.run_state import AlreadyRunning, RunState
from infra.settings import Settings, SettingsInvalid, get_settings, load_settings
from workers.commands.accounts import LATER_VARIABLE, bootstrap_admin
from workers.commands.output import NEGATIVE, bad_input

STOP_SECONDS = 30
DETACH_SECONDS = 300


def up(
    *,
    detach: Annotated[
        bool, typer.Option("--detach", help="Return as soon as it is ready, and keep it running.")
    ] = False,
    samples: Annotated[bool, typer.Option("--samples", help="Submit the sample requests and print outcomes.")] = False,
) -> None:
    """Start everything on this machine: PostgreSQL, Valkey, API, review pages, workers, beat.

    Example: PORT=8001 returns-desk up --detach
    """
    settings = _settings()
    if detach:
        _detach(settings, samples=samples)
        return
    from infra.reach import NotReachable  # noqa: PLC0415 - keeps --help fast
    from infra.supervisor import ProgramFailed  # noqa: PLC0415
    from workers.desk import Desk, PrepareFailed  # noqa: PLC0415

    try:
        Desk(settings).run(samples=sample_file() if samples else None)
    except (AlreadyRunning, EmbeddedServerError, NotReachable) as error:
        bad_input(str(error))
    except (PrepareFailed, ProgramFailed) as error:
        typer.echo(f"returns-desk: {error}", err=True)
        raise typer.Exit(NEGATIVE) from error


def status(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False) -> None:
    """Say which processes of the desk run. Exits with 1 when it is not up.

    Example: returns-desk status --json
    """
    state = RunState(_settings().var_dir).read()
    if state is None:
        typer.echo(
            json.dumps({"phase": "down", "processes": []}) if as_json else "down: start it with `returns-desk up`"
        )
        raise typer.Exit(NEGATIVE)
    if as_json:
        typer.echo(json.dumps(state._asdict() | {"processes": [process._asdict() for process in state.processes]}))
    else:
        typer.echo(f"{state.phase} at {state.url} (pid {state.pid}, since {state.started_at})")
        for process in state.processes:
            typer.echo(
                f"  {process.name:<10} {process.state:<10} pid {process.pid or '-':<8} restarts {process.restarts}"
            )
    if state.phase != "ready" or any(process.state != "running" for process in state.processes):
        raise typer.Exit(NEGATIVE)


def down() -> None:
    """Stop the desk that runs on this state directory, and whatever a killed one left behind.

    Example: returns-desk down
    """
    run_state = RunState(_settings().var_dir)
    owner = run_state.owner()
    if owner is not None:
        os.kill(owner, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while run_state.owner() == owner:
            if time.monotonic() > deadline:
                typer.echo(f"returns-desk: pid {owner} did not stop within {STOP_SECONDS} s", err=True)
                raise typer.Exit(NEGATIVE)
            time.sleep(0.1)
    stopped = run_state.stop_orphans()
    if owner is None and not stopped:
        typer.echo("nothing was running")
    else:
        typer.echo("stopped" + (f", and {stopped} processes that a killed desk had left" if stopped else ""))


def sample_file() -> Path:
    """Return the sample requests that ship with the product."""
    return Path(__file__).parents[2] / "infra" / "samples" / "requests.jsonl"


def _settings() -> Settings:
    try:
        return load_settings()
    except SettingsInvalid as error:
        bad_input(str(error))


def _detach(settings: Settings, *, samples: bool) -> None:
    run_state = RunState(settings.var_dir)
    owner = run_state.owner()
    if owner is not None:
        bad_input(f"already running on {run_state.var_dir} (pid {owner}): stop it with `returns-desk down`")
    log = run_state.var_dir / "log" / "up.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "workers.cli", "up", *(["--samples"] if samples else [])]
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command line
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env={**os.environ, LATER_VARIABLE: "1"},
        )
    deadline = time.monotonic() + DETACH_SECONDS
    while time.monotonic() < deadline:
        state = run_state.read()
        if state is not None and state.phase == "ready":
            typer.echo(f"up at {state.url} (pid {state.pid}); logs in {log.parent}; stop it with `returns-desk down`")
            if told := bootstrap_admin(get_settings()):
                typer.echo(told)
            return
        if process.poll() is not None:
            last = (log.read_text(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
            typer.echo(last, err=True)
            raise typer.Exit(process.returncode or NEGATIVE)
        time.sleep(0.2)
    typer.echo(f"returns-desk: not ready after {DETACH_SECONDS} s, still trying; see {log}", err=True)
    raise typer.Exit(NEGATIVE)
