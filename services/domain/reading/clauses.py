"""Reads one segment: finds what it predicates of which thing, and drafts a claim where that is done or under way."""

import re
from dataclasses import dataclass

from services.domain.claims import Effect
from services.domain.reading import brackets, chains, idioms, places, unsettled
from services.domain.reading.drafts import Draft, SegmentReading
from services.domain.reading.headings import heading_state
from services.domain.reading.lexicon import Lexicon
from services.domain.reading.predicates import CLAIMING, Predicate, State
from services.domain.reading.segments import Segment
from services.domain.reading.sense import drafts_of
from services.domain.reading.tagger import tag
from services.domain.reading.tags import Deed, Tag, Thing, Token

__all__ = ["Context", "Draft", "SegmentReading", "read_segment"]


# What follows is denied as a whole: it is not true that we have refunded you.
_UNTRUE = re.compile(
    r"\b(?:is|was)(?:n't| not) (?:true|correct|right|the case) that\b|\bnot the case that\b"
    r"|\bcannot say that\b|\bfalse that\b"
    r"|\b(?:stimmt nicht|nicht wahr|nicht richtig), dass\b|\bn'est pas (?:vrai|exact) que\b|\bil est faux que\b"
    r"|\bno es (?:cierto|verdad) que\b|\bnon e vero che\b|\b(?:niet waar|klopt niet) dat\b"
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
    reading = SegmentReading(everything, lexicon.code, segment)
    found: list[Predicate] = []
    tokens = everything
    for layer, layer_tokens in enumerate(_layers(everything)):
        made_here = brackets.predicates(layer_tokens) if lexicon.verb_last else chains.predicates(layer_tokens)
        _read_predicates(reading, layer_tokens, made_here, context)
        reading.drafts.extend(places.drafts(layer_tokens, segment, context.topic, heading, taken=reading.drafts))
        if layer == 0:
            found, tokens = made_here, layer_tokens
            reading.found = found
    if not reading.reports:
        _add_idioms(reading, idioms.drafts(text, segment))
    if not reading.drafts and not reading.reports:
        reading.drafts.extend(unsettled.drafts(tokens, segment, found))
    if _UNTRUE.search(text, segment.start, segment.end):
        reading.drafts = []
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
        drafts = drafts_of(tokens, made_here, context.topic)
        target = reading.reports if made_here.state is State.REPORTED else reading.drafts
        target.extend(drafts)


def _in_context(tokens: list[Token], made: Predicate, context: Context) -> Predicate:
    segment, heading = context.segment, context.heading
    if made.state not in CLAIMING:
        return made
    if segment.question and _asked(tokens, made):
        relative = made.left > 0 and tokens[made.left - 1].tag is Tag.US and made.headless is False
        kept = relative and made.left > 2 and made.deed != Deed.UNKNOWN
        return made._replace(certainty=0.6) if kept else made._replace(state=State.ASKED)
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
        same = next((k for k in kept if k.anchor == draft.anchor and k.effect is draft.effect), None)
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
