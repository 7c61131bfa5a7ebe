"""Which checkpoint runs: the one asked for, else the released champion. Never guessed, never the newest.

The database says where the aliases point (`services.store.releases`). Beside it lies a file that says the same to
commands which need no database, and before the first release of a desk's own there is the one that ships with the
code. Loading folders is `services.inference.checkpoint`'s business.
"""

import contextlib
import os
from pathlib import Path

from infra.settings import Settings
from services.domain.releases import CheckpointName

RELEASED = Path(__file__).parent.parent / "lifecycle" / "released"
"""Checkpoints that ship with the code, and `champion`, the file that names the initial release."""
CHAMPION_FILE = "champion"


def roots(settings: Settings) -> tuple[Path, ...]:
    """Return the folders that hold checkpoints: what this machine made first, then what ships with the code."""
    return settings.checkpoints_dir, RELEASED


def champion(settings: Settings) -> str:
    """Return the reference of the checkpoint to run, without asking the database.

    It is CHECKPOINT_ID where set, else what this machine last knew to be released, else what ships with the code.
    """
    if settings.checkpoint_id:
        return settings.checkpoint_id
    noted = _noted(settings)
    return noted if noted is not None else shipped_reference()


def shipped_reference() -> str:
    """Return the reference of the release that ships with the code."""
    return (RELEASED / CHAMPION_FILE).read_text(encoding="utf-8").strip()


def named(settings: Settings, reference: str, *, whole: bool = False) -> CheckpointName:
    """Return digest and name of a checkpoint; `whole` checks every file of it, and of its base, against the card.

    Raises `services.inference.cards.CheckpointError`.
    """
    from services.inference.cards import read_card, resolve, verify  # noqa: PLC0415 - most commands never need it

    folder = resolve(reference, roots(settings))
    card = verify(folder) if whole else read_card(folder)
    if whole and card.kind == "adapter":
        verify(resolve(card.base_digest or "", roots(settings)))
    return CheckpointName(card.digest, card.name)


def note_champion(settings: Settings, digest: str | None) -> None:
    """Keep what is released beside the checkpoints, for commands without a database; None forgets it.

    A folder that cannot be written costs those commands the news, and nobody else anything.
    """
    file = settings.checkpoints_dir / CHAMPION_FILE
    with contextlib.suppress(OSError):
        if digest is None:
            file.unlink(missing_ok=True)
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f".{CHAMPION_FILE}-{os.getpid()}")
        part.write_text(digest + "\n", encoding="utf-8")
        part.replace(file)


def _noted(settings: Settings) -> str | None:
    try:
        return (settings.checkpoints_dir / CHAMPION_FILE).read_text(encoding="utf-8").strip() or None
    except OSError:
        return None
