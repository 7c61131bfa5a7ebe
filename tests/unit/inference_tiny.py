"""A model of a few thousand random weights with a byte-level tokenizer: plumbing in milliseconds."""

import json
from pathlib import Path

from tokenizers.pre_tokenizers import ByteLevel

from services.inference.checkpoint import save_model, seal
from services.inference.llama import Llama, tiny_config
from services.inference.tokenizer import END_OF_TEXT, END_OF_TURN, START_OF_TURN
from services.inference.weights import random_model

SPECIALS = [END_OF_TEXT, START_OF_TURN, END_OF_TURN]


def tiny_tokenizer_json() -> str:
    vocab = {token: i for i, token in enumerate(SPECIALS + sorted(ByteLevel.alphabet()))}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return json.dumps(
        {
            "version": "1.0",
            "added_tokens": [{"id": i, "content": token} | flags for i, token in enumerate(SPECIALS)],
            "pre_tokenizer": level,
            "decoder": level,
            "model": {"type": "BPE", "vocab": vocab, "merges": [], "fuse_unk": False, "byte_fallback": False},
        }
    )


def tiny_model(seed: int = 0) -> Llama:
    return random_model(tiny_config(len(SPECIALS) + 256), seed).requires_grad_(False).eval()


def tiny_checkpoint(root: Path, seed: int = 0, name: str = "tiny") -> Path:
    return seal(root, name, "model", lambda folder: save_model(tiny_model(seed), folder, tiny_tokenizer_json()))
