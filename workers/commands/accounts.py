"""`returns-desk accounts`: people who may log in to the review pages. What each role may do is `domain.review`."""

import json
import re
import secrets
from datetime import UTC, datetime
from typing import Annotated

import typer

from infra.settings import Settings
from workers.commands.opened import opened
from workers.commands.output import NEGATIVE, bad_input

app = typer.Typer(help="Add and list the people who may log in to /review and /ops.", no_args_is_help=True)

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
ROLES = ("reviewer", "adjudicator", "operator", "admin")
FIRST_ADMIN = "admin"
LATER_VARIABLE = "FIRST_ADMIN_LATER"
"""Set for a desk whose output goes to a file: the password belongs on the screen of who started it, nowhere else."""


def bootstrap_admin(settings: Settings) -> str | None:
    """Add the first administrator where there is no account yet; return what to print, once. None where there is one.

    The password is kept nowhere but in this line, and must be changed at the first login.
    """
    from infra.database import engine_from  # noqa: PLC0415 - keeps --help fast
    from review_ui.login import hasher  # noqa: PLC0415
    from services.store.accounts import add_first_admin  # noqa: PLC0415
    from services.store.sessions import sessions  # noqa: PLC0415

    password = secrets.token_urlsafe(12)
    engine = engine_from(settings, application_name="returns-desk-accounts")
    try:
        with sessions(engine)() as session:
            added = add_first_admin(session, FIRST_ADMIN, hasher().hash(password), datetime.now(UTC))
    finally:
        engine.dispose()
    return (
        f"first administrator of /review: {FIRST_ADMIN} / {password} (shown once; change it there)" if added else None
    )


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What labels and the audit log will call this person; for ever.")],
    *,
    role: Annotated[str, typer.Option(help="reviewer, adjudicator, operator or admin.")] = "reviewer",
    shown_name: Annotated[str, typer.Option("--shown-as", help="The name on the pages.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Add a person and print a password, this once; it must be changed at the first login.

    Example: returns-desk accounts add kim --role adjudicator
    """
    from review_ui.login import hasher  # noqa: PLC0415
    from services.domain.review import Role  # noqa: PLC0415
    from services.store.accounts import NameTaken, add_account  # noqa: PLC0415

    if not NAME.fullmatch(name):
        bad_input(f"NAME: {name!r} is no account name; use small letters, digits, dots, dashes, at most 64")
    if role not in ROLES:
        bad_input(f"--role: {role!r} is no role; one of {', '.join(ROLES)}")
    password = secrets.token_urlsafe(12)
    with opened("returns-desk-accounts") as opener:
        try:
            with opener() as session:
                now, hashed = datetime.now(UTC), hasher().hash(password)
                add_account(
                    session, name, Role(role), hashed, actor="returns-desk accounts", now=now, shown_name=shown_name
                )
        except NameTaken as error:
            bad_input(str(error))
    if as_json:
        typer.echo(json.dumps({"name": name, "role": role, "password": password}))
    else:
        typer.echo(password)
        typer.echo(f"{name}, {role}; the password is not shown again", err=True)


@app.command("list")
def list_all(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False
) -> None:
    """List accounts with their roles.

    Example: returns-desk accounts list
    """
    from services.store.accounts import list_accounts  # noqa: PLC0415

    with opened("returns-desk-accounts") as opener, opener() as session:
        found = list_accounts(session)
    if as_json:
        typer.echo(json.dumps([account._asdict() for account in found], default=str))
        return
    for account in found:
        state = "disabled" if account.disabled_at else "must change password" if account.must_change else ""
        typer.echo(f"{account.name:<24} {account.role.value:<12} {state}".rstrip())


@app.command()
def password(name: Annotated[str, typer.Argument(help="Whose password to replace.")]) -> None:
    """Give a new password and print it, this once; all sessions of the account end.

    Example: returns-desk accounts password kim
    """
    from review_ui.login import hasher  # noqa: PLC0415
    from services.store.accounts import list_accounts, set_password  # noqa: PLC0415

    fresh = secrets.token_urlsafe(12)
    with opened("returns-desk-accounts") as opener, opener() as session:
        if name not in {account.name for account in list_accounts(session)}:
            typer.echo(f"returns-desk: no account is named {name!r}; `returns-desk accounts list` shows them", err=True)
            raise typer.Exit(NEGATIVE)
        set_password(session, name, hasher().hash(fresh), actor="returns-desk accounts", now=datetime.now(UTC))
    typer.echo(fresh)
