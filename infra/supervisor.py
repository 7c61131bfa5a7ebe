"""Run a set of programs as one: start, watch, restart with backoff, stop with their whole process trees.

Knows nothing of what the programs do. The caller says in which order they start and what happens in between
(`workers.commands.up`); `infra.run_state` keeps the lock and finds orphans.
"""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import IO, Any

import psutil

from infra.console import Console
from infra.run_state import Process

STEADY_SECONDS = 30.0
LONGEST_BACKOFF_SECONDS = 30.0
CRASHES_BEFORE_READY = 3


class StopRequested(Exception):
    """Somebody pressed Ctrl-C or sent SIGTERM."""


class ProgramFailed(RuntimeError):
    """A program ended again and again before it was ever ready; the message is one line with its last words."""


@dataclass(frozen=True)
class Program:
    """One long-running command. `before_start` runs before each start; a quiet program shows only warnings."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    popen_arguments: Mapping[str, Any] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    stop_grace_seconds: float = 8.0
    before_start: Callable[[], None] | None = None
    quiet: bool = False


class _Child:
    """A program and the process that runs it now, if any."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.process: subprocess.Popen[bytes] | None = None
        self.reader: threading.Thread | None = None
        self.started_at = 0.0
        self.crashes = 0
        self.restarts = 0
        self.restart_at: float | None = None

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Owns the processes of one desk. Use from one thread; only the readers of output are threads of their own."""

    def __init__(self, console: Console, environment: Mapping[str, str]) -> None:
        self._console = console
        self._environment = dict(environment)
        self._children: dict[str, _Child] = {}
        self._signals = 0

    def add_environment(self, more: Mapping[str, str]) -> None:
        """Give every program started from now on these variables too."""
        self._environment |= more

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """Turn Ctrl-C, SIGTERM and a closed terminal into an orderly stop; a second one kills at once."""
        watched = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self._on_signal) for number in watched}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def start(self, program: Program) -> None:
        """Start a program and keep it running until `stop`."""
        child = _Child(program)
        self._children[program.name] = child
        self._launch(child)

    def check(self) -> None:
        """Restart what ended. Raises StopRequested after a signal."""
        if self._signals:
            raise StopRequested
        now = time.monotonic()
        for child in self._children.values():
            if child.running:
                continue
            if child.restart_at is None:
                self._plan_restart(child, now)
            elif now >= child.restart_at:
                child.restarts += 1
                self._launch(child)

    def wait_until(
        self, ready: Callable[[], bool], names: Sequence[str], timeout_seconds: float, what: str = ""
    ) -> bool:
        """Watch the programs until `ready` says yes, saying that `what` is waited for. False when the time is over.

        Raises ProgramFailed when one of `names` keeps ending, and StopRequested.
        """
        began = time.monotonic()
        try:
            return self._wait(ready, names, began, timeout_seconds, what or " and ".join(names))
        finally:
            self._console.waited()

    def _wait(
        self, ready: Callable[[], bool], names: Sequence[str], began: float, timeout_seconds: float, what: str
    ) -> bool:
        while not ready():
            self.check()
            self._console.waiting(what, time.monotonic() - began)
            for name in names:
                if self._children[name].crashes >= CRASHES_BEFORE_READY:
                    raise ProgramFailed(self._last_words(name))
            if time.monotonic() - began > timeout_seconds:
                return False
            time.sleep(0.1)
        return True

    def run_once(self, program: Program, say: Callable[[str], None], what: str = "") -> int:
        """Run a command to its end while the others are watched; its standard output goes to `say`.

        Returns its exit status. Raises StopRequested, and then the command is stopped too.
        """
        child = _Child(program)
        child.process = self._spawn(program, stderr=subprocess.PIPE)
        show = threading.Thread(target=_lines, args=(child.process.stdout, say), daemon=True)
        show.start()
        child.reader = threading.Thread(target=_lines, args=(child.process.stderr, self._log_of(program)), daemon=True)
        child.reader.start()
        try:
            began = time.monotonic()
            while child.running:
                self.check()
                if what:
                    self._console.waiting(what, time.monotonic() - began)
                time.sleep(0.05)
        finally:
            self._console.waited()
            if child.running:
                self._kill(child, _tree(child), unexpected=False)
        show.join(timeout=5)
        child.reader.join(timeout=5)
        return child.process.wait()

    def processes(self) -> list[Process]:
        """Return what runs now, for `status`."""
        return [
            Process(
                name=name,
                pid=child.process.pid if child.running and child.process else None,
                state="running" if child.running else "restarting",
                restarts=child.restarts,
            )
            for name, child in self._children.items()
        ]

    def stop(self, names: Sequence[str] | None = None) -> None:
        """Stop programs at the same time, whole process trees, killing what outlasts its grace.

        A further signal while this waits kills everything at once.
        """
        chosen = [child for name, child in self._children.items() if names is None or name in names]
        trees = {child.program.name: _tree(child) for child in chosen}
        for child in chosen:
            child.restart_at = None
            if child.running and child.process:
                child.process.send_signal(child.program.stop_signal)
        started, forced_before = time.monotonic(), self._signals
        while any(child.running for child in chosen) and self._signals <= max(forced_before, 1):
            waited = time.monotonic() - started
            if all(waited > child.program.stop_grace_seconds for child in chosen if child.running):
                break
            time.sleep(0.05)
        for child in chosen:
            self._kill(child, trees[child.program.name])

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1

    def _launch(self, child: _Child) -> None:
        program = child.program
        child.restart_at = None
        if program.before_start is not None:
            program.before_start()
        child.process = self._spawn(program, stderr=subprocess.STDOUT)
        child.started_at = time.monotonic()
        child.reader = threading.Thread(target=_lines, args=(child.process.stdout, self._log_of(program)), daemon=True)
        child.reader.start()

    def _spawn(self, program: Program, stderr: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - commands are ours
            program.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=os.environ | self._environment | self._console.environment(program.name) | dict(program.environment),
            start_new_session=True,  # The terminal's Ctrl-C must reach the supervisor only, which stops in order.
            **program.popen_arguments,
        )

    def _log_of(self, program: Program) -> Callable[[str], None]:
        return lambda line: self._console.line(program.name, line, quiet=program.quiet)

    def _plan_restart(self, child: _Child, now: float) -> None:
        status = child.process.poll() if child.process else None
        child.crashes = 1 if now - child.started_at > STEADY_SECONDS else child.crashes + 1
        delay = min(LONGEST_BACKOFF_SECONDS, 0.5 * 2 ** (child.crashes - 1))
        child.restart_at = now + delay
        self._console.event(
            f"{child.program.name} ended unexpectedly, restarting", why=_in_words(status), in_seconds=delay
        )

    def _last_words(self, name: str) -> str:
        child = self._children[name]
        if child.reader is not None:
            child.reader.join(timeout=1)
        return f"{name} ended {child.crashes} times before it was ready; it last said: {self._console.last_words(name)}"

    def _kill(self, child: _Child, tree: Sequence[psutil.Process], *, unexpected: bool = True) -> None:
        if child.running and unexpected:
            self._console.event(f"{child.program.name} did not stop in time, killed")
        for process in tree:
            with contextlib.suppress(psutil.Error):
                process.kill()
        if child.process is not None:
            child.process.wait()
        if child.reader is not None:
            child.reader.join(timeout=1)


def _lines(pipe: IO[bytes] | None, write: Callable[[str], None]) -> None:
    """Hand every line of a pipe on until the process closes it. Runs in a thread of its own."""
    if pipe is None:
        return
    with pipe:
        for line in pipe:
            text = line.decode(errors="replace").rstrip()
            if text:
                write(text)


def _tree(child: _Child) -> list[psutil.Process]:
    """Return the process and all it started, taken before it is asked to stop: later its children have no parent."""
    if child.process is None:
        return []
    try:
        root = psutil.Process(child.process.pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _in_words(status: int | None) -> str:
    if status is None:
        return "unknown"
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
