"""`returns-desk audit`: verify the sealed log and write it out. What is logged, and how, is the store's."""

import json
from typing import Annotated

import typer

from workers.commands.opened import opened
from workers.commands.output import NEGATIVE

app = typer.Typer(help="Verify and export the audit log.", no_args_is_help=True)

CHUNK = 1_000


@app.command()
def verify(
    *,
    expect: Annotated[
        str | None, typer.Option(help="The last hash you kept elsewhere: shows whether the end was cut off.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Recompute every seal. Exits with 1 where an entry was changed, removed or inserted.

    Example: returns-desk audit verify
    """
    from services.store.audit import find_hash, verify_chain  # noqa: PLC0415 - keeps --help fast

    with opened("returns-desk-audit") as opener, opener() as session:
        state = verify_chain(session)
        cut = expect is not None and not find_hash(session, expect)
    broken = state.broken_at is not None or cut
    if as_json:
        typer.echo(json.dumps({**state._asdict(), "expected_found": None if expect is None else not cut}))
    elif state.broken_at is not None:
        typer.echo(f"BROKEN at entry {state.broken_at} after {state.rows} good ones: {state.why}")
    elif cut:
        typer.echo(f"CUT: {state.rows} entries fit, but the hash you kept is not among them: the end was removed")
    else:
        typer.echo(f"ok: {state.rows} entries, last hash {state.last_hash}")
    if broken:
        raise typer.Exit(NEGATIVE)


@app.command()
def export(*, out: Annotated[typer.FileTextWrite, typer.Option(help="Where to write, - for standard output.")]) -> None:
    """Write the whole log as JSON lines, oldest first, with the seals.

    Example: returns-desk audit export --out audit.jsonl
    """
    from services.store.audit import all_entries  # noqa: PLC0415

    with opened("returns-desk-audit") as opener, opener() as session:
        for entry in all_entries(session):
            out.write(json.dumps({**entry._asdict(), "at": entry.at.isoformat()}, ensure_ascii=False) + "\n")
