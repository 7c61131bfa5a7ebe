"""Numbers that stand in policy prose, in every unit a fact may be counted in. Pure; knows nothing of rules or models.

"two weeks" holds 2 and, counted in days, 14; "EUR 50" holds 50 and, counted in cents, 5000.
"""

import re
from functools import lru_cache

_UNITS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17,
    "eighteen": 18, "nineteen": 19,
}  # fmt: skip
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8,
    "ninth": 9, "tenth": 10, "eleventh": 11, "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15,
    "sixteenth": 16, "seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "thirtieth": 30,
}  # fmt: skip
_WORDS = {
    **_UNITS,
    **_TENS,
    **_ORDINALS,
    "a": 1,
    "an": 1,
    "hundred": 100,
    "dozen": 12,
    "couple": 2,
    "once": 1,
    "twice": 2,
}
_WORD_NUMBER = re.compile(
    r"\b(?:(?P<tens>"
    + "|".join(_TENS)
    + r")[- ](?P<unit>"
    + "|".join([*list(_UNITS)[:9], *list(_ORDINALS)[:9]])
    + r")\b|"
    r"(?P<word>"
    + "|".join(sorted(_WORDS, key=len, reverse=True))
    + r"))\b(?:[- ](?P<hundred>hundred)(?:(?: and)? (?P<rest>(?:"
    + "|".join([*_TENS, *_UNITS])
    + r")(?:-(?:"
    + "|".join(list(_UNITS)[:9])
    + r"))?))?)?",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"(?<![\w.])(\d{1,3}(?:[ ,.]\d{3})+(?!\d)|\d+(?:[.,]\d{1,2})?)(?:st|nd|rd|th)?(?![\d])")
# Days in one of each unit, as every return policy counts them; the stems cover six languages.
_DAYS_IN = (
    (r"weeks?|wochen?|semaines?|semanas?|settiman[ae]|we[e]?ken", 7),
    (r"months?|monate?n?|mois|meses|mes|mesi|mese|maanden|maand", 30),
    (r"years?|jahre?n?|ans|années|años|anni|jaar", 365),
)
_DAYS_IN_UNIT = tuple(
    (re.compile(rf"^[\s-]*(?:(?:full|calendar|consecutive|whole) )?(?:{unit})\b", re.IGNORECASE), days)
    for unit, days in _DAYS_IN
)
_HOURS = re.compile(r"^[\s-]*(?:hours?|hrs?|stunden|heures|horas|ore|uur)\b", re.IGNORECASE)
_MONEY_AFTER = re.compile(
    r"^\s?(?:€|\$|£|eur\b|euros?\b|usd\b|dollars?\b|gbp\b|pounds?\b|chf\b|francs?\b)", re.IGNORECASE
)
_MONEY_BEFORE = re.compile(r"(?:€|\$|£|\beur|\busd|\bgbp|\bchf)\s?$", re.IGNORECASE)
_DAY_BEFORE = re.compile(r"\bday\s$", re.IGNORECASE)
# What is counted here is no time: shares, measures, copies; and a year of the calendar is no number of days.
_NO_TIME_AFTER = re.compile(
    r"^\s?(?:%|per ?cent\b|prozent\b|pour ?cent\b|k?m\b|[cm]m\b|kilomet|miles?\b|k?g\b|kilos?\b|grams?\b|"
    r"lit(?:re|er)s?\b|ml\b|[gm]b\b|pages?\b|copies\b|pieces?\b|items?\b|articles?\b|minutes?\b|volts?\b|watts?\b|inch)",
    re.IGNORECASE,
)
_CALENDAR_YEARS = range(1800, 2101)
_FORTNIGHT = re.compile(r"\bfortnight\b", re.IGNORECASE)
_NEXT_DAY = re.compile(r"\b(?:or|and) (?:by |on )?the (?:day after|next day|following day)\b", re.IGNORECASE)
_HALF = re.compile(r"\b(?:least|than|under|over|below|to) half\b", re.IGNORECASE)


@lru_cache(maxsize=4096)
def numbers_in(text: str) -> tuple[int, ...]:
    """Return the distinct numbers that `text` states, ascending, each also in days or cents where its unit says so."""
    found: set[int] = set()
    for value, start, end in _literal_numbers(text):
        before, after = text[:start], text[end:]
        if value == int(value):
            found.add(int(value))
        found.update(round(value * days) for pattern, days in _DAYS_IN_UNIT if pattern.match(after))
        if _HOURS.match(after) and value % 24 == 0:
            found.add(int(value) // 24)
        if _MONEY_AFTER.match(after) or _MONEY_BEFORE.search(before):
            found.add(round(value * 100))
    if _FORTNIGHT.search(text):
        found.add(14)
    if _HALF.search(text):
        # Facts count shares in percent.
        found.add(50)
    return tuple(sorted(found))


@lru_cache(maxsize=4096)
def days_in(text: str) -> tuple[int, ...]:
    """Return the numbers of `text` that may count days, in days: of "two weeks" 14 and not 2, of "EUR 50" nothing."""
    found: set[int] = set()
    for value, start, end in _literal_numbers(text):
        before, after = text[:start], text[end:]
        if _MONEY_AFTER.match(after) or _MONEY_BEFORE.search(before) or _NO_TIME_AFTER.match(after):
            continue
        if value in _CALENDAR_YEARS and not _unit_follows(after):
            continue
        spelt = not text[start].isdigit()
        if spelt and not _unit_follows(after) and not _DAY_BEFORE.search(before):
            # "The advertised one", "second hand": words that count nothing here.
            continue
        longer = [days for pattern, days in _DAYS_IN_UNIT if pattern.match(after)]
        hours = _HOURS.match(after) is not None
        counted = value * longer[0] if longer else value / 24 if hours else value
        if counted == int(counted):
            found.add(int(counted))
    if _FORTNIGHT.search(text):
        found.add(14)
    if _NEXT_DAY.search(text):
        # "On the day of delivery or the day after": day 1 still counts.
        found.add(1)
    return tuple(sorted(found))


def _literal_numbers(text: str) -> list[tuple[float, int, int]]:
    """Return (value, start, end) for each number written in digits or in English words."""
    found = [(_digits_value(match.group(1)), match.start(), match.end()) for match in _DIGITS.finditer(text)]
    for match in _WORD_NUMBER.finditer(text):
        if match["tens"]:
            value = _TENS[match["tens"].lower()] + _WORDS[match["unit"].lower()]
        else:
            value = _WORDS[match["word"].lower()]
        if match["hundred"]:
            value = value * 100 + sum(_WORDS.get(part, 0) for part in (match["rest"] or "").lower().split("-"))
        if match["word"] and match["word"].lower() in {"a", "an", "hundred"} and not _unit_follows(text[match.end() :]):
            continue
        found.append((float(value), match.start(), match.end()))
    return found


def _unit_follows(after: str) -> bool:
    """Tell whether a unit of time follows, without which "a" is an article and no number."""
    return bool(
        re.match(
            r"[\s-]*(?:full |calendar |whole |consecutive )?(?:days?|weeks?|months?|years?|hours?|hundred)\b",
            after,
            re.IGNORECASE,
        )
    )


def _digits_value(literal: str) -> float:
    if re.fullmatch(r"\d{1,3}(?:[ ,.]\d{3})+", literal):
        return float(re.sub(r"[ ,.]", "", literal))
    return float(literal.replace(",", "."))
