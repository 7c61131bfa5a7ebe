"""Reads how many effects of a kind a claim asserts: both refunds, two labels, three replacements."""

from services.domain.reading.drafts import Draft, SegmentReading
from services.domain.reading.tags import Tag, Thing

_COUNTS = {
    "both": 2, "two": 2, "three": 3, "four": 4, "five": 5, "2": 2, "3": 3, "4": 4, "5": 5,
    "beide": 2, "beiden": 2, "zwei": 2, "drei": 3, "deux": 2, "trois": 3, "ambos": 2, "ambas": 2, "dos": 2, "tres": 3,
    "entrambi": 2, "entrambe": 2, "due": 2, "tre": 3, "twee": 2, "drie": 3,
}  # fmt: skip
_COUNTED = frozenset({Thing.REFUND, Thing.LABEL, Thing.REPLACEMENT, Thing.CREDIT, Thing.EXCHANGE})


def count_of(reading: SegmentReading, draft: Draft) -> int:
    """Return the number word right before one of the claim's things; 1 where there is none."""
    for thing in draft.things:
        if thing.value not in _COUNTED:
            continue
        index = next((i for i, t in enumerate(reading.tokens) if t.start == thing.start), 0)
        for token in reading.tokens[max(index - 3, 0) : index]:
            if token.text in _COUNTS and token.tag is not Tag.PREPOSITION:
                return _COUNTS[token.text]
    return 1
