"""Immutable checkpoints: a folder of safetensors and JSON whose card names every file's digest.

Seals, resolves, verifies and loads. Which checkpoint is in production is a release, which lives in lifecycle.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pydantic
import safetensors
import torch
from pydantic import BaseModel, ConfigDict
from safetensors.torch import save_file

from services.domain.canonical import digest_of
from services.inference import lora
from services.inference.device import Compute, choose_compute
from services.inference.int8 import quantise
from services.inference.llama import Llama, LlamaConfig, ModelError
from services.inference.tokenizer import Tokenizer
from services.inference.weights import build_model, stored_tensors

CARD = "card.json"
MODEL_WEIGHTS = "model.safetensors"
MODEL_CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
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


@dataclass(frozen=True)
class Loaded:
    """A checkpoint in memory. `card` is that of the folder asked for; an adapter is merged unless asked otherwise."""

    model: Llama
    tokenizer: Tokenizer
    card: CheckpointCard
    folder: Path


def seal(  # noqa: PLR0913, PLR0917  (a card has these fields)
    root: Path,
    name: str,
    kind: Literal["model", "adapter"],
    write: Callable[[Path], None],
    base: CheckpointCard | None = None,
    details: dict[str, Any] | None = None,
) -> Path:
    """Write a checkpoint folder under `root` and return it: complete or not there at all.

    `write` fills an empty folder. The folder is named `name-digest12`; one that is there already is kept as it is.
    """
    root.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".writing-", dir=root))
    try:
        write(work)
        files = {path.name: _file_digest(path) for path in sorted(work.iterdir())}
        base_digest = base.digest if base else None
        card = CheckpointCard(
            name=name,
            kind=kind,
            digest=_digest(kind, base_digest, files),
            base_digest=base_digest,
            base_name=base.name if base else None,
            files=files,
            details=details or {},
        )
        (work / CARD).write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")
        verify(work)
        target = root / f"{name}-{card.short}"
        work.chmod(0o755)
        try:
            work.rename(target)
        except OSError:
            if not (target / CARD).exists():
                raise
        return target
    finally:
        shutil.rmtree(work, ignore_errors=True)


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
    if card.digest != _digest(card.kind, card.base_digest, card.files):
        raise CheckpointError(f"{folder / CARD}: digest does not follow from the files listed; the card was edited")
    present = {path.name for path in folder.iterdir()} - {CARD}
    for file in sorted(present):
        if Path(file).suffix in _EXECUTABLE:
            raise CheckpointError(f"{folder}: {file} can run code when loaded and is refused; use safetensors")
    for file, digest in card.files.items():
        if file not in present:
            raise CheckpointError(f"{folder}: {file} is missing; restore the folder or remove it")
        if _file_digest(folder / file) != digest:
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


def load_checkpoint(
    reference: str | Path, roots: Sequence[Path], compute: Compute | None = None, merged: bool = True
) -> Loaded:
    """Verify and load a checkpoint, with its base where it is an adapter, frozen and in evaluation mode.

    `merged` writes an adapter into the weights (serving); otherwise it stays attached (further training).
    Raises CheckpointError.
    """
    compute = compute or choose_compute()
    folder = resolve(reference, roots)
    card = verify(folder)
    base_folder = folder if card.kind == "model" else resolve(card.base_digest or "", roots)
    if card.kind == "adapter":
        verify(base_folder)
    try:
        model, tokenizer = _load_base(base_folder, compute)
        if card.kind == "adapter":
            lora.load(model, folder)
            if merged:
                lora.merge(model)
        if merged and compute.int8:
            quantise(model)
    except (ModelError, safetensors.SafetensorError, ValueError) as error:
        raise CheckpointError(f"{folder}: {error}") from error
    return Loaded(model, tokenizer, card, folder)


def load_model(
    reference: str | Path, roots: Sequence[Path] = (), compute: Compute | None = None
) -> tuple[Llama, Tokenizer]:
    """Return the model and its tokenizer, ready to serve. See load_checkpoint."""
    loaded = load_checkpoint(reference, roots, compute)
    return loaded.model, loaded.tokenizer


def save_model(model: Llama, folder: Path, tokenizer_json: str) -> None:
    """Write all weights in Hugging Face's layout, in bfloat16, with their configuration and tokenizer."""
    names = dict(stored_tensors(model))
    tensors = {name: weight.detach().to("cpu", torch.bfloat16).contiguous() for name, weight in names.items()}
    save_file(tensors, folder / MODEL_WEIGHTS, metadata={"format": "pt"})
    config = model.config.to_hf() | {"dtype": "bfloat16"}
    (folder / MODEL_CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    (folder / TOKENIZER).write_text(tokenizer_json, encoding="utf-8")


def seal_adapter(
    model: Llama, root: Path, name: str, base: CheckpointCard, details: dict[str, Any] | None = None
) -> Path:
    """Write the attached adapters as a checkpoint that names its base by digest; return its folder."""
    return seal(root, name, "adapter", lambda folder: lora.save(model, folder, base.name), base, details)


def _load_base(folder: Path, compute: Compute) -> tuple[Llama, Tokenizer]:
    for needed in (MODEL_CONFIG, MODEL_WEIGHTS, TOKENIZER):
        if not (folder / needed).is_file():
            raise CheckpointError(f"{folder}: {needed} is missing")
    config = LlamaConfig.from_hf(json.loads((folder / MODEL_CONFIG).read_text(encoding="utf-8")))
    tokenizer = Tokenizer(folder / TOKENIZER)
    if tokenizer.vocab_size > config.vocab_size:
        counts = f"{tokenizer.vocab_size} tokens, the model {config.vocab_size}"
        raise CheckpointError(f"{folder}: tokenizer and weights do not belong together (the tokenizer has {counts})")
    with safetensors.safe_open(folder / MODEL_WEIGHTS, framework="pt") as file:
        names = set(file.keys())

        def read(name: str) -> Any:
            if name not in names:
                raise KeyError(name)
            return file.get_tensor(name)

        return build_model(config, read, compute.device, compute.dtype), tokenizer


def _digest(kind: str, base_digest: str | None, files: dict[str, str]) -> str:
    return digest_of({"kind": kind, "base": base_digest, "files": files})


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
