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


class KVCache:
    """Keys and values of one sequence: `[layers, 2, kv_heads, capacity, head_dim]`, of which `length` are filled."""

    def __init__(self, config: LlamaConfig, capacity: int, device: torch.device, dtype: torch.dtype) -> None:
        shape = (config.num_hidden_layers, 2, config.num_key_value_heads, capacity, config.head_dim)
        self.values = torch.empty(shape, device=device, dtype=dtype)
        self.length = 0

    @property
    def capacity(self) -> int:
        return self.values.shape[3]

    def reserve(self, tokens: int) -> None:
        """Make room for `tokens` more, growing by half again so that appending stays cheap."""
        needed = self.length + tokens
        if needed <= self.capacity:
            return
        shape = list(self.values.shape)
        shape[3] = max(needed, self.capacity * 3 // 2)
        grown = self.values.new_empty(shape)
        grown[:, :, :, : self.length] = self.values[:, :, :, : self.length]
        self.values = grown


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
        yield from zip(self.parts, self.weight.split(list(self.parts.values())), strict=True)


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

    def forward(self, x: Tensor, rotary: tuple[Tensor, Tensor], attend: "Attend", index: int) -> Tensor:
        x = x + self.out(self._attention(self.norm_attention(x), rotary, attend, index))
        gate, up = self.gate_up(self.norm_mlp(x)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)

    def _attention(self, x: Tensor, rotary: tuple[Tensor, Tensor], attend: "Attend", index: int) -> Tensor:
        """Return the mixed values, `[..., T, heads * head_dim]`, for `x` of `[..., T, width]`."""
        mixed = self.qkv(x).unflatten(-1, (-1, self.head_dim)).transpose(-3, -2)  # [..., all heads, T, head_dim]
        turned, v = mixed.split([self.heads + self.kv_heads, self.kv_heads], -3)
        q, k = _rotate(turned, *rotary).split([self.heads, self.kv_heads], -3)
        return attend(q, k, v, index).transpose(-3, -2).flatten(-2)


class Attend:
    """How tokens see one another. `[..., heads, T, head_dim]` in and out; grouped heads share keys and values."""

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, layer: int) -> Tensor:  # noqa: ARG002  (subclasses cache by it)
        """Plain causal attention: also right for rows padded on the right, whose padding no real token sees."""
        return F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)


class AttendRagged(Attend):
    """Several sequences laid end to end, `[heads, N, head_dim]`; each sees itself and, where given, its ancestors.

    `parents[i]` names an earlier sequence that `i` continues: a prompt shared by two completions runs only once.
    """

    def __init__(self, lengths: Sequence[int], parents: Sequence[int | None]) -> None:
        self.lengths = list(lengths)
        self.chains = [_ancestors(parents, i) for i in range(len(lengths))]

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, layer: int) -> Tensor:  # noqa: ARG002
        qs, ks, vs = (x.split(self.lengths, 1) for x in (q, k, v))
        outs = []
        for i, chain in enumerate(self.chains):
            key, value = ks[i], vs[i]
            if chain:
                key = torch.cat([ks[j] for j in chain] + [key], 1)
                value = torch.cat([vs[j] for j in chain] + [value], 1)
            outs.append(attend_after(qs[i], key, value))
        return torch.cat(outs, 1)


class AttendCached(Attend):
    """As AttendRagged, each sequence continuing its own cache, to which its keys and values are added."""

    def __init__(self, lengths: Sequence[int], caches: Sequence[KVCache]) -> None:
        self.lengths, self.caches = list(lengths), caches
        for cache, length in zip(caches, lengths, strict=True):
            cache.reserve(length)

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, layer: int) -> Tensor:
        out, start = torch.empty_like(q), 0
        for cache, length in zip(self.caches, self.lengths, strict=True):
            begin, end, here = cache.length, cache.length + length, slice(start, start + length)
            keys, values = cache.values[layer, 0], cache.values[layer, 1]
            keys[:, begin:end], values[:, begin:end] = k[:, here], v[:, here]
            out[:, here] = attend_after(q[:, here], keys[:, :end], values[:, :end])
            start += length
        return out

    def commit(self) -> None:
        for cache, length in zip(self.caches, self.lengths, strict=True):
            cache.length += length


def attend_after(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attend with queries that are the last `T` of the `S` keys: `[heads, T, d]` on `[kv_heads, S, d]`."""
    (heads, tokens, size), (groups, keys) = q.shape, k.shape[:2]
    if tokens == keys:
        return F.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=True, enable_gqa=True)[0]
    if tokens == 1:
        # All heads of a group ask the same keys: they become rows of one product, without copying keys.
        folded = q.reshape(1, groups, heads // groups, size)
        return F.scaled_dot_product_attention(folded, k[None], v[None]).reshape(heads, 1, size)
    mask = torch.ones(tokens, keys, dtype=torch.bool, device=q.device).tril(keys - tokens)
    return F.scaled_dot_product_attention(q[None], k[None], v[None], attn_mask=mask, enable_gqa=True)[0]


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
        return self.norm(x)

    def head(self, hidden: Tensor, rows: Tensor | None = None) -> Tensor:
        """Return logits `[..., vocab_size]`, or only those of the token ids in `rows`: `[..., len(rows)]`."""
        weight = self.embedding.weight if self.unembedding is None else self.unembedding.weight
        return F.linear(hidden, weight if rows is None else weight[rows])

    def new_cache(self, capacity: int = 256) -> KVCache:
        return KVCache(self.config, capacity, self.device, self.dtype)

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
            attend = AttendRagged(lengths, parents or [None] * len(lengths))
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


def _ancestors(parents: Sequence[int | None], index: int) -> list[int]:
    chain: list[int] = []
    above = parents[index]
    while above is not None:
        if above >= index:
            raise ValueError(f"parents[{index}] is {above}; a parent comes before its child")
        chain.insert(0, above)
        index, above = above, parents[above]
    return chain
