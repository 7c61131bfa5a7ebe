"""Merged weights: an adapter written into its base, as one folder that any Llama runtime reads. Trains nothing."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import torch

from services.inference.checkpoint import CheckpointError, load_checkpoint, read_card, resolve, save_model, seal
from services.inference.device import Compute

_BESIDE = ("tokenizer_config.json", "generation_config.json", "special_tokens_map.json")
"""What Hugging Face's tools want beside weights, configuration and tokenizer, where the base has it."""


def merge_checkpoint(reference: str | Path, roots: Sequence[Path], name: str) -> Path:
    """Seal the merged weights of an adapter as a model checkpoint in the first root; return its folder.

    Weights are rounded to bfloat16, as all stored models are. Raises CheckpointError, also where the checkpoint is no
    adapter: there is nothing to merge.
    """
    folder = resolve(reference, roots)
    card = read_card(folder)
    if card.kind != "adapter":
        raise CheckpointError(f"{card.name} is a whole model already: take its folder {folder} as it is")
    # In float32, whatever this machine serves in: the sum is rounded once, when it is written.
    loaded = load_checkpoint(folder, roots, Compute(torch.device("cpu"), torch.float32))
    base = resolve(card.base_digest or "", roots)

    def write(target: Path) -> None:
        save_model(loaded.model, target, loaded.tokenizer.json)
        for file in _BESIDE:
            if (base / file).is_file():
                shutil.copyfile(base / file, target / file)

    details = {"stage": "merge", "parent": card.digest, "base": card.base_digest, "parent_name": card.name}
    return seal(roots[0], name, "model", write, details=details)
