"""Whether a reply is language at all, and the customer's: coarse signs of a checkpoint that lost its way. Pure.

They catch letters apart, loops, and words that no known language has; not a sentence of real words without sense.
"""

import re
from collections import Counter

from services.domain.checks import failed, passed
from services.domain.evidence import Evidence
from services.domain.reading.doubt import shipped
from services.domain.reading.folding import fold
from services.domain.reading.language import certain, in_lexicon, shares
from services.domain.reading.lexicons import LEXICONS
from services.domain.reading.money import normal_order, orders
from services.domain.verdict import FailureOwner, Finding, Verdict

_WORDS = re.compile(r"[a-z]+")
_ENOUGH_WORDS = 15
"""Fewer are too few to tell: a status line has no small words."""
_SMALL_SHARE, _KNOWN_SHARE = 0.12, 0.45
_LONG = 5
_LOOP_WORDS, _LOOP_TIMES = 4, 3


def sensible(reply: str) -> Finding:
    """Look for signs that the text is no sensible language."""
    text = fold(reply).text
    words = _WORDS.findall(text)
    count, small, known = shares(text, LEXICONS)
    single = sum(len(word) == 1 for word in words)
    if single >= 8 and single > 0.9 * len(words):
        detail = "the reply spells its words letter by letter"
    elif loop := _loop(words):
        detail = f'the reply says "{loop}" again and again'
    elif count >= _ENOUGH_WORDS and small < _SMALL_SHARE and known < _KNOWN_SHARE:
        detail = f"only {known:.0%} of the words belong to a language the verifier reads"
    else:
        return passed("sensible", "the text has the small words of a language, and does not run in a loop")
    return _unsure("sensible", detail)


def same_language(reply: str, message: str) -> Finding:
    """Look for a reply in another language than the customer's; English answers any language."""
    name = "same_language"
    theirs, ours = certain(fold(message).text, LEXICONS), certain(fold(reply).text, LEXICONS)
    if theirs is None or ours is None or ours in {theirs, "en"}:
        return passed(name, "the reply is in the customer's language or in English, as far as can be told")
    return _unsure(name, f"the customer wrote in {theirs}, the reply is in {ours}")


def trusted_language(reply: str, languages: frozenset[str]) -> Finding:
    """Look for a reply in a language that whoever writes the replies is not trusted to close a return in."""
    name = "trusted_language"
    ours = certain(fold(reply).text, LEXICONS)
    if ours is None or ours in languages:
        return passed(name, "the reply is in a language that may leave by itself, as far as can be told")
    return _unsure(name, f"replies in {ours} are read by a person; those in {', '.join(sorted(languages))} are not")


def known_words(reply: str, evidence: Evidence) -> Finding:
    """Look for a reply of which most long words are met nowhere: not in the lexicons, the banks, or the case itself."""
    name = "known_words"
    case = [evidence.message, *(policy.text for policy in evidence.policies), *map(str, evidence.facts.values.values())]
    own = {word for text in case for word in _WORDS.findall(fold(text).text)}
    words = [word for word in _WORDS.findall(fold(reply).text) if len(word) >= _LONG]
    strange = [
        word for word in words if word not in own and not shipped().knows(word) and not in_lexicon(word, LEXICONS)
    ]
    if len(strange) < 3 or len(strange) < len(words) / 2:
        return passed(name, "the words of the reply are known ones")
    return _unsure(name, f"most of the longer words are unknown: {', '.join(strange[:4])}")


def own_order(reply: str, order_id: str | None) -> Finding:
    """Look for an order number in the reply that is not the case's."""
    name = "own_order"
    if order_id is None:
        return passed(name, "the case has no order number to compare with")
    # "#10234" names A10234: the letter before the number is often left out.
    own = {normal_order(order_id), "".join(sign for sign in order_id if sign.isdigit())}
    others = [m for m in orders(fold(reply).text, 0) if m.order_id not in own]
    if not others:
        return passed(name, f"the reply names no order but {order_id}")
    return _unsure(name, f"the reply names order {others[0].order_id}, the case is about {order_id}")


def _loop(words: list[str]) -> str | None:
    runs = Counter(tuple(words[i : i + _LOOP_WORDS]) for i in range(len(words) - _LOOP_WORDS + 1))
    if not runs:
        return None
    run, times = runs.most_common(1)[0]
    return " ".join(run) if times >= _LOOP_TIMES and _in_a_row(words, run) else None


def _in_a_row(words: list[str], run: tuple[str, ...]) -> bool:
    """Tell whether the run repeats closely: a list may begin three lines alike, a loop has little between."""
    at = [i for i in range(len(words) - len(run) + 1) if tuple(words[i : i + len(run)]) == run]
    return any(third - first <= 3 * len(run) for first, third in zip(at, at[2:], strict=False))


def _unsure(name: str, detail: str) -> Finding:
    return failed(name, detail, owner=FailureOwner.SERVING, remedy="have a person read it", severity=Verdict.AMBIGUOUS)
