"""What the supervisor leaves in `var/run` for other commands: its lock, its state and its addresses.

A kernel lock guards the state directory, so that a killed supervisor leaves no stale lock. Every process it starts
carries a mark in its environment, by which the next start finds and stops those that outlived a kill.
"""

import contextlib
import fcntl
import json
import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from infra.leftovers import end, full_disk_in_words

MARK = "RETURNS_DESK_RUN"


class AlreadyRunning(RuntimeError):
    """Another supervisor holds the state directory; the message names its pid and the remedy."""


class Process(NamedTuple):
    name: str
    pid: int | None
    state: str
    restarts: int


class State(NamedTuple):
    """A snapshot of a running desk. `phase` is starting, ready or stopping."""

    phase: str
    pid: int
    url: str
    started_at: str
    processes: list[Process]


class RunState:
    """The `run` folder of one state directory."""

    def __init__(self, var_dir: Path) -> None:
        self.var_dir = var_dir.resolve()
        self.directory = self.var_dir / "run"
        self._lock_path = self.directory / "supervisor.lock"
        self._state_path = self.directory / "state.json"
        self._addresses_path = self.directory / "addresses.json"

    @property
    def mark(self) -> dict[str, str]:
        """The environment that every process of this desk carries."""
        return {MARK: str(self.var_dir)}

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the state directory. Raises AlreadyRunning; a lock file left by a killed supervisor does not matter."""
        with full_disk_in_words(self.directory):
            self.directory.mkdir(parents=True, exist_ok=True)
            file = self._lock_path.open("a+")
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise AlreadyRunning(
                    f"already running on {self.var_dir} (pid {self.owner() or 'unknown'}): stop it with "
                    "`returns-desk down`, or set VAR_DIR to start a second desk"
                ) from error
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            try:
                yield
            finally:
                self._state_path.unlink(missing_ok=True)
                self._addresses_path.unlink(missing_ok=True)

    def owner(self) -> int | None:
        """Return the pid of the supervisor that holds the lock, None when nobody does."""
        try:
            with self._lock_path.open("r+") as file:
                pid = file.read().strip()
                with contextlib.suppress(OSError):
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                    return None
        except FileNotFoundError:
            return None
        return int(pid) if pid.isdigit() else None

    def write(self, state: State) -> None:
        document = state._asdict() | {"processes": [process._asdict() for process in state.processes]}
        _replace(self._state_path, document)

    def read(self) -> State | None:
        """Return the last state of a running supervisor, None when none runs or it has not written one yet."""
        if self.owner() is None:
            return None
        try:
            document = json.loads(self._state_path.read_text())
            processes = [Process(**process) for process in document.pop("processes")]
            return State(**document, processes=processes)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write_addresses(self, addresses: Mapping[str, str]) -> None:
        """Tell other commands where the embedded servers are; holds passwords, so only the owner may read it."""
        _replace(self._addresses_path, dict(addresses))

    def orphans(self) -> list[psutil.Process]:
        """Return every live process of this desk, except this one and its ancestors."""
        ourselves = psutil.Process()
        kept = {ourselves.pid, *(ancestor.pid for ancestor in ourselves.parents())}
        return [process for process in psutil.process_iter() if process.pid not in kept and self._is_ours(process)]

    def stop_orphans(self) -> int:
        """Stop what a killed supervisor left running. Return how many processes that were."""
        orphans = self.orphans()
        servers = [process for process in orphans if _is_server(process)]
        # Programs first: a server that still has clients, or clients that lost their server, take long to end.
        end([process for process in orphans if process not in servers], grace_seconds=4)
        end(servers, signal.SIGINT, grace_seconds=4)
        return len(orphans)

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            marked = bool(process.environ().get(MARK) == str(self.var_dir))
            return marked and process.status() != psutil.STATUS_ZOMBIE
        except (psutil.Error, OSError):
            return False


def _is_server(process: psutil.Process) -> bool:
    try:
        return process.name() in {"postgres", "valkey-server"}
    except psutil.Error:
        return False


def _replace(path: Path, document: Mapping[str, Any]) -> None:
    temporary = path.with_suffix(".new")
    with full_disk_in_words(path):
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(document, file)
        temporary.replace(path)
