"""Tells whether two names mean the same goods: lamp, the lamps, desk lamp, Lampe. Pure look-up and spelling."""

import re
import unicodedata

from services.domain.goods_names import concept_of

_WORD = re.compile(r"[a-z0-9]+")
_SMALL = frozenset(
    """
    the a an of for and with your our new broken damaged faulty defective second pair set one item der die
    das den dem le la les l un une de du des el los las un una del il lo gli i uno di del della het een van
    en und et y e in to ihre ihr ihren ihrem votre tu su sus uw je jouw vostro sua suo tua tuo vos other
    original
    """.split()  # noqa: SIM905 - a list of words reads best as words
)


def _words(name: str) -> list[str]:
    return [word for word in _WORD.findall(_plain(name)) if word not in _SMALL]


def _alike(one: str, other: str) -> bool:
    """Tell whether two words are forms of one: plural, compound, cognate, a slip of one letter."""
    if one == other:
        return True
    short, long = sorted((one, other), key=len)
    if len(short) >= 4 and (long.startswith(short[: max(len(short) - 1, 4)]) or long.endswith(short)):
        return True
    return len(short) >= 3 and long in {short + "s", short + "es", short + "n", short + "en"}


def same_goods(claimed: str, recorded: str) -> bool:
    """Return True where the claimed name can mean the recorded goods; a less exact name does."""
    claim_words, record_words = _words(claimed), _words(recorded)
    if not claim_words or not record_words:
        return True
    meant, kept = thing_of(claimed), thing_of(recorded)
    if meant is not None and kept is not None and meant != kept:
        return False
    if meant is not None and meant == kept and len(claim_words) == 1:
        return True
    shared = [w for w in claim_words if any(_alike(w, r) for r in record_words)]
    if not shared:
        return False
    extra = [w for w in claim_words if w not in shared]
    missing = [r for r in record_words if not any(_alike(w, r) for w in claim_words)]
    return not (extra and missing)


def thing_of(name: str) -> str | None:
    """Return what a name of goods means, in any of the languages; None where the table does not know it.

    The head is the last known word (desk lamp), or the one before "of" in its languages (lampe de bureau).
    """
    words = [word for word in re.findall(r"[a-z0-9-]+", _plain(name)) if word]
    cut = next((i for i, word in enumerate(words) if i and word in {"de", "di", "da", "du", "of", "per", "pour"}), None)
    head = words[:cut] if cut is not None and any(concept_of(word) for word in words[:cut]) else words
    return next((thing for word in reversed(head) if (thing := concept_of(word)) is not None), None)


def _plain(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name.casefold().replace("\u0153", "o"))
    return "".join(c for c in decomposed if unicodedata.category(c) != "Mn")
