"""How tokens see one another: plain causal, sequences laid end to end, or sequences that continue a cache.

Owns the cache's memory layout. Knows nothing of weights, positions or requests.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812  (the name everybody reads)
from torch import Tensor


class KVCache:
    """Keys and values of one sequence: `[layers, 2, kv_heads, capacity, head_dim]`, of which `length` are filled."""

    def __init__(self, values: Tensor) -> None:
        self.values = values
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


class Attend:
    """How tokens see one another. `[..., heads, T, head_dim]` in and out; grouped heads share keys and values."""

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, layer: int) -> Tensor:  # noqa: ARG002  (subclasses cache by it)
        """Plain causal attention: also right for rows padded on the right, whose padding no real token sees."""
        return F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)


class AttendRagged(Attend):
    """Several sequences laid end to end, `[heads, N, head_dim]`; each sees itself and, where given, its ancestors.

    `parents[i]` names an earlier sequence that `i` continues: a prompt shared by two completions runs only once.
    """

    def __init__(self, lengths: Sequence[int], parents: Sequence[int | None], device: torch.device) -> None:
        self.lengths = list(lengths)
        self.chains = [_ancestors(parents, i) for i in range(len(lengths))]
        self.masks = [
            mask_after(sum(lengths[j] for j in c), n, device) for c, n in zip(self.chains, lengths, strict=True)
        ]

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, layer: int) -> Tensor:  # noqa: ARG002
        qs, ks, vs = (split(x, self.lengths, 1) for x in (q, k, v))
        outs = []
        for i, chain in enumerate(self.chains):
            key, value = ks[i], vs[i]
            if chain:
                key = torch.cat([ks[j] for j in chain] + [key], 1)
                value = torch.cat([vs[j] for j in chain] + [value], 1)
            outs.append(attend_after(qs[i], key, value, self.masks[i]))
        return torch.cat(outs, 1)


class AttendCached(Attend):
    """As AttendRagged, each sequence continuing its own cache, to which its keys and values are added."""

    def __init__(self, lengths: Sequence[int], caches: Sequence[KVCache]) -> None:
        self.lengths, self.caches = list(lengths), caches
        self.masks = [mask_after(c.length, n, c.values.device) for c, n in zip(caches, lengths, strict=True)]
        for cache, length in zip(caches, lengths, strict=True):
            cache.reserve(length)

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, layer: int) -> Tensor:
        out, start = torch.empty_like(q), 0
        for cache, length, mask in zip(self.caches, self.lengths, self.masks, strict=True):
            begin, end, here = cache.length, cache.length + length, slice(start, start + length)
            keys, values = cache.values[layer, 0], cache.values[layer, 1]
            keys[:, begin:end], values[:, begin:end] = k[:, here], v[:, here]
            out[:, here] = attend_after(q[:, here], keys[:, :end], values[:, :end], mask)
            start += length
        return out

    def commit(self) -> None:
        for cache, length in zip(self.caches, self.lengths, strict=True):
            cache.length += length


def mask_after(before: int, tokens: int, device: torch.device | None = None) -> Tensor | None:
    """Return who sees whom, `[tokens, before + tokens]`, or None where attention needs no mask for it."""
    if before == 0 or tokens == 1:
        return None
    return torch.ones(tokens, before + tokens, dtype=torch.bool, device=device).tril(before)


def attend_after(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """Attend with queries that are the last `T` of the `S` keys: `[heads, T, d]` on `[kv_heads, S, d]`."""
    (heads, tokens, size), (groups, keys) = q.shape, k.shape[:2]
    if tokens == keys:
        return F.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=True, enable_gqa=True)[0]
    if tokens == 1:
        # All heads of a group ask the same keys: they become rows of one product, without copying keys.
        folded = q.reshape(1, groups, heads // groups, size)
        return F.scaled_dot_product_attention(folded, k[None], v[None]).reshape(heads, 1, size)
    return F.scaled_dot_product_attention(q[None], k[None], v[None], attn_mask=mask, enable_gqa=True)[0]


def _ancestors(parents: Sequence[int | None], index: int) -> list[int]:
    chain: list[int] = []
    above = parents[index]
    while above is not None:
        if above >= index:
            raise ValueError(f"parents[{index}] is {above}; a parent comes before its child")
        chain.insert(0, above)
        index, above = above, parents[above]
    return chain


def split(x: Tensor, sizes: Sequence[int], dim: int) -> tuple[Tensor, ...]:
    return torch.split(x, list(sizes), dim)
