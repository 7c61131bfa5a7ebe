"""The claim verifier's second opinion: a sentence's meaning, by the encoder, and a small network that weighs it.

Implements `services.domain.reading.doubt.SecondOpinion`. The network has one hidden layer; its weights lie beside
this module, were trained by `python -m lifecycle.doubt.second`, and are described in lifecycle/doubt/CARD.md. What
follows from an opinion is the domain's business.
"""

from collections.abc import Callable, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from services.domain.claims import Effect
from services.domain.reading.doubt import Opinion
from services.inference.encoder import shared_encoder

WEIGHTS = Path(__file__).with_name("second_opinion.safetensors")
EFFECTS = tuple(Effect)
"""What the outputs after the first stand for, in this order."""
SCALE = 8.0
"""Unit vectors of 384 numbers are small; so much larger they are learned from sooner."""

Floats = NDArray[np.float32]


class Embedder(Protocol):
    def embed(self, texts: Sequence[str], /) -> Floats: ...


class MeaningOpinion:
    """Judges sentences. The encoder and the weights are loaded when first asked; any thread may ask."""

    def __init__(self, encoder: Callable[[], Embedder] = shared_encoder, weights: Path = WEIGHTS) -> None:
        self._encoder = encoder
        self._path = weights

    @cached_property
    def _weights(self) -> dict[str, Floats]:
        return load_file(self._path)

    def __call__(self, sentences: Sequence[str]) -> list[Opinion]:
        """Return one opinion a sentence. Raises WeightsUnavailable where the encoder is not installed."""
        if not sentences:
            return []
        return opinions(self._encoder().embed(sentences), self._weights)


def opinions(vectors: Floats, weights: dict[str, Floats]) -> list[Opinion]:
    """Return what the network makes of unit vectors [n, 384]."""
    hidden = np.maximum(SCALE * vectors @ weights["hidden.weight"] + weights["hidden.bias"], 0)
    out = hidden @ weights["out.weight"] + weights["out.bias"]
    raised = np.exp(out[:, 1:] - out[:, 1:].max(axis=1, keepdims=True))
    shares = raised / raised.sum(axis=1, keepdims=True)
    return [
        Opinion(float(row[0]), dict(zip(EFFECTS, map(float, share), strict=True)))
        for row, share in zip(out, shares, strict=True)
    ]


@cache
def shared_opinion() -> MeaningOpinion:
    """Return this process's second opinion, not yet loaded."""
    return MeaningOpinion()
