"""Sealed checkpoints of a few thousand random weights that read whole prompts: their answers are nonsense, but real."""

from dataclasses import replace
from pathlib import Path

from services.domain.releases import CheckpointName
from services.inference.checkpoint import read_card, save_model, seal
from services.inference.llama import tiny_config
from services.inference.weights import random_model
from tests.unit.inference_tiny import SPECIALS, tiny_tokenizer_json

POSITIONS = 8192


def sealed(root: Path, seed: int, name: str) -> CheckpointName:
    """Seal a checkpoint under `root` and return its name."""
    shape = replace(tiny_config(len(SPECIALS) + 256), max_position_embeddings=POSITIONS)
    model = random_model(shape, seed).requires_grad_(False).eval()
    folder = seal(root, name, "model", lambda at: save_model(model, at, tiny_tokenizer_json()))
    card = read_card(folder)
    return CheckpointName(card.digest, card.name)
