"""Cards of sealed checkpoints: read, found by an exact reference, verified file by file. Needs no torch.

Writing a checkpoint and loading its weights is `checkpoint`'s business.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pydantic
from pydantic import BaseModel, ConfigDict

from services.domain.canonical import digest_of

CARD = "card.json"
_EXECUTABLE = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".py", ".so"}
_SHORTEST_PREFIX = 8


class CheckpointError(Exception):
    """The checkpoint is missing, damaged, ambiguous or of another shape; the message is one clear line."""


class CheckpointCard(BaseModel):
    """What a folder holds. `digest` is that of `kind`, `base_digest` and `files`, and names the checkpoint for ever."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Literal["model", "adapter"]
    digest: str
    base_digest: str | None = None
    base_name: str | None = None
    files: dict[str, str]
    details: dict[str, Any] = {}

    @property
    def short(self) -> str:
        return self.digest[:12]


def read_card(folder: Path) -> CheckpointCard:
    """Return the card without checking the files. Raises CheckpointError naming what is wrong with it."""
    path = folder / CARD
    try:
        return CheckpointCard.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"{folder}: no checkpoint here ({CARD}: {error.strerror})") from error
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "the file"
        raise CheckpointError(f"{path}: {field}: {first['msg']}") from error


def verify(folder: Path) -> CheckpointCard:
    """Return the card after checking every file against it. Raises CheckpointError on the first that differs."""
    card = read_card(folder)
    if card.digest != digest_by(card.kind, card.base_digest, card.files):
        raise CheckpointError(f"{folder / CARD}: digest does not follow from the files listed; the card was edited")
    present = {path.name for path in folder.iterdir()} - {CARD}
    for file in sorted(present):
        if Path(file).suffix in _EXECUTABLE:
            raise CheckpointError(f"{folder}: {file} can run code when loaded and is refused; use safetensors")
    for file, digest in card.files.items():
        if file not in present:
            raise CheckpointError(f"{folder}: {file} is missing; restore the folder or remove it")
        if file_digest(folder / file) != digest:
            raise CheckpointError(f"{folder}: {file} is not what {CARD} says (its sha256 differs); restore it")
    if extra := sorted(present - set(card.files)):
        raise CheckpointError(f"{folder}: {extra[0]} is not listed in {CARD}; a sealed folder takes no more files")
    return card


def resolve(reference: str | Path, roots: Sequence[Path]) -> Path:
    """Return the folder that `reference` names: a path, a name, a folder's name, or a digest (its first 8 or more).

    Raises CheckpointError where nothing or more than one fits. Never guesses.
    """
    text = str(reference)
    if isinstance(reference, Path) or os.sep in text:
        if not (Path(text) / CARD).is_file():
            raise CheckpointError(f"checkpoint {text!r}: no {CARD} in that folder")
        return Path(text)
    found: dict[str, Path] = {}
    for folder in known_folders(roots):
        card = read_card(folder)
        by_digest = len(text) >= _SHORTEST_PREFIX and card.digest.startswith(text)
        if text in (card.name, folder.name) or by_digest:
            found.setdefault(card.digest, folder)
    if not found:
        names = ", ".join(sorted({read_card(folder).name for folder in known_folders(roots)})) or "none"
        raise CheckpointError(f"checkpoint {text!r} is not known here; known: {names}")
    if len(found) > 1:
        several = ", ".join(sorted(folder.name for folder in found.values()))
        raise CheckpointError(f"checkpoint {text!r} is ambiguous ({several}); give more of the digest")
    return next(iter(found.values()))


def known_folders(roots: Sequence[Path]) -> list[Path]:
    """Return every sealed folder directly under `roots`, in order of name."""
    return [card.parent for root in roots if root.is_dir() for card in sorted(root.glob(f"*/{CARD}"))]


def digest_by(kind: str, base_digest: str | None, files: dict[str, str]) -> str:
    return digest_of({"kind": kind, "base": base_digest, "files": files})


def file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
