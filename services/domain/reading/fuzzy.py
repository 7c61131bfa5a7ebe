"""Repairs the spelling of words that would carry a claim: slips, doubled or dropped letters, digits for letters.

Only a word that no lexicon knows is repaired, and only to a critical word of its language.
"""

from collections import defaultdict
from collections.abc import Iterable
from functools import cache

from services.domain.reading.lexicon import Entry, Lexicon

_LEET = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "@": "a", "$": "s"})
_MIN_LENGTH = 5
_TWO_SLIPS_FROM = 10


def unleet(word: str) -> str:
    """Return `word` with digits read as the letters they imitate."""
    return word.translate(_LEET)


def _deletes(word: str, count: int) -> set[str]:
    found = {word}
    edge = {word}
    for _ in range(count):
        edge = {w[:i] + w[i + 1 :] for w in edge for i in range(len(w))}
        found |= edge
    return found


def _distance(a: str, b: str, limit: int) -> int:
    """Return the Damerau distance (neighbouring letters swapped count once), or `limit` + 1 where it is greater."""
    if abs(len(a) - len(b)) > limit:
        return limit + 1
    older: list[int] = []
    previous = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        current = [i]
        for j, right in enumerate(b, 1):
            cost = min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (left != right))
            if i > 1 and j > 1 and left == b[j - 2] and a[i - 2] == right:
                cost = min(cost, older[j - 2] + 1)
            current.append(cost)
        older, previous = previous, current
    return previous[-1]


# Endings that make another tense of a known verb, not a misspelt participle.
_ENDINGS = {
    "es": ("ara", "aran", "aremos", "are", "ira", "iran", "iremos", "ar", "er", "ir", "an", "amos", "aba", "aria", "ando", "e"),  # noqa: E501 - a pattern is read by the line
    "it": ("era", "eranno", "eremo", "ra", "ranno", "remo", "are", "ere", "ire", "iamo", "ano", "ando", "endo"),
    "fr": ("era", "eront", "erons", "erai", "ez", "er", "ons", "ent", "erait", "ant", "re", "ir"),
    "de": ("en", "t", "te", "st"),
    "nl": ("en", "t", "de", "te"),
    "en": (),
}  # fmt: skip


def _plausible(word: str, candidate: str, code: str) -> bool:
    """Refuse what is more likely another form of the verb (includes, included) than a slip."""
    if word[0] != candidate[0]:
        return False
    # One letter for another makes another word in short words, and in languages rich in forms (verwendet, versendet).
    exchanged = len(word) == len(candidate) and sorted(word) != sorted(candidate)
    if exchanged and (len(candidate) <= _MIN_LENGTH or code != "en"):
        return False
    endings = _ENDINGS.get(code, ())
    if endings and word.endswith(endings) and not candidate.endswith(endings):
        return False
    if candidate[:-1] == word[:-1] or word[:-1] == candidate:
        return False
    return not (candidate[:-1] == word and word[-1] == "e" and word[-2] not in "dt")


@cache
def _index(lexicon: Lexicon) -> dict[str, tuple[str, ...]]:
    index: defaultdict[str, list[str]] = defaultdict(list)
    for word in lexicon.critical:
        for key in _deletes(word, 2 if len(word) >= _TWO_SLIPS_FROM else 1):
            index[key].append(word)
    return {key: tuple(words) for key, words in index.items()}


def repair(word: str, lexicons: Iterable[Lexicon]) -> Entry | None:
    """Return the entry of the critical word that `word` misspells, or None."""
    letters = unleet(word)
    for lexicon in lexicons:
        if letters != word and (entry := lexicon.look_up(letters)) is not None:
            return entry
        if len(letters) < _MIN_LENGTH or letters in lexicon.known:
            continue
        slips = 2 if len(letters) >= _TWO_SLIPS_FROM and lexicon.code == "en" else 1
        best: tuple[int, str] | None = None
        index = _index(lexicon)
        for key in _deletes(letters, slips):
            for candidate in index.get(key, ()):
                distance = _distance(letters, candidate, slips)
                if (
                    _plausible(letters, candidate, lexicon.code)
                    and distance <= slips
                    and (best is None or (distance, candidate) < best)
                ):
                    best = (distance, candidate)
        if best is not None:
            return lexicon.critical[best[1]]
    return None
