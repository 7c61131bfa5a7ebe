"""JSON lines in and out of commands; bad input ends with one line that names file, line and field."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from workers.commands.output import bad_input


def read_rows(source: str, option: str = "--in") -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number, object) of a file, or of standard input for `-`. Empty lines are skipped."""
    if source != "-" and not Path(source).is_file():
        bad_input(f"{option}: no file {source}; give a JSONL file or - for standard input")
    with _opened(source) as lines:
        number = 0
        while True:
            number += 1
            try:
                line = lines.readline()
            except UnicodeDecodeError:
                bad_input(f"{option}: {source} line {number} is not UTF-8; save the file as UTF-8")
            if not line:
                return
            if line.strip():
                yield number, _object(line, number, option)


def _opened(source: str) -> TextIO:
    if source == "-":
        return sys.stdin
    return Path(source).open(encoding="utf-8")


def _object(line: str, number: int, option: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        bad_input(f"{option}: line {number} is not JSON ({error.msg}); write one object a line")
    if not isinstance(row, dict):
        bad_input(f"{option}: line {number} is not an object; write one JSON object a line")
    return row


def write_line(target: TextIO, row: dict[str, Any]) -> None:
    target.write(json.dumps(row, ensure_ascii=False) + "\n")
    target.flush()
