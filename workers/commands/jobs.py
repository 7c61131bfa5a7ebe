"""`returns-desk jobs`: what waits, what failed and why, and another start for what failed."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from workers.commands.opened import opened
from workers.commands.output import bad_input

app = typer.Typer(help="See jobs, and give one that failed another start.", no_args_is_help=True)

STATES = ("ready", "running", "done", "failed", "quarantined")


@app.command("list")
def list_all(
    *,
    state: Annotated[str, typer.Option(help="ready, running, done, failed, quarantined, or several with commas.")] = (
        "ready,running,failed,quarantined"
    ),
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most jobs to show, the newest first.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """List jobs that are not done, with their attempts and last error.

    Example: returns-desk jobs list --state failed,quarantined
    """
    from services.store.jobs_view import list_jobs  # noqa: PLC0415 - keeps --help fast

    wanted = [one.strip() for one in state.split(",") if one.strip()]
    unknown = next((one for one in wanted if one not in STATES), None)
    if unknown is not None or not wanted:
        bad_input(f"--state: {unknown or 'nothing'} is no state; use {', '.join(STATES)}")
    with opened("returns-desk-jobs") as opener, opener() as session:
        found = list_jobs(session, wanted, limit)
    if as_json:
        typer.echo(json.dumps([one._asdict() for one in found], default=str, indent=1))
        return
    for one in found:
        error = f"  {one.last_error[:100]}" if one.last_error else ""
        typer.echo(f"{one.id}  {one.state:<11}  attempt {one.attempt}  crashes {one.crashes}  {one.subject_id}{error}")
    if not found:
        typer.echo(f"no job is {' or '.join(wanted)}")


@app.command()
def retry(
    job_id: Annotated[str, typer.Argument(help="The job, as `jobs list` names it.")],
    by: Annotated[str, typer.Option(help="Who asks for it; stands in the audit log.")] = "operator",
) -> None:
    """Give a failed or quarantined job a fresh start; its return leaves the review queue.

    Example: returns-desk jobs retry job_0199a1
    """
    from services.store.jobs_view import NotToBeRetried, retry_job  # noqa: PLC0415

    try:
        with opened("returns-desk-jobs") as opener, opener() as session:
            retry_job(session, job_id, by, datetime.now(UTC))
    except NotToBeRetried as error:
        bad_input(str(error))
    typer.echo(f"{job_id} is ready again")
