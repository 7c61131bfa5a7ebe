"""Reads one segment: finds what it predicates of which thing, and drafts a claim where that is done or under way."""

from dataclasses import dataclass

from services.domain.claims import Effect
from services.domain.reading import brackets, chains, idioms, places, unsettled
from services.domain.reading.chains import ARRANGED
from services.domain.reading.drafts import Draft, SegmentReading
from services.domain.reading.effects import Meaning, before_clause, governed, is_of_another_subject, meaning, objects
from services.domain.reading.headings import heading_state
from services.domain.reading.lexicon import Lexicon
from services.domain.reading.predicates import CLAIMING, Predicate, State, clause_start
from services.domain.reading.segments import Segment
from services.domain.reading.tagger import tag
from services.domain.reading.tags import Deed, Tag, Thing, Token

__all__ = ["Context", "Draft", "SegmentReading", "read_segment"]

_YOURS = frozenset({"your", "votre", "vos"})
_LIGHT = frozenset(
    {
        Deed.UNKNOWN,
        Deed.PAID,
        Deed.CHANGE,
        Deed.COMPLETE,
        Deed.START,
        Deed.CREATE,
        Deed.SEND,
        Deed.PAY,
        Deed.ADD,
        Deed.SHIP,
        Deed.EMAIL,
    }
)


@dataclass(frozen=True)
class Context:
    """What stands before and around a segment; `records`: the sentence before reports what records show."""

    segment: Segment
    topic: str = ""
    heading: SegmentReading | None = None
    opens_list: bool = False
    records: bool = False


def read_segment(text: str, lexicon: Lexicon, context: Context) -> SegmentReading:
    segment, heading, opens_list = context.segment, context.heading, context.opens_list
    everything = tag(text[segment.start : segment.end], segment.start, lexicon)
    reading = SegmentReading(everything, lexicon.code)
    found: list[Predicate] = []
    tokens = everything
    for layer, layer_tokens in enumerate(_layers(everything)):
        made_here = brackets.predicates(layer_tokens) if lexicon.verb_last else chains.predicates(layer_tokens)
        _read_predicates(reading, layer_tokens, made_here, context)
        reading.drafts.extend(places.drafts(layer_tokens, segment, context.topic, heading, taken=reading.drafts))
        if layer == 0:
            found, tokens = made_here, layer_tokens
    if not reading.reports:
        _add_idioms(reading, idioms.drafts(text, segment))
    if not reading.drafts and not reading.reports:
        reading.drafts.extend(unsettled.drafts(tokens, segment, found))
    _merge(reading)
    if segment.quoted:
        for draft in reading.drafts:
            draft.certainty = min(draft.certainty, 0.5)
    reading.head = heading_state(tokens, found) if opens_list else State.NONE
    if opens_list and reading.head is State.DONE:
        reading.drafts = [d for d in reading.drafts if d.effect is not Effect.UNSPECIFIED]
    reading.topic = _topic(tokens)
    for draft in reading.drafts:
        draft.start, draft.end = _trim(text, draft, segment)
    return reading


def _layers(tokens: list[Token]) -> list[list[Token]]:
    """Return the sentence without its parentheses, then the content of each: they do not share grammar."""
    outer: list[Token] = []
    inner: list[list[Token]] = []
    depth = 0
    for token in tokens:
        if token.text == "(":
            depth += 1
            inner.append([])
        elif token.text == ")":
            depth = max(depth - 1, 0)
        elif depth:
            inner[-1].append(token)
        else:
            outer.append(token)
    return [outer, *(layer for layer in inner if len(layer) > 1)]


def _read_predicates(reading: SegmentReading, tokens: list[Token], found: list[Predicate], context: Context) -> None:
    for made in found:
        made_here = _in_context(tokens, made, context)
        draft = _draft(tokens, made_here, context.topic)
        if draft is None:
            continue
        if made_here.state is State.REPORTED:
            reading.reports.append(draft)
        else:
            reading.drafts.append(draft)


def _in_context(tokens: list[Token], made: Predicate, context: Context) -> Predicate:
    segment, heading = context.segment, context.heading
    if made.state not in CLAIMING:
        return made
    if segment.question and _asked(tokens, made):
        relative = made.left > 0 and tokens[made.left - 1].tag is Tag.US and made.headless is False
        return made._replace(certainty=0.6) if relative and made.left > 2 else made._replace(state=State.ASKED)
    if heading is not None and heading.head not in {State.NONE, State.DONE} and (made.headless or made.certainty < 0.8):
        return made._replace(state=heading.head)
    if heading is not None and heading.head is State.REPORTED:
        return made._replace(state=State.REPORTED)
    chain = {t.tag for t in tokens[made.left : made.at]}
    if context.records and Tag.WAS in chain and Tag.NOW not in chain:
        return made._replace(state=State.REPORTED)
    return made


def _asked(tokens: list[Token], made: Predicate) -> bool:
    start = made.left
    while start > 0 and tokens[start - 1].tag not in {Tag.COMMA, Tag.SEP}:
        start -= 1
    opening = next((t.tag for t in tokens[start:] if t.tag not in {Tag.ADVERB, Tag.AND, Tag.BUT, Tag.NOT}), None)
    inverted = {Tag.WHAT, Tag.BE, Tag.WAS, Tag.HAVE, Tag.MODAL, Tag.FUTURE}
    later = any(t.tag is Tag.COMMA for t in tokens[made.at :])
    return opening in inverted or not later


def _draft(tokens: list[Token], made: Predicate, topic: str) -> Draft | None:  # noqa: C901, PLR0911 - one line a case
    if made.state not in CLAIMING and made.state is not State.REPORTED:
        return None
    things = objects(tokens, made)
    if made.deed == Deed.MARK and _marks_nothing_of_ours(tokens, made, things):
        return None
    if made.deed in _LIGHT | {Deed.MARK} and is_of_another_subject(tokens, made, things):
        return None
    if _is_the_shops_own(tokens, made) or _is_of_before(tokens, made, things):
        return None
    sense = meaning(made.deed, [t.value for t in things])
    certainty = made.certainty
    pronoun = (
        made.at + 1 < len(tokens) and tokens[made.at + 1].tag is Tag.IT and all(governed(tokens, t) for t in things)
    )
    if (sense is None or not things or pronoun) and made.deed in _LIGHT and _is_carried(tokens, made, things):
        for carried in [*(t.value for t in before_clause(tokens, made)), *_listed_after(tokens, made), topic]:
            if carried and (resolved := meaning(made.deed, [carried])) is not None:
                sense, certainty = _widened(resolved), min(certainty, 0.8)
                break
    if sense is None:
        sense = _effect_of_another_kind(tokens, made)
    if sense is None and made.deed in _LIGHT - {Deed.UNKNOWN}:
        sense = _unspecified(tokens, made)
    if sense is None:
        return None
    if made.deed == Deed.UNKNOWN:
        if made.headless and sense.effect is Effect.RETURN_STARTED:
            return None
        certainty = min(certainty, 0.5)
    return Draft(
        effect=sense.effect,
        others=sense.others,
        start=tokens[made.left].start,
        end=tokens[made.at].end,
        anchor=tokens[made.at].start,
        certainty=certainty * sense.certainty,
        in_progress=made.state is State.PROGRESS,
        things=tuple(things),
    )


def _is_the_shops_own(tokens: list[Token], made: Predicate) -> bool:
    """Read as no effect in this case: we have updated our returns page; the carrier changed its prices."""
    if made.deed not in {Deed.CHANGE, Deed.REPLACE, Deed.UNKNOWN, Deed.ADD, Deed.ESCALATE, Deed.ADD}:
        return False
    after = next((t for t in tokens[made.at + 1 :] if t.tag not in {Tag.ADVERB, Tag.NOW}), None)
    return after is not None and after.text in {
        "our",
        "its",
        "their",
        "notre",
        "nos",
        "unsere",
        "unseren",
        "nuestra",
        "onze",
    }


def _is_of_before(tokens: list[Token], made: Predicate, things: list[Token]) -> bool:
    """Read as state of before: your order was placed on Monday; the wrong shirt was packed."""
    was = made.passive and any(t.tag is Tag.WAS for t in tokens[made.left : made.at])
    if not was or any(t.tag is Tag.NOW for t in tokens[made.left : made.at + 3]):
        return False
    values = {t.value for t in things}
    of_order = (
        made.deed in {Deed.START, Deed.COMPLETE, Deed.CREATE} and bool(values) and values <= {Thing.ORDER, Thing.PARCEL}
    )
    return of_order or (made.deed == Deed.SHIP and not values & {Thing.NEW, Thing.REPLACEMENT, Thing.LABEL})


def _marks_nothing_of_ours(tokens: list[Token], made: Predicate, things: list[Token]) -> bool:
    """Read as state, not as effect: the courier marked it; the order has been marked as delivered."""
    returned = any(t.value in {Thing.RETURN, Thing.EXCHANGE} for t in things)
    return (made.left > 0 and tokens[made.left - 1].tag is Tag.THEY) or (made.passive and not returned)


def _listed_after(tokens: list[Token], made: Predicate) -> list[str]:
    """Return the things of a list that a headless deed opens: issued today: one refund, one label."""
    if not made.headless or not any(t.tag is Tag.SEP for t in tokens[made.at : made.at + 4]):
        return []
    after = tokens[made.at + 1 :]
    verbs = {Tag.FUTURE, Tag.MODAL, Tag.BE, Tag.HAVE, Tag.WAS, Tag.DONE, Tag.US, Tag.YOU}
    if any(t.tag in verbs for t in after):
        return []
    return [t.value for t in after if t.tag is Tag.THING and t.value != Thing.NEUTRAL]


def _widened(sense: Meaning) -> Meaning:
    """Return what a carried return may have undergone: the pronoun does not say whether it was opened or cancelled."""
    if sense.effect is not Effect.RETURN_STARTED:
        return sense
    return Meaning(sense.effect, (Effect.CANCEL_RETURN, Effect.CREATE_RETURN_LABEL), sense.certainty)


def _is_ours(tokens: list[Token], made: Predicate) -> bool:
    return not made.passive and made.left > 0 and tokens[made.left - 1].tag is Tag.US


def _effect_of_another_kind(tokens: list[Token], made: Predicate) -> Meaning | None:
    """Return `other` for what was done for or to the customer with a thing that no lexicon lists."""
    anything = (Effect.UNSPECIFIED, Effect.SEND_EMAIL, Effect.SEND_REPLACEMENT)
    if _is_ours(tokens, made):
        to_you = any(t.tag is Tag.YOU for t in tokens[made.at + 1 : made.at + 3])
        if made.deed == Deed.UNKNOWN:
            return Meaning(Effect.OTHER, anything)
        if made.deed == Deed.ADD:
            return Meaning(Effect.OTHER, anything, 0.6)
        return Meaning(Effect.OTHER, anything, 0.6) if made.deed == Deed.SEND and to_you else None
    arranged = tokens[made.at].text in ARRANGED and made.deed == Deed.START
    perfect = arranged or any(t.tag is Tag.HAVE for t in tokens[made.left : made.at])
    subject = tokens[clause_start(tokens, made.left) : made.left]
    if made.passive and perfect and subject and subject[0].text in _YOURS:
        return Meaning(Effect.OTHER, anything, 0.7)
    return None


def _is_carried(tokens: list[Token], made: Predicate, things: list[Token]) -> bool:
    """Tell whether a pronoun, or nothing at all, stands where the object should."""
    near = tokens[max(made.left - 2, 0) : made.left] + tokens[made.at + 1 : made.at + 3]
    if any(t.tag is Tag.IT for t in near) or (made.left > 0 and tokens[made.left - 1].tag is Tag.THAT):
        return True
    if made.deed == Deed.UNKNOWN and made.headless:
        return False
    subject = tokens[clause_start(tokens, made.left) : made.left]
    named = any(t.tag is Tag.WORD or (t.tag is Tag.THING and t.value == Thing.NEUTRAL) for t in subject)
    return not things and not named


def _unspecified(tokens: list[Token], made: Predicate) -> Meaning | None:
    alone = len(tokens) <= 3
    if made.deed == Deed.COMPLETE and (alone or not made.headless):
        return Meaning(Effect.UNSPECIFIED, (), 0.75)
    if made.deed in {Deed.SEND, Deed.SHIP, Deed.CREATE, Deed.PAID} and (made.headless or made.passive):
        return None
    it = any(t.tag is Tag.IT for t in [*tokens[max(made.left - 2, 0) : made.left], *tokens[made.at + 1 : made.at + 2]])
    if it and (made.passive or not made.headless):
        return Meaning(Effect.UNSPECIFIED, (), 0.75)
    return None


def _topic(tokens: list[Token]) -> str:
    """Return the thing this segment is about: the last one that an effect can be about."""
    effects = {
        Thing.MONEY,
        Thing.REFUND,
        Thing.CREDIT,
        Thing.LABEL,
        Thing.REPLACEMENT,
        Thing.EXCHANGE,
        Thing.RETURN,
        Thing.CANCELLATION,
    }
    named = [t.value for t in tokens if t.tag is Tag.THING and t.value in effects]
    return named[0] if named else ""


def _add_idioms(reading: SegmentReading, found: list[Draft]) -> None:
    """Add the idioms that say more than what the grammar already read in this segment."""
    for draft in found:
        said = {e for d in reading.drafts for e in (d.effect, *d.others)}
        if draft.effect not in said and (draft.effect is not Effect.UNSPECIFIED or not said):
            reading.drafts.append(draft)


def _merge(reading: SegmentReading) -> None:
    """Keep one draft a verb: a place read beside a verb that says the same adds nothing."""
    kept: list[Draft] = []
    for draft in sorted(reading.drafts, key=lambda d: (d.anchor, -d.certainty)):
        same = next((k for k in kept if k.anchor == draft.anchor), None)
        if same is None:
            kept.append(draft)
    reading.drafts = kept


def _trim(text: str, draft: Draft, segment: Segment) -> tuple[int, int]:
    """Widen the span from the verb to the words of its clause, without surrounding punctuation."""
    cuts = [segment.start, *(i + 1 for i in range(segment.start, segment.end) if text[i] in ",;:()"), segment.end]
    start = max(cut for cut in cuts if cut <= min(draft.start, draft.anchor))
    ends = [cut - 1 for cut in cuts[1:-1] if cut - 1 >= draft.end and not _inside_number(text, cut - 1)]
    end = min([*ends, segment.end])
    while start < end and not text[start].isalnum():
        start += 1
    while end > start and not (text[end - 1].isalnum() or text[end - 1] in "€$£✔%"):
        end -= 1
    return (start, end) if start < end else (draft.anchor, draft.end)


def _inside_number(text: str, at: int) -> bool:
    return 0 < at < len(text) - 1 and text[at - 1].isdigit() and text[at + 1].isdigit()
