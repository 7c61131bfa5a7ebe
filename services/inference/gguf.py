"""Reads a GGUF file: metadata and tensors, the quantised ones expanded to float32.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Reads; does not write, run or fetch anything.
"""

import mmap
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_BLOCK = 32  # weights that share one scale in every quantised format read here


class GGUFError(Exception):
    """The file is not a GGUF file that can be read here; the message says why."""


@dataclass(frozen=True)
class TensorInfo:
    """Where a tensor lies: shape in row-major order (outputs first), format number, byte offset in the data part."""

    shape: tuple[int, ...]
    kind: int
    offset: int


class GGUFFile:
    """An open GGUF file. `metadata` by key; `tensors` by name; `read(name)` gives float32 values."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        try:
            self.metadata, self.tensors, self.data_start = _parse(self._data)
        except struct.error as error:
            raise GGUFError(f"{path}: the header is cut short") from error
        except GGUFError as error:
            raise GGUFError(f"{path}: {error}") from error

    def read(self, name: str) -> Array:
        """Return tensor `name` as float32 of its row-major shape. Raises GGUFError for an unknown name or format."""
        info = self.tensors.get(name)
        if info is None:
            raise GGUFError(f"{self.path}: no tensor named {name!r}")
        if info.kind not in _FORMATS:
            raise GGUFError(f"{self.path}: tensor {name!r} has format {info.kind}; readable are {sorted(_FORMATS)}")
        block_bytes, block_weights, expand = _FORMATS[info.kind]
        count = int(np.prod(info.shape))
        begin, size = self.data_start + info.offset, count // block_weights * block_bytes
        if count % block_weights or begin + size > len(self._data):
            raise GGUFError(f"{self.path}: tensor {name!r} runs past the end of the file")
        raw = np.frombuffer(self._data, np.uint8, size, begin).reshape(-1, block_bytes)
        return expand(raw).reshape(info.shape)


def _parse(data: mmap.mmap) -> tuple[dict[str, Any], dict[str, TensorInfo], int]:
    if data[:4] != b"GGUF":
        raise GGUFError("this is not a GGUF file (the first bytes are wrong)")
    cursor = _Cursor(data, 4)
    version = cursor.scalar("I")
    if version not in (2, 3):
        raise GGUFError(f"GGUF version {version} is not supported; versions 2 and 3 are")
    tensor_count, key_count = cursor.scalar("Q"), cursor.scalar("Q")
    metadata = {cursor.string(): cursor.value(cursor.scalar("I")) for _ in range(key_count)}
    tensors = {}
    for _ in range(tensor_count):
        name = cursor.string()
        # GGUF lists the fastest-running dimension first, numpy and torch list it last.
        shape = tuple(cursor.scalar("Q") for _ in range(cursor.scalar("I")))[::-1]
        tensors[name] = TensorInfo(shape, cursor.scalar("I"), cursor.scalar("Q"))
    alignment = int(metadata.get("general.alignment", 32))
    return metadata, tensors, -(-cursor.at // alignment) * alignment


class _Cursor:
    def __init__(self, data: mmap.mmap, at: int) -> None:
        self.data, self.at = data, at

    def scalar(self, code: str) -> Any:
        (value,) = struct.unpack_from(f"<{code}", self.data, self.at)
        self.at += struct.calcsize(f"<{code}")
        return value

    def string(self) -> str:
        size = self.scalar("Q")
        if self.at + size > len(self.data):
            raise GGUFError("a text in the header runs past the end of the file")
        text = self.data[self.at : self.at + size]
        self.at += size
        return text.decode("utf-8", errors="replace")

    def value(self, kind: int) -> Any:
        if kind == _STRING:
            return self.string()
        if kind == _ARRAY:
            item_kind, count = self.scalar("I"), self.scalar("Q")
            return [self.value(item_kind) for _ in range(count)]
        if kind not in _SCALARS:
            raise GGUFError(f"metadata type {kind} is not known")
        return self.scalar(_SCALARS[kind])


def _half(raw: Array, at: int) -> Array:
    """Return the float16 at byte `at` of every block, as a float32 column."""
    return np.ascontiguousarray(raw[:, at : at + 2]).view(np.float16).astype(np.float32)


def _nibbles(raw: Array) -> Array:
    """Return 32 four-bit values of a block's 16 bytes: all low halves, then all high halves."""
    return np.concatenate([raw & 0x0F, raw >> 4], axis=1).astype(np.float32)


def _expand_f32(raw: Array) -> Array:
    return raw.view(np.float32).copy()


def _expand_f16(raw: Array) -> Array:
    return raw.view(np.float16).astype(np.float32)


def _expand_q4_0(raw: Array) -> Array:
    return _half(raw, 0) * (_nibbles(raw[:, 2:]) - 8.0)


def _expand_q4_1(raw: Array) -> Array:
    return _half(raw, 0) * _nibbles(raw[:, 4:]) + _half(raw, 2)


def _expand_q8_0(raw: Array) -> Array:
    return _half(raw, 0) * np.ascontiguousarray(raw[:, 2:]).view(np.int8).astype(np.float32)


# format number -> bytes a block, weights a block, expansion
_FORMATS: dict[int, tuple[int, int, Callable[[Array], Array]]] = {
    0: (4, 1, _expand_f32),
    1: (2, 1, _expand_f16),
    2: (18, _BLOCK, _expand_q4_0),
    3: (20, _BLOCK, _expand_q4_1),
    8: (34, _BLOCK, _expand_q8_0),
}
