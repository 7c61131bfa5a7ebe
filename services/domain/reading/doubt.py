"""Doubt about a sentence in which no claim was read: whether it may claim an effect all the same.

A linear model over the sentence's traits, trained by `python -m lifecycle.doubt.train` on sentences that claim and
sentences that do not. It may only add doubt: it never supports a claim and never settles one. Grammar and lexicon say
what is claimed; this says only that a person should look. What it was trained on, and how far it can be trusted:
lifecycle/doubt/CARD.md.

A second opinion, where one is given, weighs in: it knows what a sentence means where the traits know how it is built.
"""

import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import NamedTuple

from services.domain.claims import Effect
from services.domain.reading.drafts import Reading, SegmentReading
from services.domain.reading.effects import meaning
from services.domain.reading.tags import Deed, Tag, Thing
from services.domain.reading.traits import traits

DEFAULT_DOUBT = 0.5
"""Probability from which a sentence that nothing explains makes the reply ambiguous. Trade-off: docs/verifier.md."""


SECOND_LANGUAGES = frozenset({"en"})
"""Languages in which the second opinion is asked: elsewhere it did not help (docs/verifier.md)."""
SECOND_WEIGHT, SECOND_LIMIT = 0.5, 6.0
"""How much the second opinion's log-odds count beside the first's, and the most they may say either way."""

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

    def score(self, passage: SegmentReading) -> float:
        """Return the log-odds that the sentence claims an effect."""
        found = traits(passage, self._words.__contains__)
        return math.fsum(self._weights.get(trait, 0.0) for trait in found) / math.sqrt(len(found))

    def probability(self, passage: SegmentReading) -> float:
        """Return how likely the sentence claims an effect, in (0, 1)."""
        return _probability(self.score(passage))


@lru_cache(maxsize=1)
def shipped() -> DoubtModel:
    """Return the model that ships with the product."""
    data = json.loads(resources.files("services.domain.reading").joinpath("doubt.json").read_text(encoding="utf-8"))
    return DoubtModel(data["words"].split(" "), data["weights"])


@dataclass(frozen=True)
class Opinion:
    """What a second reader makes of a sentence: log-odds that it claims an effect, and which (they sum to 1)."""

    score: float
    effects: Mapping[Effect, float] = field(default_factory=dict)


SecondOpinion = Callable[[Sequence[str]], Sequence[Opinion]]
"""Judges folded sentences, all of a reply at once. Deterministic; may be slow beside the traits."""
Explained = Callable[[SegmentReading, Opinion | None], bool]
"""Tells whether what is recorded explains a sentence, so that there is nothing to doubt."""


def doubts(
    reading: Reading, explained: Explained, threshold: float, second: SecondOpinion | None = None
) -> list[Doubt]:
    """Return the sentences without a read claim that may claim one, and that nothing recorded explains."""
    model = shipped()
    open_ = [p for p in reading.passages if not p.drafts and not p.segment.quoted]
    scores = [model.score(passage) for passage in open_]
    opinions = _opinions(reading, open_, scores, threshold, second)
    found = []
    for passage, score, opinion in zip(open_, scores, opinions, strict=True):
        probability = _probability(score if opinion is None else together(score, opinion))
        if probability >= threshold and not explained(passage, opinion):
            found.append(Doubt(passage.segment.start, passage.segment.end, round(probability, 2)))
    return found


def together(score: float, opinion: Opinion) -> float:
    """Return the log-odds of both readers."""
    return score + SECOND_WEIGHT * max(min(opinion.score, SECOND_LIMIT), -SECOND_LIMIT)


def _opinions(
    reading: Reading,
    passages: Sequence[SegmentReading],
    scores: Sequence[float],
    threshold: float,
    second: SecondOpinion | None,
) -> list[Opinion | None]:
    """Ask about the sentences of which an answer can matter; the limit on what it may say tells which."""
    opinions: list[Opinion | None] = [None] * len(passages)
    if second is None:
        return opinions
    asked = [
        i
        for i, (passage, score) in enumerate(zip(passages, scores, strict=True))
        if passage.code in SECOND_LANGUAGES and _probability(score + SECOND_WEIGHT * SECOND_LIMIT) >= threshold
    ]
    for i, opinion in zip(asked, second([reading.sentence(passages[i]) for i in asked]) if asked else (), strict=True):
        opinions[i] = opinion
    return opinions


def _probability(score: float) -> float:
    return 1 / (1 + math.exp(-max(min(score, 30.0), -30.0)))


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
