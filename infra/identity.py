"""Names this process so that another one can tell whether it still lives. Knows nothing of what it works on."""

import hashlib
import os
import socket
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PID_NAMESPACE = "/proc/self/ns/pid"


def machine() -> str:
    """Return a name for where process ids of this process mean something: host, boot and process id namespace.

    Two containers, two machines with one host name, or one machine before and after a restart differ in it.
    """
    try:
        boot = _BOOT_ID.read_text().strip()
        namespace = os.readlink(_PID_NAMESPACE)  # noqa: PTH115 - the link's target is no path
    except OSError:
        boot, namespace = "", ""  # Not Linux: the host name must do, and a killed worker's lease runs out by itself.
    digest = hashlib.sha256(f"{boot} {namespace}".encode()).hexdigest()[:8]
    return f"{socket.gethostname()}/{digest}"


def process_name() -> str:
    """Return the machine and the id of this process."""
    return f"{machine()}:{os.getpid()}"


def surely_dead(name: str) -> bool:
    """Say whether the process of that name ran here and is gone; of a process elsewhere nothing is known: False.

    An id that was given to another process since counts as alive, which only means waiting longer.
    """
    where, _, pid = name.rpartition(":")
    if where != machine() or not pid.isdecimal() or not _BOOT_ID.exists():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
