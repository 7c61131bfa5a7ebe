"""Immutable checkpoints: a folder of safetensors and JSON whose card names every file's digest.

Seals and loads. Reading, finding and verifying folders is `cards`', which needs no torch; which checkpoint is in
production is a release, which lives in the store.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import safetensors
import torch
from safetensors.torch import save_file

from services.inference import lora
from services.inference.cards import (
    CARD,
    CheckpointCard,
    CheckpointError,
    digest_by,
    file_digest,
    known_folders,
    read_card,
    resolve,
    verify,
)
from services.inference.device import Compute, choose_compute
from services.inference.int8 import quantise
from services.inference.llama import Llama, LlamaConfig, ModelError
from services.inference.tokenizer import Tokenizer
from services.inference.weights import build_model, stored_tensors

__all__ = [
    "CARD",
    "CheckpointCard",
    "CheckpointError",
    "Loaded",
    "known_folders",
    "load_checkpoint",
    "load_model",
    "read_card",
    "resolve",
    "save_model",
    "seal",
    "seal_adapter",
    "verify",
]

MODEL_WEIGHTS = "model.safetensors"
MODEL_CONFIG = "config.json"
TOKENIZER = "tokenizer.json"


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
        files = {path.name: file_digest(path) for path in sorted(work.iterdir())}
        base_digest = base.digest if base else None
        card = CheckpointCard(
            name=name,
            kind=kind,
            digest=digest_by(kind, base_digest, files),
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
