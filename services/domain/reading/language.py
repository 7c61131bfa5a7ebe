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


def certain(text: str, lexicons: Sequence[Lexicon]) -> str | None:
    """Return the code of the language that folded `text` is clearly written in, or None where it is not clear."""
    known = tuple(lexicons)
    scores = _scores(text, known)
    first, second = sorted(scores, reverse=True)[:2]
    if first < 4 or first < 1.6 * second:
        return None
    return known[scores.index(first)].code


def shares(text: str, lexicons: Sequence[Lexicon]) -> tuple[int, float, float]:
    """Return how many words folded `text` has, the share of small words of its best language, and of known words."""
    words = [word for word in _WORDS.findall(text) if len(word) > 1]
    if not words:
        return 0, 0.0, 0.0
    small = max(sum(word in lexicon.hints for word in words) for lexicon in lexicons)
    known = sum(in_lexicon(word, lexicons) for word in words)
    return len(words), small / len(words), known / len(words)


def in_lexicon(word: str, lexicons: Sequence[Lexicon]) -> bool:
    """Tell whether any of the languages knows the folded word."""
    return any(_is_known(word, lexicon) for lexicon in lexicons)


def _is_known(word: str, lexicon: Lexicon) -> bool:
    return word in lexicon.hints or word in lexicon.known or lexicon.single.get(word) is not None
