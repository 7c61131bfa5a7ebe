"""Doubt about a sentence in which no claim was read: whether it may claim an effect all the same.

A linear model over the sentence's traits, trained by `python -m lifecycle.doubt.train` on sentences that claim and
sentences that do not. It may only add doubt: it never supports a claim and never settles one. Grammar and lexicon say
what is claimed; this says only that a person should look. What it was trained on, and how far it can be trusted:
lifecycle/doubt/CARD.md.
"""

import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from importlib import resources
from typing import NamedTuple

from services.domain.claims import Effect
from services.domain.reading.drafts import SegmentReading
from services.domain.reading.effects import meaning
from services.domain.reading.tags import Deed, Tag, Thing
from services.domain.reading.traits import traits

DEFAULT_DOUBT = 0.4
"""Probability from which a sentence that nothing explains makes the reply ambiguous. Trade-off: docs/verifier.md."""


# Things that every effect is about: they tell nothing of which.
_NO_EFFECT = frozenset({Thing.NEUTRAL, Thing.ORDER, Thing.PARCEL})


class Doubt(NamedTuple):
    """A sentence that may claim an effect; [start, end) are offsets of the folded text."""

    start: int
    end: int
    probability: float


class DoubtModel:
    """`words`: those met in training; `weights`: one a trait. Others weigh nothing."""

    def __init__(self, words: Collection[str], weights: Mapping[str, float]) -> None:
        self._words = frozenset(words)
        self._weights = dict(weights)
        self._parts = frozenset(part for word in self._words for part in word.split("_"))

    def knows(self, word: str) -> bool:
        """Tell whether the folded word was met in training."""
        return word in self._parts

    def probability(self, passage: SegmentReading) -> float:
        """Return how likely the sentence claims an effect, in (0, 1)."""
        found = traits(passage, self._words.__contains__)
        score = math.fsum(self._weights.get(trait, 0.0) for trait in found) / math.sqrt(len(found))
        return 1 / (1 + math.exp(-max(min(score, 30.0), -30.0)))


@lru_cache(maxsize=1)
def shipped() -> DoubtModel:
    """Return the model that ships with the product."""
    data = json.loads(resources.files("services.domain.reading").joinpath("doubt.json").read_text(encoding="utf-8"))
    return DoubtModel(data["words"].split(" "), data["weights"])


Explained = Callable[[SegmentReading], bool]
"""Tells whether what is recorded explains a sentence, so that there is nothing to doubt."""


def doubts(passages: Sequence[SegmentReading], explained: Explained, threshold: float) -> list[Doubt]:
    """Return the sentences without a read claim that may claim one, and that nothing recorded explains."""
    model = shipped()
    found = []
    for passage in passages:
        if passage.drafts or passage.segment.quoted or explained(passage):
            continue
        probability = model.probability(passage)
        if probability >= threshold:
            found.append(Doubt(passage.segment.start, passage.segment.end, round(probability, 2)))
    return found


def suggested(passage: SegmentReading) -> set[Effect]:
    """Return the effects that the things named in the sentence can undergo."""
    effects: set[Effect] = set()
    for token in passage.tokens:
        if token.tag is not Tag.THING or token.value in _NO_EFFECT:
            continue
        for deed in (Deed.UNKNOWN, Deed.SEND, Deed.CANCEL if token.value == Thing.RETURN else Deed.UNKNOWN):
            sense = meaning(deed, [token.value])
            if sense is not None:
                effects.update((sense.effect, *sense.others))
    return effects
