"""`returns-desk keys`: create, list and revoke the API keys of shops. How keys look is `services.api.keyring`."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from workers.commands.output import NEGATIVE, bad_input

if TYPE_CHECKING:
    from services.store.sessions import Sessions

app = typer.Typer(help="Create, list and revoke the API keys of shops.", no_args_is_help=True)

SHOP_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
SHOWN_CHARACTERS = 12
"""How much of a key is kept readable, so that people can tell keys apart: 8 of its 43 random characters."""


@app.command()
def create(
    *,
    shop: Annotated[str, typer.Option(help="The shop the key belongs to; a new shop is added.")],
    name: Annotated[str, typer.Option(help="What the key is for, such as `checkout service`.")] = "default",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Create a key and print it, this once: only its SHA-256 is kept.

    Example: returns-desk keys create --shop sample-shop --name checkout
    """
    from services.api.keyring import digest_of_key, new_key  # noqa: PLC0415 - keeps --help fast
    from services.store.api_keys import add_key  # noqa: PLC0415

    if not SHOP_ID.fullmatch(shop):
        bad_input(f"--shop: {shop!r} is no shop id; use small letters, digits, dots, dashes, at most 63")
    if not name.strip() or len(name) > 100 or not name.isprintable():
        bad_input("--name: give 1 to 100 printable characters")
    key = new_key()
    with _sessions() as opener, opener() as session:
        prefix = key[:SHOWN_CHARACTERS]
        key_id = add_key(session, shop, name, datetime.now(UTC), prefix=prefix, digest=digest_of_key(key))
    if as_json:
        typer.echo(json.dumps({"id": key_id, "shop": shop, "name": name, "key": key}))
    else:
        typer.echo(key)
        typer.echo(f"{key_id} of {shop}; it is not shown again", err=True)


@app.command("list")
def list_all(
    *,
    shop: Annotated[str | None, typer.Option(help="Only keys of this shop.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """List keys by their first characters, with their last use.

    Example: returns-desk keys list --shop sample-shop
    """
    from services.store.api_keys import list_keys  # noqa: PLC0415

    with _sessions() as opener, opener() as session:
        keys = list_keys(session, shop)
    if as_json:
        typer.echo(json.dumps([key._asdict() for key in keys], default=str))
        return
    for key in keys:
        state = f"revoked {key.revoked_at:%Y-%m-%d}" if key.revoked_at else "valid"
        used = f"last used {key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never used"
        typer.echo(f"{key.id}  {key.shop_id:<20} {key.prefix}…  {key.name:<20} {state:<18} {used}")
    if not keys:
        typer.echo("no keys; `returns-desk keys create --shop SHOP` makes one")


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="The id that `keys list` shows.")]) -> None:
    """Revoke a key. Running API processes stop taking it within ten seconds.

    Example: returns-desk keys revoke key_0199a3c1f0a47c1d9be24f6a8d3e5b70
    """
    from services.store.api_keys import revoke_key  # noqa: PLC0415

    with _sessions() as opener, opener() as session:
        revoked = revoke_key(session, key_id, datetime.now(UTC))
    if not revoked:
        typer.echo(f"returns-desk: no valid key has the id {key_id!r}; `returns-desk keys list` shows ids", err=True)
        raise typer.Exit(NEGATIVE)
    typer.echo(f"revoked {key_id}")


@contextmanager
def _sessions() -> Iterator["Sessions"]:
    """Open the configured database, and say in one line where there is none."""
    from sqlalchemy.exc import OperationalError, ProgrammingError  # noqa: PLC0415

    from infra.database import DatabaseNotConfigured, engine_from  # noqa: PLC0415
    from infra.settings import SettingsInvalid, get_settings  # noqa: PLC0415
    from services.store.sessions import sessions  # noqa: PLC0415

    try:
        engine = engine_from(get_settings(), application_name="returns-desk-keys")
    except (DatabaseNotConfigured, SettingsInvalid) as error:
        bad_input(str(error))
    try:
        yield sessions(engine)
    except OperationalError:
        bad_input("DATABASE_URL: the database does not answer; start it with `returns-desk up`, or correct the address")
    except ProgrammingError:
        bad_input("DATABASE_URL: the database has no tables yet; `returns-desk up` creates them")
    finally:
        engine.dispose()
