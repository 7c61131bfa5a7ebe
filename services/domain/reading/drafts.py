"""What the reader knows of a claim while it is still collecting its fields."""

from dataclasses import dataclass, field
from typing import NamedTuple

from services.domain.claims import Claim, Effect
from services.domain.reading.money import Amount
from services.domain.reading.predicates import Predicate, State
from services.domain.reading.segments import Segment
from services.domain.reading.tags import Token


@dataclass
class Draft:
    """A claim in the making; [start, end) are offsets in the folded text, `anchor` that of its verb."""

    effect: Effect
    start: int
    end: int
    anchor: int
    certainty: float
    others: tuple[Effect, ...] = ()
    in_progress: bool = False
    things: tuple[Token, ...] = ()
    order_id: str | None = None
    item: str | None = None
    amount: Amount | None = None
    count: int = 1


@dataclass
class SegmentReading:
    """One segment as read: claims, reports of past state, the thing it leaves as topic, and its state as a heading."""

    tokens: list[Token]
    code: str
    segment: Segment
    found: list[Predicate] = field(default_factory=list)
    """What the outermost layer of the sentence predicates."""
    drafts: list[Draft] = field(default_factory=list)
    reports: list[Draft] = field(default_factory=list)
    orders: tuple[str, ...] = ()
    amounts: tuple[Amount, ...] = ()
    """Order numbers and sums of money that the sentence names."""
    topic: str = ""
    head: State = State.NONE


class Report(NamedTuple):
    """A statement about the state before this conversation, which trusted facts must support."""

    effect: Effect
    text: str
    start: int
    end: int


class Reading(NamedTuple):
    claims: tuple[Claim, ...]
    reports: tuple[Report, ...]
    language: str
    passages: tuple[SegmentReading, ...] = ()
    """Each sentence as it was read; offsets are those of the folded text."""
    text: str = ""
    """The folded text that was read, quotations blanked; as long as the folded reply."""

    def sentence(self, passage: SegmentReading) -> str:
        """Return the folded words of one of the passages."""
        return self.text[passage.segment.start : passage.segment.end].strip()
