"""Eight-bit projections for processors without bfloat16: a quarter of the memory, 1.6 times the decisions a second.

An option, off by default: some decisions change (the figures are in README.md).

Weights are rounded per output row, activations per token, so that no token sets the scale of another. A few channels of
this model are 20 times larger than the rest and would leave no levels for the others; an orthogonal turn inside blocks
of 64 (a Hadamard matrix, as in QuaRot, arXiv:2404.00456), applied to weights once and to activations as they come,
spreads them and changes no product. Measured on the base: the mean KL divergence from float32 falls from 0.18 to 0.01.

Serving on CPU only; training and CUDA keep their floats (see `device`).
"""

from typing import Any

import torch
from torch import Tensor, nn

from services.inference.llama import Llama, ModelError, Projection

# Activations use 7 of 8 bits: without VNNI, AVX2 adds two products in 16 bits, and 2 * 127 * 127 still fits.
_ZERO_POINT = 64
_LEVELS = 63
_BLOCK = 64


class Int8Projection(nn.Module):
    """A Projection that multiplies in integers. Cannot be trained, merged or stored again."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.turn = _hadamard(_largest_block(weight.shape[1]))
        self.packed = _pack(_turned(weight, self.turn))

    def forward(self, x: Tensor) -> Tensor:
        x = _turned(x, self.turn)
        largest = x.abs().amax(-1, keepdim=True).clamp_min_(1e-12)
        multiply = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32
        out: Tensor = multiply(x / largest, 1 / _LEVELS, _ZERO_POINT, self.packed)
        return out.mul_(largest)


def quantise(model: Llama) -> Llama:
    """Replace every projection, and the head where it runs over the whole vocabulary; return the same model.

    Raises ModelError where adapters are still attached or the model is not float32 on CPU.
    """
    if model.device.type != "cpu" or model.dtype != torch.float32:
        raise ModelError(f"int8: needs float32 on cpu, the model is {model.dtype} on {model.device}")
    for layer in model.blocks():
        for name in ("qkv", "out", "gate_up", "down"):
            projection = getattr(layer, name)
            if not isinstance(projection, Projection) or projection.adapter is not None:
                raise ModelError(f"int8: {name} is not a plain projection; merge adapters first, and only once")
            setattr(layer, name, Int8Projection(projection.weight.detach()))
    model.wide_head = Int8Projection(model.head_weight.detach())
    return model


def _turned(x: Tensor, turn: Tensor) -> Tensor:
    """Multiply each block of the last dimension by the orthogonal `turn`."""
    return (x.reshape(-1, len(turn)) @ turn).view(x.shape)


def _largest_block(inputs: int) -> int:
    """Return the largest power of two, at most 64, that divides `inputs`."""
    return min(inputs & -inputs, _BLOCK)


def _hadamard(size: int) -> Tensor:
    """Return the symmetric orthogonal Hadamard matrix of a power of two (Sylvester's construction)."""
    matrix = torch.ones(1, 1)
    while len(matrix) < size:
        matrix = torch.cat([torch.cat([matrix, matrix], 1), torch.cat([matrix, -matrix], 1)])
    scaled: Tensor = matrix / float(size) ** 0.5
    return scaled


def _pack(weight: Tensor) -> Any:
    scales = weight.abs().amax(1).double().clamp_min(1e-12) / 127
    zeros = torch.zeros(len(scales), dtype=torch.long)
    rounded = torch.quantize_per_channel(weight.contiguous(), scales, zeros, 0, torch.qint8)
    return torch.ops.quantized.linear_prepack(rounded, None)
