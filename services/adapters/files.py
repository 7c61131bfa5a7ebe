"""Files that are written once: whole or not at all, and never a second time. What is in them is the caller's."""

import os
import re
import tempfile
from pathlib import Path


def write_once(path: Path, content: bytes) -> bool:
    """Write `content` to `path` unless the file is there already; return whether this call wrote it.

    Whoever sees the file sees all of it, also after a crash or when two processes write at once: the content is
    flushed to disk under another name and then linked, which fails where the name is taken. Raises OSError.
    """
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(name, path)
    except FileExistsError:
        return False
    finally:
        Path(name).unlink(missing_ok=True)
    _flush_folder(path.parent)
    return True


def _flush_folder(folder: Path) -> None:
    """Make the new name itself survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_name(text: str) -> str:
    """Return `text` as one harmless file name. Raises ValueError where nothing of it may stand in one."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-")[:120]
    if not name:
        raise ValueError(f"{text!r} cannot name a file")
    return name
