"""JSON lines in and out of commands; bad input ends with one line that names file, line and field."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from workers.commands.output import bad_input


def read_rows(source: str, option: str = "--in") -> Iterator[tuple[int, Any]]:
    """Yield (line number, value) of a file, or of standard input for `-`. Empty lines are skipped.

    What a value must hold is the command's business; that it is JSON in UTF-8 is checked here.
    """
    if source != "-" and not Path(source).is_file():
        bad_input(f"{option}: no file {source}; give a JSONL file or - for standard input")
    try:
        lines = sys.stdin if source == "-" else Path(source).open(encoding="utf-8")  # noqa: SIM115 - closed below
    except OSError as error:
        bad_input(f"{option}: cannot read {source}: {error.strerror}")
    with lines:
        number = 0
        while line := _next_line(lines, source, option):
            number += 1
            if line.strip():
                yield number, _value(line, number, option)


def _next_line(lines: TextIO, source: str, option: str) -> str:
    try:
        return lines.readline()
    except UnicodeDecodeError:
        bad_input(f"{option}: {source} is not UTF-8; save the file as UTF-8")


def _value(line: str, number: int, option: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        bad_input(f"{option}: line {number}: not JSON ({error.msg}); write one object a line")


@contextmanager
def writer(target: str) -> Iterator[TextIO]:
    """Open a file to write, or standard output for `-`."""
    if target == "-":
        yield sys.stdout
        return
    try:
        file = Path(target).open("w", encoding="utf-8")  # noqa: SIM115 - closed below, after a clear refusal here
    except OSError as error:
        bad_input(f"--out: cannot write {target}: {error.strerror}")
    with file:
        yield file


def write_line(target: TextIO, row: dict[str, Any]) -> None:
    target.write(json.dumps(row, ensure_ascii=False) + "\n")
    target.flush()
