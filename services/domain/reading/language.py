"""Tells which of the known languages a stretch of text is written in, by its small words."""

import re
from collections.abc import Sequence
from functools import lru_cache

from services.domain.reading.lexicon import Lexicon

_WORDS = re.compile(r"[a-z]+")


@lru_cache(maxsize=20_000)
def _languages_of(word: str, lexicons: tuple[Lexicon, ...]) -> tuple[tuple[int, float], ...]:
    hits = []
    for index, lexicon in enumerate(lexicons):
        if word in lexicon.hints:
            hits.append((index, 1.0))
        elif lexicon.single.get(word) is not None and len(word) > 3:
            hits.append((index, 0.6))
    return tuple(hits)


def _scores(text: str, lexicons: tuple[Lexicon, ...]) -> list[float]:
    scores = [0.0] * len(lexicons)
    for word in _WORDS.findall(text):
        for index, weight in _languages_of(word, lexicons):
            scores[index] += weight
    return scores


def dominant(text: str, lexicons: Sequence[Lexicon]) -> Lexicon:
    """Return the language of the whole reply; the first where nothing tells."""
    known = tuple(lexicons)
    scores = _scores(text, known)
    return known[scores.index(max(scores))]


def candidates(text: str, main: Lexicon, lexicons: Sequence[Lexicon]) -> tuple[Lexicon, ...]:
    """Return the languages to read one sentence in: the reply's own, or another that fits clearly better.

    Where another fits a little better both are read, so that a claim in a second language is not missed.
    """
    known = tuple(lexicons)
    scores = _scores(text, known)
    best = max(scores)
    own = scores[known.index(main)]
    if best <= own + 0.5:
        return (main,)
    winner = known[scores.index(best)]
    return (winner,) if best >= own + 1.5 else (winner, main)
