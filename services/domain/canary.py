"""The rule on a canary: does it stay, or is it rolled back? Pure; figures in, a ruling with reasons out.

Both arms are drawn by a hash of the return, so their customers are alike and their shares can be compared. Shares are
compared by the 99 % interval of their difference, first tokens by intervals of their 95th percentile: a canary is
rolled back when it is surely worse, and a single bad answer can be enough beside many good ones of the champion's.
99 % rather than 95, because the question is asked again and again while the returns come in. Counting the figures is
the store's job, moving the alias the watch's.
"""

import math
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

Z = 2.576
TAIL = 0.005
"""Two-sided 99 %: the quantile of the normal distribution, and the part left out at each end."""


class Arm(BaseModel):
    """Live figures of one checkpoint since the canary began. Counts, and milliseconds of every first token.

    `errors` are returns on which the checkpoint failed, `reviewed` those sent to a person (random audits apart).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    checkpoint: str
    returns: int = Field(ge=0)
    errors: int = Field(default=0, ge=0)
    unsupported_claims: int = Field(default=0, ge=0)
    blocked: int = Field(default=0, ge=0)
    reviewed: int = Field(default=0, ge=0)
    approved: int = Field(default=0, ge=0)
    ttft_ms: tuple[float, ...] = ()

    @property
    def ttft_p95_ms(self) -> float | None:
        return quantile(self.ttft_ms, 0.95) if self.ttft_ms else None


class CanaryLimits(BaseModel):
    """How much worse is too much. `*_margin` are differences of shares that do not matter yet."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    review_margin: float = 0.10
    approval_margin: float = 0.10
    ttft_ms: float = 1_000.0
    ttft_factor: float = 1.15
    ttft_margin_ms: float = 50.0
    """Slower by less than this is the machine's noise, whatever the factor."""
    enough_returns: int = 200
    """Returns of the canary after which "nothing found" means something."""


class CanaryVerdict(StrEnum):
    """`watch`: nothing against it, too few returns to tell. `holds`: nothing against it after enough of them."""

    WATCH = "watch"
    HOLDS = "holds"
    ROLL_BACK = "roll_back"


class Measured(NamedTuple):
    """One comparison: what the champion does, what the canary does, and whether that is surely worse."""

    name: str
    title: str
    champion: float | None
    candidate: float | None
    unit: str
    worse: bool
    why: str


class CanaryRuling(NamedTuple):
    verdict: CanaryVerdict
    reasons: tuple[str, ...]
    measures: tuple[Measured, ...]


DEFAULT_LIMITS = CanaryLimits()


def rule_on(candidate: Arm, champion: Arm, limits: CanaryLimits = DEFAULT_LIMITS) -> CanaryRuling:
    """Return the ruling on a canary: rolled back on the first measure that is surely worse."""
    measures = tuple(_measures(candidate, champion, limits))
    against = tuple(one.why for one in measures if one.worse)
    if against:
        return CanaryRuling(CanaryVerdict.ROLL_BACK, against, measures)
    if candidate.returns < limits.enough_returns:
        left = f"{candidate.returns} of {limits.enough_returns} returns seen; nothing speaks against it so far"
        return CanaryRuling(CanaryVerdict.WATCH, (left,), measures)
    seen = f"{candidate.returns} returns seen, and on no measure it is surely worse than the champion"
    return CanaryRuling(CanaryVerdict.HOLDS, (seen,), measures)


def _measures(candidate: Arm, champion: Arm, limits: CanaryLimits) -> Iterator[Measured]:
    for name, title, margin in (
        ("errors", "returns on which it failed", 0.0),
        ("unsupported_claims", "replies with an unsupported claim", 0.0),
        ("reviewed", "returns sent to a person", limits.review_margin),
        ("approved", "returns approved", limits.approval_margin),
    ):
        yield _share(name, title, candidate, champion, margin)
    yield _first_token(candidate, champion, limits)


def _share(name: str, title: str, candidate: Arm, champion: Arm, margin: float) -> Measured:
    ours, theirs = getattr(candidate, name), getattr(champion, name)
    low, _ = difference_interval(ours, candidate.returns, theirs, champion.returns)
    worse = low > margin
    why = (
        f"{title}: {ours} of {candidate.returns}, the champion {theirs} of {champion.returns}; "
        f"more by at least {low * 100:.1f} percentage points, allowed are {margin * 100:.0f}"
        if worse
        else f"{title}: {ours} of {candidate.returns}, the champion {theirs} of {champion.returns}"
    )
    return Measured(name, title, _ratio(theirs, champion.returns), _ratio(ours, candidate.returns), "share", worse, why)


def _first_token(candidate: Arm, champion: Arm, limits: CanaryLimits) -> Measured:
    name, title = "ttft_p95_ms", "95th percentile of the time to the first token"
    ours, theirs = candidate.ttft_p95_ms, champion.ttft_p95_ms
    surely, at_most = quantile_interval(candidate.ttft_ms, 0.95)[0], quantile_interval(champion.ttft_ms, 0.95)[1]
    if ours is None or theirs is None:
        return Measured(name, title, theirs, ours, "ms", worse=False, why=f"{title}: nothing to compare yet")
    limit = max(at_most * limits.ttft_factor, at_most + limits.ttft_margin_ms)
    if at_most <= limits.ttft_ms:
        # Both arms share a machine: where its load makes the champion slow too, the fixed limit says nothing.
        limit = min(limit, limits.ttft_ms)
    worse = surely > limit
    why = f"{title}: {ours:.0f} ms (surely {surely:.0f}), the champion {theirs:.0f} ms, allowed are {limit:.0f}"
    return Measured(name, title, theirs, ours, "ms", worse, why)


def difference_interval(hits: int, total: int, other_hits: int, other_total: int) -> tuple[float, float]:
    """Return the 99 % interval of hits/total - other_hits/other_total (Newcombe 1998, method 10)."""
    (low, high), (other_low, other_high) = wilson(hits, total), wilson(other_hits, other_total)
    one, other = _ratio(hits, total) or 0.0, _ratio(other_hits, other_total) or 0.0
    if not total or not other_total:
        return -1.0, 1.0
    below = math.hypot(one - low, other_high - other)
    above = math.hypot(high - one, other - other_low)
    return one - other - below, one - other + above


def wilson(hits: int, total: int) -> tuple[float, float]:
    """Return the 99 % interval of a share (Wilson 1927); [0, 1] for a total of 0."""
    if not total:
        return 0.0, 1.0
    share, scale = hits / total, 1 + Z * Z / total
    centre = share + Z * Z / (2 * total)
    spread = Z * math.sqrt(share * (1 - share) / total + Z * Z / (4 * total * total))
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` of all do not exceed. Raises ValueError for no values."""
    if not values:
        raise ValueError("no values")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def quantile_interval(values: Sequence[float], share: float) -> tuple[float, float]:
    """Return the 99 % interval of a quantile by order statistics; 0 and the largest value stand for "not known".

    The quantile lies below the k-th smallest of n values with the probability that fewer than k of n draws fall under
    it, which is binomial. No distribution of the values is assumed.
    """
    total, ordered = len(values), sorted(values)
    if not total:
        return 0.0, math.inf
    below, low, high = 0.0, 0, total
    for count in range(total):
        chosen = math.lgamma(total + 1) - math.lgamma(count + 1) - math.lgamma(total - count + 1)
        below += math.exp(chosen + count * math.log(share) + (total - count) * math.log1p(-share))
        if below <= TAIL:
            low = count + 1
        if below >= 1 - TAIL:
            high = min(high, count + 1)
    return ordered[low - 1] if low else 0.0, ordered[high - 1]


def _ratio(hits: int, total: int) -> float | None:
    return hits / total if total else None
