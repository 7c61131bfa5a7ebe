"""How far reviewers agree beyond chance: Cohen's kappa of two, Krippendorff's alpha of any number. Nominal, pure.

Sources: Cohen 1960 (Educational and Psychological Measurement 20), Krippendorff 2011 (Computing Krippendorff's
Alpha-Reliability). The tests compare both with reference implementations and with the published worked example.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple


class Rating(NamedTuple):
    """What one rater said of one item."""

    item: str
    rater: str
    value: str


class Pairwise(NamedTuple):
    """Two raters on the items both rated. `kappa` is None where chance agreement is certain."""

    first: str
    second: str
    items: int
    agreed: int
    kappa: float | None


class Agreement(NamedTuple):
    """`alpha` over all items with two or more ratings; None where there are none, or only one value was ever given."""

    items: int
    alpha: float | None
    pairs: tuple[Pairwise, ...]


def agreement_of(ratings: Sequence[Rating]) -> Agreement:
    """Return alpha over all raters, and kappa of each pair that shares items. A later rating replaces an earlier."""
    units = _units(ratings)
    return Agreement(sum(len(unit) > 1 for unit in units.values()), alpha_of(units), _pairs(units))


def cohen_kappa(first: Sequence[str], second: Sequence[str]) -> float | None:
    """Return kappa of two raters on the same items in the same order; None where both only ever said one thing.

    Raises ValueError for different lengths or no items.
    """
    if len(first) != len(second) or not first:
        raise ValueError("kappa needs two ratings of each item, and at least one item")
    total = len(first)
    observed = sum(one == other for one, other in zip(first, second, strict=True)) / total
    ours, theirs = Counter(first), Counter(second)
    expected = sum(count * theirs[value] for value, count in ours.items()) / total**2
    return None if expected == 1 else (observed - expected) / (1 - expected)


def alpha_of(units: Mapping[str, Mapping[str, str]]) -> float | None:
    """Return Krippendorff's alpha for nominal data; `units` maps item to rater to value, gaps allowed.

    Each item with m ratings adds its ordered pairs of values, weighed 1/(m-1), to the coincidence matrix.
    """
    coincidences: dict[tuple[str, str], float] = defaultdict(float)
    for unit in units.values():
        values = Counter(unit.values())
        raters = sum(values.values())
        if raters < 2:
            continue
        for one, count in values.items():
            for other, others in values.items():
                pairs = count * (others - (one == other))
                coincidences[one, other] += pairs / (raters - 1)
    totals: Counter[str] = Counter()
    for (one, _), weight in coincidences.items():
        totals[one] += weight  # type: ignore[assignment]
    n = sum(totals.values())
    expected = n * n - sum(total * total for total in totals.values())
    if n == 0 or expected == 0:
        return None
    disagreed = sum(weight for (one, other), weight in coincidences.items() if one != other)
    return 1 - (n - 1) * disagreed / expected


def _units(ratings: Sequence[Rating]) -> dict[str, dict[str, str]]:
    units: dict[str, dict[str, str]] = defaultdict(dict)
    for rating in ratings:
        units[rating.item][rating.rater] = rating.value
    return units


def _pairs(units: Mapping[str, Mapping[str, str]]) -> tuple[Pairwise, ...]:
    shared: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for unit in units.values():
        for first, second in combinations(sorted(unit), 2):
            shared[first, second].append((unit[first], unit[second]))
    return tuple(
        Pairwise(
            first,
            second,
            len(values),
            sum(one == other for one, other in values),
            cohen_kappa([one for one, _ in values], [other for _, other in values]),
        )
        for (first, second), values in sorted(shared.items())
    )
