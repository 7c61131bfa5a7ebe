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


def _placed(tokens: list[Token], at: int, segment: Segment, topic: str, taken: list[Draft]) -> list[Draft]:
    """Read: your label is in your inbox; you will find it in your mail; the money is on its way."""
    start = clause_start(tokens, at)
    region = tokens[start:at]
    find = any(t.tag is Tag.FIND for t in region)
    if _is_void(tokens, at, segment) or (not find and not _holds_now(tokens, at, region)):
        return []
    if not find and any(tokens[start].start <= d.anchor <= tokens[at].start for d in taken):
        return []
    certainty = 0.75 if find and any(t.tag is Tag.MODAL for t in region) else 0.85
    things = _things(tokens, at, start)
    if things is None:
        return []
    carried = [topic] if topic and any(t.tag in {Tag.IT, Tag.THAT} for t in region) else []
    values = [t.value for t in things] or carried
    if any(t.value == Thing.PHOTOS for t in tokens[at:]) and set(values) <= {Thing.EMAIL, Thing.NOTICE}:
        return [_make(tokens, at, Meaning(Effect.REQUEST_PHOTOS, (Effect.SEND_EMAIL,)), certainty, tuple(things))]
    sense = meaning(Deed.SEND, values) or meaning(Deed.COMPLETE, values)
    # Where the order itself is on its way is a fact of before, not an effect of ours.
    if sense is None or set(values) <= {Thing.PARCEL, Thing.ORDER}:
        return []
    return [_make(tokens, at, sense, certainty, tuple(things))]


def _is_void(tokens: list[Token], at: int, segment: Segment) -> bool:
    """Tell whether the place is asked for, denied, conditional, ours, or of a thing that something happened to."""
    region = tokens[clause_start(tokens, at) : at]
    last_be = max((i for i, t in enumerate(region) if t.tag in {Tag.BE, Tag.WAS}), default=len(region))
    undergone = any(t.tag is Tag.PAST_SAFE for t in region[last_be:])
    asked = segment.question and not any(t.tag is Tag.COMMA for t in tokens[at:])
    head = tags_between(tokens, head_start(tokens, at), at)
    to_us = any(t.text in {"us", "uns", "ons"} for t in tokens[at + 1 : at + 3])
    return asked or undergone or to_us or bool(head & {Tag.NOT, Tag.IF, Tag.WHEN})


def _holds_now(tokens: list[Token], at: int, region: list[Token]) -> bool:
    """Tell whether a present or past 'be' places the thing, or a line without any verb does."""
    tags = {t.tag for t in region}
    direct, _, _ = helpers(tokens, at)
    if Tag.ANY in tags or (tokens[at].text == "back" and not direct & {Tag.BE, Tag.HAVE}):
        return False
    being = (direct | tags) & {Tag.BE, Tag.HAVE, Tag.WAS}
    if being and not tags & {Tag.FUTURE, Tag.MODAL} and Tag.TO not in direct:
        return True
    short = len(tokens) <= 8 or (Tag.NOW in tags and len(region) <= 2)
    return short and not tags & _VERBS and not direct and not being


def _things(tokens: list[Token], at: int, start: int) -> list[Token] | None:
    """Return what is placed: named before, after, or earlier in the sentence; None where it is harmless."""
    named = [t for t in tokens[start:at] if t.tag is Tag.THING and t.value != Thing.NEUTRAL]
    if named:
        return sorted(named, key=lambda t: governed(tokens, t))
    if any(t.value == Thing.NEUTRAL for t in tokens[start:at]):
        return None
    after = [t for t in tokens[at + 1 : at + 6] if t.tag is Tag.THING and t.value != Thing.NEUTRAL]
    carried = _LISTED | {Thing.MONEY, Thing.EMAIL, Thing.NOTICE}
    return after or [t for t in tokens[:start] if t.tag is Tag.THING and t.value in carried][-1:]


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
