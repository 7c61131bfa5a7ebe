"""How every command ends: 0 success, 1 a negative result, 2 bad input with one clear line on standard error."""

from typing import NoReturn

import typer

NEGATIVE = 1
BAD_INPUT = 2


def bad_input(message: str) -> NoReturn:
    """Print one line that names the field and the remedy, and exit with 2."""
    typer.echo(f"returns-desk: {message}", err=True)
    raise typer.Exit(BAD_INPUT)
