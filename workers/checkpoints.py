"""Which checkpoint runs: the one asked for, else the released champion. Never guessed, never the newest.

Loading and verifying folders is `services.inference.checkpoint`'s business.
"""

from pathlib import Path

from infra.settings import Settings

RELEASED = Path(__file__).parent.parent / "lifecycle" / "released"
"""Checkpoints that ship with the code, and `champion`, the file that names the one in production."""


def roots(settings: Settings) -> tuple[Path, ...]:
    """Return the folders that hold checkpoints: what this machine made first, then what ships with the code."""
    return settings.checkpoints_dir, RELEASED


def champion(settings: Settings) -> str:
    """Return the reference of the checkpoint to run: CHECKPOINT_ID where set, else the released one."""
    if settings.checkpoint_id:
        return settings.checkpoint_id
    return (RELEASED / "champion").read_text(encoding="utf-8").strip()
