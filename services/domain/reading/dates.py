"""Reads statements that date the order's past: delivered on May 3, bestellt am 3. Mai 2025, arrived 12 days ago."""

# ruff: noqa: E501 - a table is read by the line

import re
from datetime import date, timedelta
from typing import NamedTuple

from services.domain.reading.folding import fold

_MONTHS = (
    ("january", "jan", "januar", "janvier", "enero", "gennaio", "januari"),
    ("february", "feb", "februar", "fevrier", "febrero", "febbraio", "februari"),
    ("march", "mar", "marz", "maerz", "mars", "marzo", "maart"),
    ("april", "apr", "avril", "abril", "aprile"),
    ("may", "mai", "mayo", "maggio", "mei"),
    ("june", "jun", "juni", "juin", "junio", "giugno"),
    ("july", "jul", "juli", "juillet", "julio", "luglio"),
    ("august", "aug", "aout", "agosto", "augustus"),
    ("september", "sep", "sept", "septembre", "septiembre", "settembre"),
    ("october", "oct", "oktober", "octobre", "octubre", "ottobre"),
    ("november", "nov", "novembre", "noviembre"),
    ("december", "dec", "dezember", "decembre", "diciembre", "dicembre"),
)
MONTHS = frozenset(name for names in _MONTHS for name in names)
_MONTH_OF = {name: number for number, names in enumerate(_MONTHS, 1) for name in names}
_NAMES = "|".join(sorted(_MONTH_OF, key=len, reverse=True))
_DATE = re.compile(
    r"(?P<iso>\d{4}-\d{2}-\d{2})"
    r"|(?P<dotted>\d{1,2}\.\d{1,2}\.\d{4})"
    rf"|(?P<day>\d{{1,2}})(?:st|nd|rd|th|er|\.)?(?: of| de)? (?P<month>{_NAMES})\b(?:,? (?:de )?(?P<year>\d{{4}}))?"
    rf"|(?P<month2>{_NAMES}) (?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? (?P<year2>\d{{4}}))?"
    r"|(?P<ago>\d{1,3}) days ago|vor (?P<ago2>\d{1,3}) tagen|il y a (?P<ago3>\d{1,3}) jours|hace (?P<ago4>\d{1,3}) dias"
    r"|(?P<ago5>\d{1,3}) giorni fa|(?P<ago6>\d{1,3}) dagen geleden"
)
_EVENTS = {
    "delivered_on": r"delivered|arrived|delivery was|geliefert|zugestellt|livre\w*|entregad\w+|consegnat\w+|geleverd|bezorgd",
    "ordered_on": r"ordered|placed|purchased|bought|bestellt|gekauft|command\w+|achet\w+|comprad\w+|ordinat\w+|acquistat\w+|besteld|gekocht",
    "shipped_on": r"shipped|dispatched|left our warehouse|verschickt|versandt|expedi\w+|enviad\w+|spedit\w+|verzonden",
}
_EVENT = re.compile("|".join(rf"\b(?P<{name}>{pattern})\b" for name, pattern in _EVENTS.items()))
_VOID = re.compile(r"\b(?:not|never|n't|if|once|when|will|should|until|nicht|wenn|sobald|pas|si|no|se|niet|als)\b")
_REACH = 45


class DatedEvent(NamedTuple):
    """`fact` is the name under which a record would hold the date; `day` has no year where the text gives none."""

    fact: str
    year: int | None
    month: int
    day: int
    text: str
    start: int
    end: int

    def fits(self, when: date) -> bool:
        return (self.month, self.day) == (when.month, when.day) and self.year in {None, when.year}


def dated_events(reply: str, today: date | None) -> list[DatedEvent]:
    """Return what the reply says happened to the order on a date; `today` resolves 'N days ago' (left out if None)."""
    folded = fold(reply)
    found = []
    for match in _DATE.finditer(folded.text):
        parsed = _parse(match, today)
        if parsed is None:
            continue
        before = folded.text[max(match.start() - _REACH, 0) : match.start()]
        clause = re.split(r"[.!?;,\n]| and | und | et | y | en ", before)[-1]
        event = next(iter(reversed(list(_EVENT.finditer(clause)))), None)
        if event is None or _VOID.search(clause) or event.lastgroup is None:
            continue
        start = match.start() - len(clause) + event.start()
        span = folded.span(start, match.end())
        found.append(DatedEvent(event.lastgroup, *parsed, reply[slice(*span)], *span))
    return found


def _parse(match: re.Match[str], today: date | None) -> tuple[int | None, int, int] | None:
    groups = match.groupdict()
    if groups["iso"]:
        year, month, day = (int(part) for part in groups["iso"].split("-"))
        return year, month, day
    if groups["dotted"]:
        day, month, year = (int(part) for part in groups["dotted"].split("."))
        return year, month, day
    ago = next((groups[name] for name in groups if name.startswith("ago") and groups[name]), None)
    if ago is not None:
        when = today - timedelta(days=int(ago)) if today else None
        return (when.year, when.month, when.day) if when else None
    name, number = groups["month"] or groups["month2"], groups["day"] or groups["day2"]
    stated = groups["year"] or groups["year2"]
    return int(stated) if stated else None, _MONTH_OF[name], int(number)
