"""What can be told of a reply by reading it: length, language, what it cites, what it copies. Pure; judges nothing.

Shared by evaluation, the rubric judge, rewards and the checks on reward shortcuts, so that a word means one thing.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from services.domain.reading.folding import fold
from services.domain.reading.language import dominant
from services.domain.reading.lexicons import LEXICONS
from services.domain.reply_checks import is_telling

SHINGLE_WORDS = 4
COPIES = 0.5
"""A reply with more than this share of the customer's own word shingles copies instead of answering."""
FEWEST_WORDS, MOST_WORDS = 5, 110
"""A reply shorter than this says nothing, one longer is not read; both counted in words."""
_WORD = re.compile(r"\w+")
_QUOTED = re.compile(r'["“„«]\s*([^"“”„«»]+?)\s*["”“»]')
_FEWEST_QUOTED = 3
_HARSH = re.compile(
    r"\b(?:your own fault|wast(?:e|ing) (?:of )?(?:our|my) time|stupid|ridiculous|nonsense|stop (?:complaining|whining)"
    r"|you should have|not our problem|learn to|bother(?:ed|ing)? us|can't you|are you blind|read the rules"
    r"|selbst schuld|nicht unser problem|stehlen sie uns|c'est votre faute|pas notre probleme|perdre notre temps"
    r"|culpa suya|no es nuestro problema|perder el tiempo|colpa sua|un nostro problema|perdere tempo"
    r"|eigen schuld|niet ons probleem|verspil onze tijd)\b"
)
_PROMISE = re.compile(
    r"\b(?:guarantee[sd]?|promise[sd]?|i assure you|rest assured|definitely will|will (?:surely|definitely|certainly)"
    r"|versprech\w*|garantier\w*|garantis\w*|promett\w*|garantiz\w*|promet\w*|garantiamo|garanderen|beloofd?|beloven)\b"
)
_KIND = re.compile(
    r"\b(?:thank|thanks|sorry|please|glad|happy to|good news|unfortunately|apolog\w*|understand|regret\w*|danke|bitte"
    r"|leider|tut uns leid|gerne|merci|desole\w*|s'il vous plait|malheureusement|gracias|por favor|lamentamos|sentimos"
    r"|grazie|purtroppo|dispiace|per favore|bedankt|helaas|alstublieft|graag|dank)\b"
)


class Traits(NamedTuple):
    """`language` is None for a text too short to tell. `cites` are the clause ids named, in order of first mention.

    `copied` and `from_clause` are shares in [0, 1] of the reply's word shingles that stand in the customer's message
    and in the clauses.
    """

    words: int
    language: str | None
    cites: tuple[str, ...]
    copied: float
    from_clause: float
    kind: bool
    harsh: bool
    promises: bool

    @property
    def fits_in_length(self) -> bool:
        return FEWEST_WORDS <= self.words <= MOST_WORDS


def traits_of(reply: str, message: str = "", policy_ids: Iterable[str] = (), clauses: Iterable[str] = ()) -> Traits:
    """Return the traits of a reply to `message` on a case with these clauses."""
    folded = fold(reply).text
    parts = shingles(reply)
    return Traits(
        words=len(_WORD.findall(reply)),
        language=language_of(reply),
        cites=cited(reply, policy_ids),
        copied=_overlap(parts, shingles(message)) if message else 0.0,
        from_clause=_overlap(parts, frozenset().union(*(shingles(text) for text in clauses))),
        kind=_KIND.search(folded) is not None,
        harsh=_HARSH.search(folded) is not None,
        promises=_PROMISE.search(folded) is not None,
    )


def language_of(text: str) -> str | None:
    """Return the language's code, of those the claim reader knows; None where there are too few words to tell."""
    folded = fold(text).text
    if len(_WORD.findall(folded)) < FEWEST_WORDS:
        return None
    return dominant(folded, LEXICONS).code


def cited(reply: str, policy_ids: Iterable[str]) -> tuple[str, ...]:
    """Return which of the ids the reply names. An id without both a letter and a digit may stand in any sentence."""
    found: list[tuple[int, str]] = []
    for policy_id in policy_ids:
        if is_telling(policy_id):
            match = re.search(rf"(?<![\w-]){re.escape(policy_id)}(?![\w-])", reply)
            if match:
                found.append((match.start(), policy_id))
    return tuple(policy_id for _, policy_id in sorted(found))


def quoted_elsewhere(reply: str, sources: Iterable[str]) -> tuple[str, ...]:
    """Return what the reply puts in quotation marks, three words or more, that stands in none of the sources."""
    known = [" ".join(_WORD.findall(text.lower())) for text in sources]
    found = []
    for match in _QUOTED.finditer(reply):
        words = _WORD.findall(match.group(1).lower())
        if len(words) >= _FEWEST_QUOTED and not any(" ".join(words) in text for text in known):
            found.append(match.group(1))
    return tuple(found)


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    """Return the word shingles of a text; one shorter than a shingle is one of its own."""
    words = _WORD.findall(text.lower())
    starts = range(max(1, len(words) - SHINGLE_WORDS + 1))
    return frozenset(tuple(words[i : i + SHINGLE_WORDS]) for i in starts)


def _overlap(parts: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]) -> float:
    real = {part for part in parts if part}
    return len(real & other) / len(real) if real else 0.0
