"""PostgreSQL refuses to run as root: choose another account for it, and let that account reach its files.

Only for root. Anyone else runs the servers as themselves, and nothing here changes a permission.
"""

import os
import pwd
import stat
from pathlib import Path
from typing import NamedTuple

_ACCOUNTS = ("postgres", "nobody")


class Account(NamedTuple):
    name: str
    uid: int
    gid: int


def server_account() -> Account | None:
    """Return the account that runs PostgreSQL when we are root, and None when we are not."""
    if os.geteuid() != 0:
        return None
    for name in _ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise LookupError(f"root needs one of the accounts {', '.join(_ACCOUNTS)} to run PostgreSQL: create one")


def let_reach(directory: Path) -> None:
    """Let the server's account pass through the folders above `directory`: execute only, so that it lists none."""
    if server_account() is None:
        return
    for folder in (directory, *directory.parents):
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def let_read(tree: Path) -> None:
    """Let the server's account read and run what a wheel installed under a strict umask."""
    if server_account() is None or tree.stat().st_mode & stat.S_IROTH:
        return
    for path in (tree, *tree.rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))
