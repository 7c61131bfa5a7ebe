"""Recognises what a message or a clause is about, in six languages and through typing errors.

The words are in `lexicon/<language>.yaml`, by concept: the reasons of `vocabulary.py`, and topics that a clause's title
and keywords bring up. A word ending in * stands for all words that begin so; several words are a phrase, and .. in it
stands for up to four words; an entry behind ~ only hints, because it often means something else. Accents and case do
not matter. What is done with a recognised concept is `retrieval`'s business; decisions never read it.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from policies.yaml_text import load_yaml

_DIRECTORY = Path(__file__).with_name("lexicon")
_WORD = re.compile(r"[a-z0-9]+")
_SHORTEST_FUZZY, _LONGEST_BEGINNING = 5, 10
_HINT, _SLIP = 0.35, 0.7
_GAP, _LONGEST_GAP = "..", 4
_MAX_WORDS = 400
"""A message may be long; what it is about is said in its first words, and the time a retrieval takes stays bounded."""

_NEGATIONS = frozenset(
    {"not", "no", "never", "nothing", "isnt", "wasnt", "nicht", "kein", "keine", "pas", "sin", "niet", "geen", "non"}
)
_NEGATABLE = frozenset({"damaged", "defective", "wrong_item", "missing_parts", "late_delivery", "not_as_described"})
_DENIED = 0.3

COMMON_WORDS = frozenset(
    """
    about after again also always and another any are around arrived asked back because been before being bought
    brand but buy came can cant chance change charge charged charger come could customer date day days did does
    dont each eight else even ever every few find first five for four from full get give good got great guess
    had has have hello her here him his home house how into its just keep kind know last left less light like
    little long look made make many maybe money month months more most much must name need never new next nice
    nothing now off old once one only open opened order ordered other our out over own package paid parcel party
    pay people phone place plain please point product put quite rather really received refund regards return
    right said same saw say see send sent set seven shall she shop should since six small some someone something
    soon still such table take tell ten than thank thanks that the their them then there theres these they thing
    think this those three time times today told tomorrow too took tried try two under until use used using very
    wait want wanted was way week weeks well went were what when where whether which while who why will wish
    with within without would wrapped year years yes yesterday yet you your helen order pedido graag gusta place
    piace prego bitte danke merci gracias grazie bedankt hallo bonjour buongiorno guten tag paket paquete pacco
    colis pakket commande ordine bestelling bestellung
    """.split()  # noqa: SIM905 - reads as prose
)
"""Frequent words that carry no topic: not scored, and never taken for a misspelt topic word."""


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of the text in lower case, without accents and apostrophes, at most the first few hundred."""
    plain = (
        text.lower()
        .replace("ß", "ss")
        .replace("œ", "oe")
        .replace("'", "")
        .replace("\N{RIGHT SINGLE QUOTATION MARK}", "")
    )
    plain = unicodedata.normalize("NFKD", plain)
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return tuple(_WORD.findall(plain))[:_MAX_WORDS]


@dataclass
class _Table:
    """Looks concepts up by word, by beginning of a word and by phrase; `deletions` finds a word one slip away.

    Each concept comes with its strength: 1 for a plain entry, less for one that only hints.
    """

    words: dict[str, dict[str, float]] = field(default_factory=lambda: defaultdict(dict))
    beginnings: dict[str, dict[str, float]] = field(default_factory=lambda: defaultdict(dict))
    phrases: dict[str, list[tuple[tuple[str, ...], str, float]]] = field(default_factory=lambda: defaultdict(list))
    deletions: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    correct: set[str] = field(default_factory=set)
    """Words that stand in phrases: known to be spelt right, so never taken for a slip of another."""

    def add(self, entry: str, concept: str) -> None:
        strength = _HINT if entry.startswith("~") else 1.0
        parts = [_cleaned(part) for part in entry.lstrip("~").split()]
        if len(parts) > 1:
            self.phrases[parts[0]].append((tuple(parts), concept, strength))
            self.correct.update(part.rstrip("*") for part in parts)
            return
        stem = parts[0].rstrip("*")
        (self.beginnings if parts[0].endswith("*") else self.words)[stem][concept] = strength
        if len(stem) >= _SHORTEST_FUZZY and strength == 1.0:
            for shorter in (stem, *_one_shorter(stem)):
                self.deletions[shorter].add(stem)

    def concepts_of(self, word: str) -> dict[str, float]:
        """Return what a correctly spelt word means."""
        found = dict(self.words.get(word, {}))
        for length in range(3, len(word) + 1):
            found |= self.beginnings.get(word[:length], {})
        return found

    def guessed_concepts_of(self, word: str) -> dict[str, float]:
        """Return what a word means that is one letter away from a known one; the first letter is taken for right."""
        if len(word) < _SHORTEST_FUZZY or word in self.correct or word in COMMON_WORDS:
            return {}
        near = {entry for entry in self._near(word) if entry in self.words}
        for length in range(_SHORTEST_FUZZY, min(len(word), _LONGEST_BEGINNING) + 1):
            near |= {entry for entry in self._near(word[:length]) if entry in self.beginnings}
        # The longest likeness is the least likely to be chance.
        longest = max(map(len, near), default=0)
        return {
            concept: _SLIP
            for entry in near
            if len(entry) == longest
            for concept in (*self.words.get(entry, ()), *self.beginnings.get(entry, ()))
        }

    def _near(self, word: str) -> set[str]:
        """Return known entries that share a spelling with `word` once each has lost a letter, or none."""
        near: set[str] = set()
        for shorter in (word, *_one_shorter(word)):
            near |= self.deletions.get(shorter, set())
        return {entry for entry in near if entry[0] == word[0]}


def concepts_in(words: tuple[str, ...]) -> dict[str, float]:
    """Return how strongly each concept is spoken of: 1 for one mention, a little more for more, less when denied."""
    table = _table()
    found: dict[str, list[float]] = defaultdict(list)
    for place, word in enumerate(words):
        for concept, strength in _phrases_at(table, words, place):
            found[concept].append(strength)
        meanings = _meanings_of(word)
        denied = not _NEGATIONS.isdisjoint(words[max(0, place - 2) : place])
        for concept, strength in meanings.items():
            found[concept].append(strength * (_DENIED if denied and concept in _NEGATABLE else 1.0))
    return {concept: max(hits) + 0.25 * min(3.0, sum(hits) - max(hits)) for concept, hits in found.items()}


@lru_cache(maxsize=20_000)
def _meanings_of(word: str) -> dict[str, float]:
    table = _table()
    return table.concepts_of(word) or table.guessed_concepts_of(word)


def _phrases_at(table: _Table, words: tuple[str, ...], place: int) -> Iterator[tuple[str, float]]:
    for phrase, concept, strength in table.phrases.get(words[place], ()):
        if _follows(phrase, 1, words, place + 1):
            yield concept, strength


def _follows(phrase: tuple[str, ...], part: int, words: tuple[str, ...], place: int) -> bool:
    """Say whether the phrase from its `part` on stands in `words` at `place`; a gap takes the fewest words it can."""
    if part == len(phrase):
        return True
    if phrase[part] == _GAP:
        return any(
            _follows(phrase, part + 1, words, later)
            for later in range(place, min(len(words), place + _LONGEST_GAP + 1))
        )
    return place < len(words) and _fits(phrase[part], words[place]) and _follows(phrase, part + 1, words, place + 1)


def _fits(wanted: str, word: str) -> bool:
    return word.startswith(wanted[:-1]) if wanted.endswith("*") else word == wanted


def _cleaned(part: str) -> str:
    if part == _GAP:
        return part
    return "".join(words_of(part)) + ("*" if part.endswith("*") else "")


def _one_shorter(word: str) -> set[str]:
    return {word[:place] + word[place + 1 :] for place in range(len(word))}


@lru_cache(maxsize=1)
def _table() -> _Table:
    table = _Table()
    for path in sorted(_DIRECTORY.glob("*.yaml")):
        for concept, entries in load_yaml(path.read_text(encoding="utf-8")).items():
            for entry in entries.split(","):
                if entry.strip():
                    table.add(entry.strip(), concept)
    return table
