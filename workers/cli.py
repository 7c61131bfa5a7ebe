"""The `returns-desk` command: mounts the command groups. Holds no behaviour of its own."""

import typer

from workers.commands import accounts, audit, data, failures, jobs, keys, nightly, policies, release, train, up
from workers.commands import bench as bench_command
from workers.commands import checkpoint as checkpoint_command
from workers.commands import decide as decide_command
from workers.commands import footprint as footprint_command
from workers.commands import gate as gate_command
from workers.commands import snapshot as snapshot_command
from workers.commands import submit as submit_command
from workers.commands import train_rlvr as rlvr_command
from workers.commands import verify as verify_command

app = typer.Typer(
    name="returns-desk",
    help="A self-hosted returns desk: decide, verify, review, retrain, release.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def main() -> None:
    """Show help on any command with `returns-desk COMMAND --help`."""


app.command()(up.up)
app.command()(up.status)
app.command()(up.down)
app.command()(submit_command.submit)
app.add_typer(keys.app, name="keys")
app.add_typer(jobs.app, name="jobs")
app.command()(verify_command.verify)
app.command()(decide_command.decide)
app.command("eval")(decide_command.evaluate)
app.command()(bench_command.bench)
app.command()(footprint_command.footprint)
app.add_typer(policies.app, name="policies")
app.add_typer(accounts.app, name="accounts")
app.add_typer(audit.app, name="audit")
data.app.command()(snapshot_command.snapshot)
app.add_typer(data.app, name="data")
train.app.command()(rlvr_command.rlvr)
app.add_typer(train.app, name="train")
app.add_typer(checkpoint_command.app, name="checkpoint")
app.add_typer(nightly.app, name="nightly")
app.command()(gate_command.gate)
app.add_typer(release.app, name="release")
app.add_typer(failures.app, name="failures")

if __name__ == "__main__":
    app()
