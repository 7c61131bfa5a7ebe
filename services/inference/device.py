"""Chooses device and number format, in this one place. Knows nothing of models.

CPU: bfloat16 only where the processor multiplies it in hardware (AMX or AVX-512 BF16). Elsewhere torch emulates it at
a fifth of the speed of float32 (measured on AVX2: 18 against 130 GFLOP/s), so float32 it is.
"""

import os
from dataclasses import dataclass

import torch


class DeviceUnavailable(Exception):
    """The device that was asked for is not in this machine."""


@dataclass(frozen=True)
class Compute:
    """Where and how to multiply: torch device, number format of weights and activations.

    `int8` serves with eight-bit projections (see `int8`); it never concerns training.
    """

    device: torch.device
    dtype: torch.dtype
    int8: bool = False

    def describe(self) -> str:
        return f"{self.device} {str(self.dtype).removeprefix('torch.')}, {torch.get_num_threads()} threads"


def choose_compute(prefer: str | None = None) -> Compute:
    """Return the best compute here. `prefer` (or the variable RETURNS_DEVICE) is `cpu`, `cuda` or `cuda:N`.

    RETURNS_INT8=1 asks for eight-bit serving, which exists only on a CPU that computes in float32.
    Raises DeviceUnavailable where the preferred device is missing.
    """
    wanted = prefer or os.environ.get("RETURNS_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise DeviceUnavailable(f"device {wanted!r} is not known; use cpu, cuda or cuda:N") from error
    if device.type == "cuda":
        if not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count():
            raise DeviceUnavailable(f"device {wanted!r} is not in this machine; use cpu or leave RETURNS_DEVICE unset")
        return Compute(device, torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32)
    if device.type != "cpu":
        raise DeviceUnavailable(f"device {wanted!r} is not supported; use cpu, cuda or cuda:N")
    if _multiplies_bfloat16():
        return Compute(device, torch.bfloat16)
    return Compute(device, torch.float32, int8=os.environ.get("RETURNS_INT8") == "1")


def _multiplies_bfloat16() -> bool:
    """Say whether the processor has bfloat16 arithmetic; oneDNN alone also says yes where it only converts."""
    in_hardware = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()  # noqa: SLF001
    return bool(in_hardware and torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001
