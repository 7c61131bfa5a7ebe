"""Moves weights between Llama and the tensor names of Hugging Face. Reads and writes no files."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from services.inference.llama import Llama, LlamaConfig, ModelError


def stored_tensors(model: Llama) -> Iterator[tuple[str, Tensor]]:
    """Yield every weight under the name that Hugging Face stores it by; stacked matrices as views of their rows."""
    yield "model.embed_tokens.weight", model.embedding.weight
    for index, layer in enumerate(model.blocks()):
        prefix = f"model.layers.{index}."
        for projection in (layer.qkv, layer.out, layer.gate_up, layer.down):
            for name, rows in projection.rows():
                yield f"{prefix}{name}.weight", rows
        yield f"{prefix}input_layernorm.weight", layer.norm_attention.weight
        yield f"{prefix}post_attention_layernorm.weight", layer.norm_mlp.weight
    yield "model.norm.weight", model.norm.weight
    if model.unembedding is not None:
        yield "lm_head.weight", model.unembedding.weight


def build_model(config: LlamaConfig, read: Callable[[str], Tensor], device: torch.device, dtype: torch.dtype) -> Llama:
    """Return a frozen model in evaluation mode whose weights come from `read(stored name)`.

    Raises ModelError naming the first tensor that is missing or has another shape than the configuration says.
    """
    with torch.device("meta"):
        model = Llama(config)
    model = model.to(dtype=dtype).to_empty(device=device)
    with torch.no_grad():
        for name, target in stored_tensors(model):
            try:
                source = read(name)
            except KeyError as error:
                raise ModelError(f"weights: tensor {name!r} is missing") from error
            if source.shape != target.shape:
                shapes = f"has shape {list(source.shape)}, the configuration says {list(target.shape)}"
                raise ModelError(f"weights: tensor {name!r} {shapes}")
            target.copy_(source)
    return model.requires_grad_(False).eval()


def random_model(config: LlamaConfig, seed: int = 0, device: str = "cpu") -> Llama:
    """Return a float32 model with random weights drawn from `seed`: for pre-training and for tests of plumbing."""
    generator = torch.Generator().manual_seed(seed)
    model = Llama(config).to(device)
    with torch.no_grad():
        for name, weight in stored_tensors(model):
            if "norm" in name:
                weight.fill_(1.0)
            else:
                weight.copy_(torch.randn(weight.shape, generator=generator) * 0.02)
    return model
