"""The claim reader: a reply in, claims and reports of past state out. Deterministic; judges nothing.

Folding, segments, tags, predicates and fields each have their module; this one walks over the segments and carries
the topic from one to the next.
"""

from collections.abc import Sequence

from services.domain.claims import Claim
from services.domain.reading import fields
from services.domain.reading.clauses import Context, Draft, SegmentReading, read_segment
from services.domain.reading.drafts import Reading, Report
from services.domain.reading.folding import Folded, fold
from services.domain.reading.language import candidates, dominant
from services.domain.reading.lexicon import Lexicon
from services.domain.reading.lexicons import LEXICONS
from services.domain.reading.quotes import mask_quotes
from services.domain.reading.segments import Segment, split
from services.domain.reading.tagger import rejoin
from services.domain.reading.tags import Tag


class LexicalClaimReader:
    """Reads claims with a lexicon and a small grammar a language. Holds no state between replies."""

    def __init__(self, lexicons: Sequence[Lexicon] = LEXICONS) -> None:
        self._lexicons = tuple(lexicons)

    def read(self, reply: str) -> tuple[Claim, ...]:
        """Return the claims of `reply` in the order of the text; offsets are those of `reply`."""
        return self.read_all(reply).claims

    def read_all(self, reply: str) -> Reading:
        folded = fold(reply)
        masked = rejoin(mask_quotes(folded.text), self._lexicons)
        segments = split(masked)
        main = dominant(masked, self._lexicons)
        readings: list[SegmentReading] = []
        for index, segment in enumerate(segments):
            readings.append(self._read_segment(masked, segment, segments, readings, main, index))
        drafts = fields.assign(masked, segments, readings)
        claims = tuple(_claim(reply, folded, draft) for draft in drafts)
        reports = tuple(_report(reply, folded, draft) for reading in readings for draft in reading.reports)
        return Reading(claims, reports, main.code, tuple(readings), masked)

    def _read_segment(  # noqa: PLR0913, PLR0917 - the walk's own state
        self,
        text: str,
        segment: Segment,
        segments: list[Segment],
        readings: list[SegmentReading],
        main: Lexicon,
        index: int,
    ) -> SegmentReading:
        heading = readings[segment.heading] if segment.heading is not None else None
        topic = next((r.topic for r in reversed(readings) if r.topic), "")
        opens_list = index + 1 < len(segments) and segments[index + 1].heading == index
        chosen = candidates(text[segment.start : segment.end], main, self._lexicons)
        records = bool(readings) and any(t.tag is Tag.RECORDS for t in readings[-1].tokens)
        context = Context(segment, topic, heading, opens_list, records)
        options = [read_segment(text, lexicon, context) for lexicon in chosen]
        # Of two languages that fit, the one that finds more is kept: a claim must not hide in the other.
        return max(options, key=lambda option: len(option.drafts))


def _claim(reply: str, folded: Folded, draft: Draft) -> Claim:
    start, end = folded.span(draft.start, draft.end)
    return Claim(
        effect=draft.effect,
        text=reply[start:end],
        start=start,
        end=end,
        order_id=draft.order_id,
        item=draft.item,
        amount_cents=draft.amount.cents if draft.amount else None,
        currency=draft.amount.currency if draft.amount else None,
        in_progress=draft.in_progress,
        certainty=round(draft.certainty, 2),
        alternatives=draft.others,
        count=draft.count,
    )


def _report(reply: str, folded: Folded, draft: Draft) -> Report:
    start, end = folded.span(draft.start, draft.end)
    return Report(draft.effect, reply[start:end], start, end)
