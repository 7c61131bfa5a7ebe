"""Keys and values of beginnings that many prompts share, so that the system text and a clause run once.

A prompt is cut at its segment boundaries; each segment is stored under the digest of everything up to its end.
Bounded memory: the segment unused for longest goes first. Knows ids and tensors, not what a segment says.
"""

import hashlib
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakSet

from torch import Tensor

from services.inference.attention import KVCache


@dataclass(frozen=True)
class Segment:
    """One piece of a prompt, `[begin, end)`; `key` is the digest of ids `[0, end)`."""

    begin: int
    end: int
    key: bytes


def cut(ids: Sequence[int], boundaries: Sequence[int]) -> list[Segment]:
    """Return the segments that `boundaries` (positions inside `ids`, any order) end, each with its digest."""
    digest, begin, segments = hashlib.sha256(), 0, []
    for end in sorted({b for b in boundaries if 0 < b <= len(ids)}):
        digest.update(array("q", ids[begin:end]).tobytes())
        segments.append(Segment(begin, end, digest.digest()))
        begin = end
    return segments


class PrefixCache:
    """Segments by digest, at most `max_bytes` of keys and values. `hit_tokens` counts what did not have to run."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes, self.bytes, self.hit_tokens = max_bytes, 0, 0
        _ALIVE.add(self)
        self._held: OrderedDict[bytes, Tensor] = OrderedDict()

    def __contains__(self, segment: Segment) -> bool:
        return segment.key in self._held

    def __len__(self) -> int:
        return len(self._held)

    def fill(self, cache: KVCache, segments: Sequence[Segment]) -> None:
        """Copy into `cache` every segment that continues what it holds, up to the first that is not here."""
        for segment in segments:
            if segment.begin > cache.length or segment.key not in self._held:
                return
            if segment.end <= cache.length:
                continue
            values = self._held[segment.key]
            self._held.move_to_end(segment.key)
            cache.reserve(segment.end - cache.length)
            cache.values[:, :, :, segment.begin : segment.end] = values
            self.hit_tokens += segment.end - cache.length
            cache.length = segment.end

    def store(self, cache: KVCache, segment: Segment) -> None:
        """Keep a copy of `segment` out of a cache that has run past it."""
        if segment.key in self._held or segment.end > cache.length:
            return
        values = cache.values[:, :, :, segment.begin : segment.end].clone()
        size = values.numel() * values.element_size()
        if size > self.max_bytes:
            return
        while self._held and self.bytes + size > self.max_bytes:
            _, old = self._held.popitem(last=False)
            self.bytes -= old.numel() * old.element_size()
        self._held[segment.key] = values
        self.bytes += size


_ALIVE: WeakSet[PrefixCache] = WeakSet()
"""The caches of this process, for whoever watches its memory."""


def held_bytes() -> int:
    """Return the bytes of keys and values that all caches of this process hold."""
    return sum(cache.bytes for cache in list(_ALIVE))
