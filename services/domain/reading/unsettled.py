"""The last net: an effect word that no rule settled.

A clause about a refund, label or replacement whose predicate the
grammar does not know, and that nothing marks as harmless, is drafted with low certainty: a person decides.
"""

from services.domain.reading.drafts import Draft
from services.domain.reading.effects import governed, meaning
from services.domain.reading.predicates import Predicate, opens_clause
from services.domain.reading.segments import Segment
from services.domain.reading.tags import Deed, Tag, Thing, Token

CERTAINTY = 0.5
_ABOUT = frozenset({Thing.REFUND, Thing.CREDIT, Thing.LABEL, Thing.REPLACEMENT})
_HARMLESS = frozenset(
    {
        Tag.FUTURE, Tag.MODAL, Tag.IF, Tag.WHEN, Tag.NOT, Tag.ANY, Tag.SAID, Tag.RECORDS, Tag.WHAT, Tag.TO, Tag.LATER,
        Tag.CROSS, Tag.PAST_SAFE, Tag.BASE, Tag.YOU, Tag.DONE, Tag.ING, Tag.PRESENT, Tag.FIND, Tag.PLACE, Tag.SETTLED,
    }
)  # fmt: skip
_EDGES = frozenset({Tag.COMMA, Tag.SEP, Tag.BUT, Tag.ASSERT})


def drafts(tokens: list[Token], segment: Segment, found: list[Predicate]) -> list[Draft]:
    if segment.question or segment.heading is not None:
        return []
    settled = {p.at for p in found}
    drafted = []
    start = 0
    for end in [*(i for i, t in enumerate(tokens) if t.tag in _EDGES or opens_clause(tokens, i)), len(tokens)]:
        clause = tokens[start:end]
        if not settled & set(range(start, end)):
            drafted.extend(_clause(tokens, clause))
        start = end + 1
    return drafted


def _clause(tokens: list[Token], clause: list[Token]) -> list[Draft]:
    tags = {t.tag for t in clause}
    if tags & _HARMLESS:
        return []
    things = [
        t
        for t in clause
        if t.tag is Tag.THING and t.value in _ABOUT and not t.text.startswith("gift_card") and not governed(tokens, t)
    ]
    if not things:
        return []
    # French "à" folds to "a", which is also "has": too weak a sign of a verb.
    verb = next((t for t in clause if t.tag in {Tag.BE, Tag.WAS, Tag.HAVE} and t.text != "a"), None) or _unknown_verb(
        clause
    )
    if verb is None or (verb.tag is Tag.BE and _is_amount(clause, verb)):
        return []
    sense = meaning(Deed.UNKNOWN, [things[0].value])
    if sense is None:
        return []
    anchor = things[0]
    return [Draft(sense.effect, anchor.start, anchor.end, anchor.start, CERTAINTY, sense.others, things=(anchor,))]


def _unknown_verb(clause: list[Token]) -> Token | None:
    return next((t for t in clause if t.tag is Tag.WORD and t.text.endswith("ed") and len(t.text) > 4), None)


def _is_amount(clause: list[Token], verb: Token) -> bool:
    """Tell whether the clause only says how much or what something is: the refund is 49 euros."""
    after = [t for t in clause if t.start > verb.start]
    return not after or after[0].text == "for" or after[0].tag in {Tag.NUMBER, Tag.DET, Tag.THING, Tag.POSSESSIVE}
