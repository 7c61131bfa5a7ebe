"""Reads numbers, windows and words out of policy prose, so that `lint` can hold them against the rule."""

import re
from dataclasses import dataclass

_UNITS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORDS: dict[str, int] = {word: value for value, word in enumerate(_UNITS)}
for _place, _ten in enumerate(_TENS, start=2):
    _WORDS[_ten] = _place * 10
    _WORDS.update({f"{_ten}-{_UNITS[unit]}": _place * 10 + unit for unit in range(1, 10)})
_WORDS["hundred"] = 100

_NUMBER = r"\d[\d,]*(?:\.\d+)?|" + "|".join(sorted(_WORDS, key=len, reverse=True)) + r"|an?(?=\s+(?:day|week|year))"
_ANY_NUMBER = re.compile(rf"\b(?:{_NUMBER})\b", re.IGNORECASE)
_SPAN = re.compile(
    rf"\b(?P<number>{_NUMBER})[\s-]+(?:(?:calendar|consecutive|full)\s+)?(?P<unit>day|week|fortnight|month|year)s?\b",
    re.IGNORECASE,
)
_DAYS_IN = {"day": 1, "week": 7, "fortnight": 14, "month": 30, "year": 365}

# How prose says a bound, and which relations of the rule say the same.
_BEFORE = (
    (re.compile(r"(?:within|up to|no later than|not later than|at most|in the first)\s+$", re.IGNORECASE), ("<=",)),
    (re.compile(r"(?:less than|fewer than|under)\s+$", re.IGNORECASE), ("<",)),
    (re.compile(r"(?:at least|from)\s+$", re.IGNORECASE), (">=",)),
    (re.compile(r"(?:more than|longer than|over|after)\s+$", re.IGNORECASE), (">",)),
)
_AFTER = ((re.compile(r"^\s+or (?:more|longer)\b", re.IGNORECASE), (">=",)),)


@dataclass(frozen=True)
class Window:
    """A span of time that the prose names, in days. `relations` are what a rule may say for it; empty: any."""

    text: str
    days: int
    exact: bool
    """False for months, which no number of days says exactly."""
    relations: tuple[str, ...]


def numbers_in(prose: str) -> frozenset[float]:
    """Return every number that stands in the prose, in digits or words, and every exact span in days."""
    stated = {_value(match.group()) for match in _ANY_NUMBER.finditer(prose)}
    return frozenset(stated | {float(window.days) for window in windows_in(prose) if window.exact})


def windows_in(prose: str) -> tuple[Window, ...]:
    """Return the spans of time that the prose names, in order."""
    found: list[Window] = []
    for match in _SPAN.finditer(prose):
        unit = match["unit"].lower()
        days = int(_value(match["number"]) * _DAYS_IN[unit])
        found.append(Window(match.group(), days, unit != "month", _relations(prose, match)))
    return tuple(found)


def mentions(prose: str, word: str) -> bool:
    """Say whether a word beginning with `word` stands in the prose, whatever its case."""
    return re.search(rf"(?<![a-z]){re.escape(word.lower())}", prose.lower()) is not None


def _relations(prose: str, match: re.Match[str]) -> tuple[str, ...]:
    before, after = prose[: match.start()], prose[match.end() :]
    for pattern, relations in _BEFORE:
        if pattern.search(before):
            return relations
    for pattern, relations in _AFTER:
        if pattern.search(after):
            return relations
    return ()


def _value(text: str) -> float:
    lowered = text.lower()
    if lowered in {"a", "an"}:
        return 1.0
    return float(_WORDS[lowered]) if lowered in _WORDS else float(lowered.replace(",", "").rstrip("."))
