"""Clear what a killed server or supervisor left behind: live orphans, stale pid files. Says why a disk refused.

The caller holds the lock of the state directory, so whatever still runs on it has no owner.
"""

import contextlib
import errno
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil

GRACE_SECONDS = 8.0


class EmbeddedServerError(RuntimeError):
    """An embedded server cannot run; the message is one line that says why and what to do."""


@contextlib.contextmanager
def full_disk_in_words(path: Path) -> Iterator[None]:
    """Turn the two errors people meet when writing state into one line with a remedy."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise EmbeddedServerError(
                f"the disk that holds {path} is full: free some space, or set VAR_DIR to another disk"
            ) from error
        if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
            raise EmbeddedServerError(f"{path} cannot be written ({error.strerror}): set VAR_DIR elsewhere") from error
        raise


def stop_orphans(path: Path, process_name: str) -> int:
    """Stop processes that were started on `path` (an argument or their working directory). Return how many."""
    orphans = [process for process in psutil.process_iter() if _works_on(process, path, process_name)]
    end(orphans, signal.SIGINT)  # PostgreSQL's fast shutdown; to Valkey it is the same as SIGTERM.
    return len(orphans)


def end(
    processes: list[psutil.Process],
    ask: signal.Signals = signal.SIGTERM,
    grace_seconds: float = GRACE_SECONDS,
) -> None:
    """Ask processes to end, and kill what has not ended in time."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(ask)
    _, alive = psutil.wait_procs(processes, timeout=grace_seconds)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=grace_seconds)


def clear_stale_postmaster(data: Path) -> None:
    """Stop an orphaned PostgreSQL on `data`, and remove a pid file whose number now belongs to somebody else."""
    stop_orphans(data, "postgres")
    (data / "postmaster.pid").unlink(missing_ok=True)


def reason(name: str, output: str, directory: Path) -> str:
    """Pick the line of a server's output that says why it ended, with the remedy where we know one."""
    if "No space left on device" in output:
        return f"the disk that holds {directory} is full: free some space, or set VAR_DIR to another disk"
    telling = [
        line for line in output.splitlines() if any(word in line for word in ("FATAL", "PANIC", "error", "Fatal"))
    ]
    last = (telling or output.splitlines() or ["it said nothing"])[-1].strip()
    return f"{name} could not start: {last}"


def _works_on(process: psutil.Process, path: Path, process_name: str) -> bool:
    try:
        if process.name() != process_name:
            return False
        return str(path) in process.cmdline() or process.cwd() == str(path)
    except psutil.Error:
        return False
