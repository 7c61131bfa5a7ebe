"""Low-rank adapters (LoRA, arXiv:2106.09685) on every projection, stored as PEFT stores them.

Attaches, saves, loads and merges. Does not train, and does not name or verify folders (checkpoint).
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import torch
import torch.nn.functional as F  # noqa: N812
from safetensors.torch import save_file
from torch import Tensor, nn

from services.inference.llama import Llama, ModelError, Projection

ADAPTER_WEIGHTS = "adapter_model.safetensors"
ADAPTER_CONFIG = "adapter_config.json"
_PREFIX = "base_model.model.model.layers."


@dataclass(frozen=True)
class LoraConfig:
    """Rank and scale: the change of a matrix is `alpha / rank * B @ A`."""

    rank: int = 16
    alpha: float = 32.0

    @property
    def scale(self) -> float:
        return self.alpha / self.rank


class _MergedLinear(torch.autograd.Function):
    """`x @ W'` where W' already holds the low-rank change; gradients go to x and to the factors, never to W'.

    One large product forward and one backward, as without an adapter; the low-rank path costs only in the gradients.
    """

    @staticmethod
    def forward(  # noqa: PLR0913, PLR0917  (autograd sees only plain arguments)
        ctx: Any, x: Tensor, a: Tensor, b: Tensor, merged: Tensor, scale: float
    ) -> Tensor:
        ctx.save_for_backward(x, a, b, merged)
        ctx.scale = scale
        return F.linear(x, merged)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor, Tensor, None, None]:
        x, a, b, merged = ctx.saved_tensors
        grad, rows = grads[0].flatten(0, -2), x.flatten(0, -2)
        grad_x = (grad @ merged).view(x.shape) if ctx.needs_input_grad[0] else None
        grad_a = ctx.scale * ((grad @ b).T @ rows)
        grad_b = ctx.scale * (grad.T @ F.linear(rows, a))
        return grad_x, grad_a, grad_b, None, None


class Adapter(nn.Module):
    """The factors of one projection: `a` `[parts * rank, inputs]`, `b` `[rows, parts * rank]`, zero off its blocks.

    A projection that stacks several stored matrices has one pair of factors for each; stacked, they are one product.
    """

    def __init__(self, projection: Projection, config: LoraConfig, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.config, self.parts = config, projection.parts
        device, inputs = projection.weight.device, projection.weight.shape[1]
        bound = 1 / math.sqrt(inputs)  # as PEFT starts A: uniform, the same spread as a fresh linear layer
        stack = torch.rand(len(self.parts) * config.rank, inputs, generator=generator) * 2 * bound - bound
        self.a = nn.Parameter(stack.to(device))
        self.b = nn.ParameterList(nn.Parameter(torch.zeros(n, config.rank, device=device)) for n in self.parts.values())
        self._merged: Tensor | None = None
        self._merged_for: tuple[int, ...] = ()

    def forward(self, x: Tensor, weight: Tensor) -> Tensor:
        if weight.dtype == torch.float32:
            out: Tensor = _MergedLinear.apply(x, self.a, self.stacked_b(), self._fresh(weight), self.config.scale)  # type: ignore[no-untyped-call]
            return out
        # In bfloat16 a small change would be lost in the rounding of W', so both paths are multiplied.
        low = F.linear(x, self.a.to(x.dtype))
        return F.linear(x, weight) + F.linear(low, (self.stacked_b() * self.config.scale).to(x.dtype))

    def factors_a(self) -> tuple[Tensor, ...]:
        """Return the `A` of each stored matrix, as views."""
        return tuple(self.a[i : i + self.config.rank] for i in range(0, len(self.a), self.config.rank))

    def stacked_b(self) -> Tensor:
        stacked: Tensor = torch.block_diag(*self.b)  # type: ignore[no-untyped-call]
        return stacked

    def change(self) -> Tensor:
        """Return what the adapter adds to the weight, in float32."""
        return self.config.scale * (self.stacked_b() @ self.a)

    def _fresh(self, weight: Tensor) -> Tensor:
        """Return weight + change, computed again only after an optimiser has written to a factor."""
        versions = (self.a._version, *(b._version for b in self.b))  # noqa: SLF001
        if self._merged is None or versions != self._merged_for:
            with torch.no_grad():
                self._merged = torch.addmm(weight, self.stacked_b(), self.a, alpha=self.config.scale, out=self._merged)
            self._merged_for = versions
        return self._merged


def attach(model: Llama, config: LoraConfig, seed: int = 0) -> list[nn.Parameter]:
    """Freeze the model, put a fresh adapter (a change of zero) on every projection, and return what is to be trained.

    Raises ModelError where adapters are attached already: merge or detach them first.
    """
    generator = torch.Generator().manual_seed(seed)
    model.requires_grad_(False)
    for name, projection in projections(model):
        if projection.adapter is not None:
            raise ModelError(f"{name} has an adapter already; merge or detach it first")
        projection.adapter = Adapter(projection, config, generator)
    return parameters(model)


def detach(model: Llama) -> None:
    """Remove the adapters: the base answers again."""
    for _, projection in projections(model):
        projection.adapter = None


def merge(model: Llama) -> None:
    """Write the adapters into the weights, for serving at the speed of the base, and remove them."""
    for _, projection in projections(model):
        if isinstance(projection.adapter, Adapter):
            with torch.no_grad():
                projection.weight.copy_(projection.weight.float() + projection.adapter.change())
            projection.adapter = None


def parameters(model: Llama) -> list[nn.Parameter]:
    """Return the trainable factors, in a fixed order."""
    return [p for _, adapter in adapters(model) for p in adapter.parameters()]


def projections(model: Llama) -> Iterator[tuple[str, Projection]]:
    """Yield every projection with the prefix that PEFT gives its layer."""
    for index, layer in enumerate(model.blocks()):
        for projection in (layer.qkv, layer.out, layer.gate_up, layer.down):
            yield f"{_PREFIX}{index}.", projection


def adapters(model: Llama) -> Iterator[tuple[str, Adapter]]:
    """Yield every attached adapter with the prefix that PEFT gives its layer."""
    for prefix, projection in projections(model):
        if isinstance(projection.adapter, Adapter):
            yield prefix, projection.adapter


def save(model: Llama, folder: Path, base_name: str) -> None:
    """Write the attached adapters as PEFT does, in bfloat16. Raises ModelError where none is attached."""
    tensors: dict[str, Tensor] = {}
    config: LoraConfig | None = None
    for prefix, adapter in adapters(model):
        config = adapter.config
        for part, a, b in zip(adapter.parts, adapter.factors_a(), adapter.b, strict=True):
            tensors[f"{prefix}{part}.lora_A.weight"] = a.detach().to("cpu", torch.bfloat16).contiguous()
            tensors[f"{prefix}{part}.lora_B.weight"] = b.detach().to("cpu", torch.bfloat16).contiguous()
    if config is None:
        raise ModelError("no adapter is attached; there is nothing to save")
    targets = sorted({part.rpartition(".")[2] for _, p in projections(model) for part in p.parts})
    settings = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base_name,
        "r": config.rank,
        "lora_alpha": config.alpha,
        "target_modules": targets,
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / ADAPTER_WEIGHTS, metadata={"format": "pt"})
    (folder / ADAPTER_CONFIG).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def load(model: Llama, folder: Path) -> LoraConfig:
    """Attach the adapters stored in `folder`. Raises ModelError naming the field or tensor that does not fit."""
    settings = json.loads((folder / ADAPTER_CONFIG).read_text(encoding="utf-8"))
    if settings.get("peft_type") != "LORA":
        raise ModelError(f"{ADAPTER_CONFIG}: peft_type is {settings.get('peft_type')!r}; only LORA adapters run here")
    config = LoraConfig(int(settings["r"]), float(settings["lora_alpha"]))
    with safetensors.safe_open(folder / ADAPTER_WEIGHTS, framework="pt") as file:
        attach(model, config)
        expected = 0
        for prefix, adapter in adapters(model):
            for part, a, b in zip(adapter.parts, adapter.factors_a(), adapter.b, strict=True):
                _fill(a, file, f"{prefix}{part}.lora_A.weight")
                _fill(b, file, f"{prefix}{part}.lora_B.weight")
                expected += 2
        if len(file.keys()) != expected:
            raise ModelError(f"{ADAPTER_WEIGHTS}: holds {len(file.keys())} tensors, this model takes {expected}")
    return config


def _fill(target: Tensor, file: Any, name: str) -> None:
    if name not in file.keys():  # noqa: SIM118  (the handle is no mapping)
        raise ModelError(f"{ADAPTER_WEIGHTS}: tensor {name!r} is missing")
    source = file.get_tensor(name)
    if source.shape != target.shape:
        sizes = f"has shape {list(source.shape)}, the base model takes {list(target.shape)}"
        raise ModelError(f"{ADAPTER_WEIGHTS}: tensor {name!r} {sizes}")
    with torch.no_grad():
        target.copy_(source)
