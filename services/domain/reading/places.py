"""Claims without a verb of doing: a thing placed with the customer, a status line, a phrase that says all is done."""

from services.domain.claims import Effect
from services.domain.reading.chains import helpers
from services.domain.reading.drafts import Draft, SegmentReading
from services.domain.reading.effects import Meaning, governed, meaning
from services.domain.reading.predicates import State, clause_start, head_start, tags_between
from services.domain.reading.segments import Segment
from services.domain.reading.tags import Deed, Tag, Thing, Token

_LISTED = frozenset(
    {Thing.REFUND, Thing.CREDIT, Thing.LABEL, Thing.REPLACEMENT, Thing.NEW, Thing.EXCHANGE, Thing.RETURN, Thing.PICKUP}
)
_VERBS = frozenset(
    {Tag.DONE, Tag.ING, Tag.BASE, Tag.PAST_SAFE, Tag.FUTURE, Tag.MODAL, Tag.NOT, Tag.IF, Tag.WHEN, Tag.CROSS}
)


def drafts(
    tokens: list[Token], segment: Segment, topic: str, heading: SegmentReading | None, *, taken: list[Draft]
) -> list[Draft]:
    found: list[Draft] = []
    for at, token in enumerate(tokens):
        if token.tag is Tag.SETTLED:
            found.extend(_settled(tokens, at, segment))
        elif token.tag is Tag.PLACE:
            found.extend(_placed(tokens, at, segment, topic, taken))
    if not found and not taken:
        found.extend(_ticked(tokens, heading))
    return found


def _settled(tokens: list[Token], at: int, segment: Segment) -> list[Draft]:
    start = clause_start(tokens, at)
    before = tags_between(tokens, start, at)
    if before & {Tag.FUTURE, Tag.MODAL, Tag.NOT, Tag.IF, Tag.WHEN} or segment.question:
        return []
    return [_make(tokens, at, Meaning(Effect.UNSPECIFIED), 0.85, ())]


def _placed(tokens: list[Token], at: int, segment: Segment, topic: str, taken: list[Draft]) -> list[Draft]:  # noqa: C901, PLR0911 - one line a case
    start = clause_start(tokens, at)
    region = tokens[start:at]
    tags = {t.tag for t in region}
    find = next((t for t in region if t.tag is Tag.FIND), None)
    chain, _, _ = helpers(tokens, at)
    last_be = max((i for i, t in enumerate(region) if t.tag in {Tag.BE, Tag.WAS}), default=len(region))
    undergone = any(t.tag is Tag.PAST_SAFE for t in region[last_be:])
    asked = segment.question and not any(t.tag is Tag.COMMA for t in tokens[at:])
    head = tags_between(tokens, head_start(tokens, at), at)
    to_us = any(t.text in {"us", "uns", "ons"} for t in tokens[at + 1 : at + 3])
    if asked or undergone or to_us or head & {Tag.NOT, Tag.IF, Tag.WHEN}:
        return []
    if tokens[at].text == "back" and not chain & {Tag.BE, Tag.HAVE}:
        return []
    if find is None and Tag.ANY in tags:
        return []
    direct = set(chain)
    chain |= tags & {Tag.BE, Tag.WAS, Tag.HAVE}
    if find is None and (tags & {Tag.FUTURE, Tag.MODAL} or Tag.TO in direct or not chain & {Tag.BE, Tag.HAVE, Tag.WAS}):
        bare = not tags & _VERBS and not chain and (len(tokens) <= 8 or (Tag.NOW in tags and len(region) <= 2))
        if not bare:
            return []
    certainty = 0.75 if find is not None and Tag.MODAL in tags else 0.85
    if find is None and any(tokens[start].start <= d.anchor <= tokens[at].start for d in taken):
        return []
    things = sorted(
        (t for t in region if t.tag is Tag.THING and t.value != Thing.NEUTRAL), key=lambda t: governed(tokens, t)
    )
    if not things and any(t.value == Thing.NEUTRAL for t in region):
        return []
    if not things:
        things = [t for t in tokens[at + 1 : at + 6] if t.tag is Tag.THING and t.value != Thing.NEUTRAL]
    if not things and start > 0:
        things = [
            t
            for t in tokens[:start]
            if t.tag is Tag.THING and t.value in _LISTED | {Thing.MONEY, Thing.EMAIL, Thing.NOTICE}
        ][-1:]
    values = [t.value for t in things] or (
        [topic] if topic and any(t.tag in {Tag.IT, Tag.THAT} for t in region) else []
    )
    if any(t.value == Thing.PHOTOS for t in tokens[at:]) and set(values) <= {Thing.EMAIL, Thing.NOTICE}:
        return [_make(tokens, at, Meaning(Effect.REQUEST_PHOTOS, (Effect.SEND_EMAIL,)), certainty, tuple(things))]
    sense = meaning(Deed.SEND, values) or meaning(Deed.COMPLETE, values)
    if sense is None:
        return []
    if set(values) <= {Thing.PARCEL, Thing.ORDER}:
        # Where the order itself is on its way is a fact of before, not an effect of ours.
        return []
    return [_make(tokens, at, sense, certainty, tuple(things))]


def _ticked(tokens: list[Token], heading: SegmentReading | None) -> list[Draft]:
    """Read a line that names a thing and a tick, or a thing under a heading that says: done."""
    tags = {t.tag for t in tokens}
    ticked = Tag.TICK in tags
    under_done = heading is not None and heading.head is State.DONE
    if not (ticked or under_done) or tags & (_VERBS - {Tag.BASE}):
        return []
    things = [t for t in tokens if t.tag is Tag.THING and t.value in _LISTED]
    sense = meaning(Deed.COMPLETE, [t.value for t in things])
    if sense is None:
        return []
    at = tokens.index(things[0])
    return [_make(tokens, at, sense, 0.8 if ticked else 0.75, tuple(things))]


def _make(tokens: list[Token], at: int, sense: Meaning, certainty: float, things: tuple[Token, ...]) -> Draft:
    return Draft(
        effect=sense.effect,
        others=sense.others,
        start=tokens[at].start,
        end=tokens[at].end,
        anchor=tokens[at].start,
        certainty=certainty * sense.certainty,
        things=things,
    )
