"""The grammar of languages that split their verb around the clause: German and Dutch.

Helper and participle may stand at either end, so a clause is read as a whole: which helpers it has tells its state.
"""

import re

from services.domain.reading.predicates import CLAIMING, Predicate, State
from services.domain.reading.tags import Deed, Tag, Thing, Token

_FINITE = frozenset({Tag.HAVE, Tag.BE, Tag.WAS, Tag.FUTURE, Tag.MODAL, Tag.BASE, Tag.FIND, Tag.PRESENT})
_EDGES = frozenset({Tag.COMMA, Tag.SEP, Tag.BUT, Tag.ASSERT})


def predicates(tokens: list[Token]) -> list[Predicate]:
    """Return the predicates of one sentence, left to right."""
    found: list[Predicate] = []
    carried: set[Tag] = set()
    for start, end in clauses(tokens):
        own = {token.tag for token in tokens[start:end]}
        joined = start > 0 and tokens[start - 1].tag is Tag.AND
        tags = own | (carried if joined and not own & _FINITE else set())
        for at in range(start, end):
            made = _predicate(tokens, at, start, end, tags)
            if made is not None:
                found.append(_under_head(tokens, made, start, tags))
        carried = tags
    return found


def clauses(tokens: list[Token]) -> list[tuple[int, int]]:
    """Return the clauses as ranges: cut at commas and colons, and at an 'and' between two that each have a verb."""
    cuts = [i for i, t in enumerate(tokens) if t.tag in _EDGES or (t.tag is Tag.AND and _joins_clauses(tokens, i))]
    starts = [0, *(cut + 1 for cut in cuts)]
    return [(a, b) for a, b in zip(starts, [*cuts, len(tokens)], strict=True) if a < b]


def _joins_clauses(tokens: list[Token], at: int) -> bool:
    verbs = _FINITE | {Tag.DONE, Tag.PAST_SAFE, Tag.ING}
    before = {t.tag for t in tokens[max(at - 12, 0) : at]}
    after = {t.tag for t in tokens[at + 1 : at + 13]}
    return bool(before & verbs and after & verbs)


def _predicate(tokens: list[Token], at: int, start: int, end: int, tags: set[Tag]) -> Predicate | None:
    token = tokens[at]
    base = Predicate(at, token.value, State.DONE, start, passive=True)
    if token.tag is Tag.DONE:
        return _state(tokens, base, start, end, tags)
    if token.tag is Tag.ING or token.tag is Tag.PRESENT:
        if Tag.NOW in tags and not tags & {Tag.FUTURE, Tag.MODAL, Tag.NOT}:
            return base._replace(state=State.PROGRESS, certainty=0.8)
        return base._replace(state=State.NONE)
    unknown = token.tag is Tag.WORD and re.fullmatch(r"ge\w{2,}(?:t|en|d)", token.text) is not None
    if unknown and tags & {Tag.HAVE, Tag.WAS, Tag.BEEN} and Tag.PAST_SAFE not in tags:
        made = _state(tokens, base, start, end, tags)
        return made._replace(deed=Deed.UNKNOWN, certainty=0.5)
    return None


def _state(tokens: list[Token], base: Predicate, start: int, end: int, tags: set[Tag]) -> Predicate:  # noqa: PLR0911 - one line a case
    if Tag.NOT in tags:
        return base._replace(state=State.DENIED)
    if Tag.MODAL in tags:
        return base._replace(state=State.FUTURE)
    if Tag.FUTURE in tags and Tag.BEEN not in tags:
        if Tag.NOW in tags and Tag.LATER not in tags:
            return base._replace(state=State.PROGRESS, certainty=0.85)
        return base._replace(state=State.FUTURE)
    if Tag.YOU in tags and Tag.US not in tags and Tag.HAVE in tags:
        return base._replace(state=State.CUSTOMERS)
    if tags & {Tag.HAVE, Tag.WAS, Tag.BEEN}:
        return base
    if Tag.BE in tags:
        return base._replace(state=State.GENERAL) if Tag.ANY in tags else base._replace(certainty=0.85)
    return _headless(tokens, base, start, end, tags)


def _headless(tokens: list[Token], base: Predicate, start: int, end: int, tags: set[Tag]) -> Predicate:
    """Erstattung veranlasst: a participle alone is a status line; among many words it is a part of something else."""
    things = [t for t in tokens[start:end] if t.tag is Tag.THING and t.value != Thing.NEUTRAL]
    if tokens[base.at].text == "erfolgt" and (start == 0 or tokens[start - 1].tag is not Tag.SEP) and end - start > 3:
        # Without a helper it is the present tense: the refund follows afterwards.
        return base._replace(state=State.GENERAL)
    before = tokens[start - 1].tag if start > 0 else None
    short = end - start <= 9 and (bool(things) or end - start <= 3 or before is Tag.SEP)
    if not short or tags & {Tag.BASE, Tag.FIND, Tag.ANY, Tag.TO, Tag.CROSS}:
        return base._replace(state=State.NONE, headless=True)
    return base._replace(headless=True, certainty=0.8)


def _under_head(tokens: list[Token], made: Predicate, start: int, tags: set[Tag]) -> Predicate:  # noqa: PLR0911 - one line a case
    if made.state not in CLAIMING:
        return made
    sentence = {t.tag for t in tokens[: made.at]}
    opener = tokens[start - 1].tag if start > 0 else None
    if (opener is Tag.ASSERT or tokens[start].text in {"dass", "dat"}) and Tag.NOT in {t.tag for t in tokens[:start]}:
        return made._replace(state=State.DENIED)
    if Tag.IF in tags or _unreal(tokens, made, start):
        return made._replace(state=State.CONDITIONAL)
    if Tag.WHEN in tags:
        past = tags & {Tag.NOW, Tag.BEFORE}
        return made._replace(certainty=0.65) if past else made._replace(state=State.CONDITIONAL)
    if Tag.SAID in sentence:
        return made._replace(state=State.CUSTOMERS)
    if Tag.RECORDS in sentence and not any(t.tag is Tag.NOW for t in tokens[start : made.at]):
        return made._replace(state=State.REPORTED)
    return made


def _unreal(tokens: list[Token], made: Predicate, start: int) -> bool:
    """Read: wir haetten erstattet, wenn; waere die Jacke neu, haetten wir. Folding took the umlaut away."""
    own = {t.text for t in tokens[start : made.at + 3]}
    others = [t for t in tokens if not tokens[start].start <= t.start <= tokens[made.at].start]
    return bool(own & {"hatten", "hatte", "haetten", "haette", "had", "hadden"}) and any(
        t.text in {"wenn", "ware", "waere", "waren", "hatten", "haetten", "als", "indien", "was"} for t in others
    )
