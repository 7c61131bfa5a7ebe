"""A language's words as data, compiled to a longest-match look-up. Holds no grammar and reads no text."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cached_property

from services.domain.reading.tags import Tag

Entry = tuple[Tag, str]
_DIGRAPHS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


def plain(word: str) -> str:
    """Return the folded spelling of `word`, as `folding` writes it."""
    decomposed = unicodedata.normalize("NFKD", word.casefold().replace("œ", "o").replace("’", "'"))  # noqa: RUF001
    return "".join(char for char in decomposed if unicodedata.category(char) != "Mn")


def spellings(word: str) -> tuple[str, ...]:
    """Return the folded spelling, and the one with written-out umlauts where it differs."""
    return tuple(dict.fromkeys((plain(word), plain(word.casefold().translate(_DIGRAPHS)))))


class Lexicon:
    """Words and phrases of one language.

    `words` maps a (Tag, value) to a blank-separated list; a phrase joins its words with underscores.
    `stems` are (pattern, entry) pairs for productive compounds, tried in order on a whole word that is not listed.
    `participle_first`: the language puts its verb at the end of the clause (German, Dutch).
    """

    def __init__(  # noqa: PLR0913 - a record of data, named at each use
        self,
        code: str,
        words: Mapping[Entry, str],
        *,
        stems: Iterable[tuple[str, Entry]] = (),
        hints: str,
        known: str = "",
        verb_last: bool = False,
        number_words: Mapping[str, int] | None = None,
        currencies: Mapping[str, str] | None = None,
        policy_quote: str = "",
        patterns: Mapping[str, str] | None = None,
    ) -> None:
        self.code = code
        self.verb_last = verb_last
        self.stems = tuple((re.compile(rf"(?:{pattern})\Z"), entry) for pattern, entry in stems)
        self.hints = frozenset(form for word in hints.split() for form in spellings(word))
        self.known = frozenset(form for word in known.split() for form in spellings(word))
        self.number_words = dict(number_words or {})
        self.currencies = {plain(k): v for k, v in (currencies or {}).items()}
        self.policy_quote = policy_quote
        self.patterns = {name: re.compile(pattern) for name, pattern in (patterns or {}).items()}
        self.phrases: dict[str, list[tuple[tuple[str, ...], Entry]]] = {}
        self.single: dict[str, Entry] = {}
        for entry, listing in words.items():
            for item in listing.split():
                for form in spellings(item):
                    self._add(tuple(form.split("_")), entry)
        for options in self.phrases.values():
            options.sort(key=lambda option: -len(option[0]))

    def _add(self, parts: tuple[str, ...], entry: Entry) -> None:
        if len(parts) == 1:
            self.single.setdefault(parts[0], entry)
        else:
            self.phrases.setdefault(parts[0], []).append((parts, entry))

    def look_up(self, word: str) -> Entry | None:
        found = self.single.get(word)
        if found is not None:
            return found
        return next((entry for pattern, entry in self.stems if pattern.match(word)), None)

    @cached_property
    def critical(self) -> dict[str, Entry]:
        """Words whose misspelling would hide a claim: things and deeds of five letters and more."""
        return {
            word: entry
            for word, entry in self.single.items()
            if len(word) >= 5 and entry[0] in {Tag.THING, Tag.DONE, Tag.ING}
        }
