"""What a person sees of many processes in one terminal: prefixed, coloured lines, and the same lines in files.

Product lines (steps, outcomes, addresses) go to standard output, log lines to standard error. Where standard error is
no terminal, log lines are JSON, each with its process. Not responsible for what the lines say.
"""

import contextlib
import json
import logging
import logging.handlers
import os
import re
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from infra.logs import COLOUR_VARIABLE, PROCESS_VARIABLE
from infra.settings import LogFormat

LOG_FILE_BYTES = 10 * 2**20
LOG_FILES_KEPT = 3
SECONDS_BETWEEN_WORDS = 15.0
_COLOURS = ("36", "33", "32", "35", "34", "96", "93", "92", "95", "94")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_ALARMING = re.compile(
    r"\b(FATAL|PANIC|ERROR|CRITICAL|Fatal error)\b(?!:  the database system is (starting up|shutting down))"
)


class Console:
    """Writes lines of many threads, one at a time."""

    def __init__(self, log_dir: Path, log_format: LogFormat, names: list[str]) -> None:
        terminal = sys.stderr.isatty()
        self.as_json = log_format is LogFormat.JSON or (log_format is LogFormat.AUTO and not terminal)
        self._colours = terminal and not os.environ.get("NO_COLOR")
        self._log_dir = log_dir
        self._width = max((len(name) for name in names), default=8)
        self._colour_of = {name: _COLOURS[index % len(_COLOURS)] for index, name in enumerate(names)}
        self._files: dict[str, logging.Handler] = {}
        self._lock = threading.Lock()
        self._waiting = False
        self._shown_wait = ""
        self._next_word_seconds = SECONDS_BETWEEN_WORDS

    def environment(self, name: str) -> dict[str, str]:
        """Return what makes a child of ours log in the format of this console."""
        environment = {"LOG_FORMAT": "json" if self.as_json else "console", PROCESS_VARIABLE: name}
        return environment | ({COLOUR_VARIABLE: "1"} if self._colours else {})

    def say(self, line: str) -> None:
        """Print a product line on standard output."""
        with self._lock:
            self._clear()
            print(line, flush=True)

    def step(self, line: str) -> None:
        """Print what is being done, dimmed on a terminal."""
        self.say(f"\x1b[2m{line}\x1b[0m" if sys.stdout.isatty() and self._colours else line)

    def waiting(self, what: str, seconds: float) -> None:
        """Show what is waited for and how long already: in place on a terminal, now and then elsewhere."""
        text = f"waiting for {what} … {seconds:.0f} s"
        if sys.stdout.isatty():
            with self._lock:
                if self._waiting and text == self._shown_wait:
                    return
                self._shown_wait = text
                print(f"\r\x1b[K\x1b[2m{text}\x1b[0m", end="", flush=True)
                self._waiting = True
        elif seconds >= self._next_word_seconds:
            self._next_word_seconds += SECONDS_BETWEEN_WORDS
            self.step(text)

    def waited(self) -> None:
        """Say that the wait is over."""
        with self._lock:
            self._clear()
            self._next_word_seconds = SECONDS_BETWEEN_WORDS

    def event(self, event: str, **facts: object) -> None:
        """Log a line of the supervisor itself."""
        if self.as_json:
            line = json.dumps(
                {"event": event, **facts, "process": "desk", "timestamp": _now().isoformat()}, default=str
            )
        else:
            line = " ".join([f"{_now():%H:%M:%S}", event, *(f"{key}={value}" for key, value in facts.items())])
        self.line("desk", line)

    def line(self, name: str, line: str, *, quiet: bool = False) -> None:
        """Show one line of a process, and keep it in its file. A quiet process shows only what alarms."""
        plain = _ANSI.sub("", line)
        with self._lock:
            self._file(name).emit(logging.makeLogRecord({"msg": plain}))
            if not quiet or _ALARMING.search(plain):
                self._clear()
                print(self._shown(name, line, plain), file=sys.stderr, flush=True)

    def tail(self, name: str, lines: int = 15) -> list[str]:
        """Return the last lines that a process wrote."""
        try:
            return (self._log_dir / f"{name}.log").read_text(errors="replace").splitlines()[-lines:]
        except OSError:
            return []

    def last_words(self, name: str) -> str:
        """Return the last thing a process said, in plain words."""
        last = next((line.strip() for line in reversed(self.tail(name)) if line.strip()), "it said nothing")
        with contextlib.suppress(ValueError):
            said = json.loads(last)
            return str(said.get("event", last)) if isinstance(said, dict) else last
        return last

    def close(self) -> None:
        for handler in self._files.values():
            handler.close()
        self._files.clear()

    def _clear(self) -> None:
        if self._waiting:
            print("\r\x1b[K", end="", flush=True)
            self._waiting = False

    def _shown(self, name: str, line: str, plain: str) -> str:
        if self.as_json:
            is_json = plain.startswith("{") and plain.endswith("}")
            return plain if is_json else json.dumps({"event": plain, "process": name, "timestamp": _now().isoformat()})
        prefix = f"{name:<{self._width}} |"
        return (
            f"\x1b[{self._colour_of.get(name, '90')}m{prefix}\x1b[0m {line}" if self._colours else f"{prefix} {plain}"
        )

    def _file(self, name: str) -> logging.Handler:
        if name not in self._files:
            self._log_dir.mkdir(parents=True, exist_ok=True)
            self._files[name] = logging.handlers.RotatingFileHandler(
                self._log_dir / f"{name}.log", maxBytes=LOG_FILE_BYTES, backupCount=LOG_FILES_KEPT
            )
        return self._files[name]


def _now() -> datetime:
    return datetime.now(UTC)
