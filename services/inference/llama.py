"""A small Llama: grouped-query attention, rotary positions, RMSNorm, SwiGLU. For training and for serving.

Follows the `LlamaForCausalLM` of Hugging Face in names of stored tensors and in arithmetic (a test compares logits).
Does not load files (checkpoint), adapt (lora), sample or batch requests (engine).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self, cast

import torch
import torch.nn.functional as F  # noqa: N812  (the name everybody reads)
from torch import Tensor, nn

from services.inference.attention import Attend, AttendCached, AttendRagged, KVCache, split


class ModelError(Exception):
    """The configuration or the weights do not describe a model that can run here; the message names the field."""


@dataclass(frozen=True)
class LlamaConfig:
    """The shape of a model. Field names are those of Hugging Face's config.json."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    rope_theta: float = 10_000.0
    rms_norm_eps: float = 1e-5
    max_position_embeddings: int = 2048
    tie_word_embeddings: bool = True

    @classmethod
    def from_hf(cls, values: Mapping[str, Any]) -> Self:
        """Read a Hugging Face config.json of the Llama family. Raises ModelError naming the field that does not fit."""
        if values.get("model_type") != "llama":
            raise ModelError(f"config.json: model_type is {values.get('model_type')!r}; only 'llama' runs here")
        rope = values.get("rope_parameters") or values.get("rope_scaling") or {}
        if rope.get("rope_type", rope.get("type", "default")) != "default":
            raise ModelError(
                f"config.json: rope type {rope.get('rope_type')!r} is not supported; only the plain one is"
            )
        if values.get("attention_bias") or values.get("mlp_bias"):
            raise ModelError("config.json: attention_bias and mlp_bias must be false")
        if values.get("hidden_act", "silu") != "silu":
            raise ModelError(f"config.json: hidden_act is {values['hidden_act']!r}; only 'silu' runs here")
        try:
            heads = int(values["num_attention_heads"])
            known = {
                "num_key_value_heads": heads,
                "head_dim": int(values["hidden_size"]) // heads,
                "rope_theta": rope.get("rope_theta", 10_000.0),
            }
            known |= {name: values[name] for name in cls.__dataclass_fields__ if values.get(name) is not None}
            return cls(**known)
        except (KeyError, TypeError) as error:
            raise ModelError(f"config.json: a field is missing: {error}") from error

    def to_hf(self) -> dict[str, Any]:
        """Return a config.json that `transformers` also loads."""
        return {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "hidden_act": "silu",
            "attention_bias": False,
            "mlp_bias": False,
        } | asdict(self)

    def parameter_count(self) -> int:
        """Return the number of weights by formula, shared embeddings counted once."""
        attention = self.hidden_size * self.head_dim * 2 * (self.num_attention_heads + self.num_key_value_heads)
        layer = attention + 3 * self.hidden_size * self.intermediate_size + 2 * self.hidden_size
        tables = 1 if self.tie_word_embeddings else 2
        return self.num_hidden_layers * layer + self.hidden_size + tables * self.vocab_size * self.hidden_size

    def kv_values_per_token(self) -> int:
        """Return how many numbers the cache keeps for each token."""
        return 2 * self.num_hidden_layers * self.num_key_value_heads * self.head_dim


def tiny_config(vocab_size: int = 512) -> LlamaConfig:
    """Return the shape of a model of a few thousand weights, for tests of plumbing."""
    return LlamaConfig(vocab_size, 32, 64, 2, 4, 2, 8, max_position_embeddings=512)


class Projection(nn.Module):
    """One matrix multiplication standing for one or several stored matrices, stacked by rows (`q`, `k`, `v`)."""

    def __init__(self, inputs: int, parts: Mapping[str, int]) -> None:
        super().__init__()
        self.parts = dict(parts)
        self.weight = nn.Parameter(torch.empty(sum(parts.values()), inputs))
        self.adapter: nn.Module | None = None

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight) if self.adapter is None else self.adapter(x, self.weight)

    def rows(self) -> Iterator[tuple[str, Tensor]]:
        """Yield each stored matrix with its name, as a view."""
        yield from zip(self.parts, split(self.weight, list(self.parts.values()), 0), strict=True)


class Layer(nn.Module):
    """Attention, then SwiGLU, each with a norm before and a residual around it."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.head_dim = (
            config.num_attention_heads,
            config.num_key_value_heads,
            config.head_dim,
        )
        width, queries, keys = config.hidden_size, self.heads * self.head_dim, self.kv_heads * self.head_dim
        self.norm_attention = nn.RMSNorm(width, config.rms_norm_eps)
        self.norm_mlp = nn.RMSNorm(width, config.rms_norm_eps)
        prefix, mlp = "self_attn.", "mlp."
        self.qkv = Projection(width, {f"{prefix}q_proj": queries, f"{prefix}k_proj": keys, f"{prefix}v_proj": keys})
        self.out = Projection(queries, {f"{prefix}o_proj": width})
        inner = config.intermediate_size
        self.gate_up = Projection(width, {f"{mlp}gate_proj": inner, f"{mlp}up_proj": inner})
        self.down = Projection(inner, {f"{mlp}down_proj": width})

    def forward(self, x: Tensor, rotary: tuple[Tensor, Tensor], attend: Attend, index: int) -> Tensor:
        x = x + self.out(self._attention(self.norm_attention(x), rotary, attend, index))
        gate, up = self.gate_up(self.norm_mlp(x)).chunk(2, -1)
        grown: Tensor = x + self.down(F.silu(gate) * up)
        return grown

    def _attention(self, x: Tensor, rotary: tuple[Tensor, Tensor], attend: Attend, index: int) -> Tensor:
        """Return the mixed values, `[..., T, heads * head_dim]`, for `x` of `[..., T, width]`."""
        mixed = self.qkv(x).unflatten(-1, (-1, self.head_dim)).transpose(-3, -2)  # [..., all heads, T, head_dim]
        turned, v = split(mixed, [self.heads + self.kv_heads, self.kv_heads], -3)
        q, k = split(_rotate(turned, *rotary), [self.heads, self.kv_heads], -3)
        return attend(q, k, v, index).transpose(-3, -2).flatten(-2)


class Llama(nn.Module):
    """The model. `forward` gives hidden states; `head` turns chosen ones into logits over the vocabulary."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.norm = nn.RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.unembedding = (
            None if config.tie_word_embeddings else nn.Linear(config.hidden_size, config.vocab_size, False)
        )
        self.wide_head: nn.Module | None = None
        self._rotary: tuple[Tensor, Tensor] | None = None

    @property
    def device(self) -> torch.device:
        return self.embedding.weight.device

    @property
    def dtype(self) -> torch.dtype:
        return self.embedding.weight.dtype

    def blocks(self) -> list[Layer]:
        return cast("list[Layer]", list(self.layers))

    def forward(
        self,
        ids: Tensor,
        lengths: Sequence[int] | None = None,
        parents: Sequence[int | None] | None = None,
        caches: Sequence[KVCache] | None = None,
    ) -> Tensor:
        """Return hidden states after the last norm, `[..., hidden_size]` for ids of shape `[...]`.

        `ids` of `[B, T]`: rows padded on the right (any id), plain causal; for training and scoring.
        `ids` of `[N]` with `lengths` summing to N: sequences laid end to end, without padding. `parents[i]` makes
        sequence `i` continue an earlier one; `caches[i]` makes it continue a cache, which grows. Not both.
        """
        if lengths is None:
            attend, positions = Attend(), torch.arange(ids.shape[-1], device=ids.device)
        else:
            attend, positions = self._ragged(ids, lengths, parents, caches)
        cos, sin = self._rotary_table()
        rotary = cos[positions], sin[positions]
        x = self.embedding(ids)
        for index, layer in enumerate(self.layers):
            x = layer(x, rotary, attend, index)
        if isinstance(attend, AttendCached):
            attend.commit()
        hidden: Tensor = self.norm(x)
        return hidden

    def head(self, hidden: Tensor, rows: Tensor | None = None) -> Tensor:
        """Return logits `[..., vocab_size]`, or only those of the token ids in `rows`: `[..., len(rows)]`."""
        if rows is None and self.wide_head is not None:
            logits: Tensor = self.wide_head(hidden)
            return logits
        return F.linear(hidden, self.head_weight if rows is None else self.head_weight[rows])

    @property
    def head_weight(self) -> Tensor:
        return self.embedding.weight if self.unembedding is None else self.unembedding.weight

    def new_cache(self, capacity: int = 256) -> KVCache:
        config = self.config
        shape = (config.num_hidden_layers, 2, config.num_key_value_heads, capacity, config.head_dim)
        return KVCache(torch.empty(shape, device=self.device, dtype=self.dtype))

    def _ragged(
        self,
        ids: Tensor,
        lengths: Sequence[int],
        parents: Sequence[int | None] | None,
        caches: Sequence[KVCache] | None,
    ) -> tuple[Attend, Tensor]:
        if ids.dim() != 1 or sum(lengths) != ids.shape[0]:
            raise ValueError(f"lengths sum to {sum(lengths)}, but ids have shape {tuple(ids.shape)}")
        attend: Attend
        if caches is not None:
            attend = AttendCached(lengths, caches)
            starts = [cache.length for cache in caches]
        else:
            attend = AttendRagged(lengths, parents or [None] * len(lengths), ids.device)
            starts = [sum(lengths[j] for j in chain) for chain in attend.chains]
        spans = [torch.arange(s, s + n) for s, n in zip(starts, lengths, strict=True)]
        return attend, torch.cat(spans).to(ids.device)

    def _rotary_table(self) -> tuple[Tensor, Tensor]:
        """Return cosine and sine, `[positions, head_dim / 2]`, computed in float32 once for device and dtype."""
        if self._rotary is None or self._rotary[0].device != self.device or self._rotary[0].dtype != self.dtype:
            size = self.config.head_dim
            exponents = torch.arange(0, size, 2, dtype=torch.float32) / size
            turns = torch.outer(
                torch.arange(self.config.max_position_embeddings, dtype=torch.float32),
                torch.exp(-math.log(self.config.rope_theta) * exponents),
            )
            self._rotary = tuple(f.to(self.device, self.dtype) for f in (turns.cos(), turns.sin()))  # type: ignore[assignment]
        assert self._rotary is not None  # noqa: S101  (for the type checker)
        return self._rotary


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn the first and second half of each head against one another by the angle of its position."""
    first, second = x.chunk(2, -1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)
