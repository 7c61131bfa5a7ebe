"""Cuts folded text into segments: sentences, bullet points and table rows, each with the heading it stands under.

Knows lines and punctuation, not the meaning of words.
"""

import re
from typing import NamedTuple

_BULLET = re.compile(r"\s*(?:[-*+#>]+|\(?\d{1,2}[.)]|\(?[a-z][.)])\s+")
_QUOTED_LINE = re.compile(r"\s*>")
_TABLE_RULE = re.compile(r"[\s|:\-=+]+$")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:e\.g|i\.e|z\.b|d\.h|u\.a|nr|no|mr|mrs|ms|dr|art|approx|ca|inkl|incl|bzw|evtl|ggf|st|p\.ej|sig|sra?|dhr|mevr|m|mme|[a-z])\.$"
)
_STOP = re.compile(r"[.!?]+[\"')\]]*(?=\s|$|[¦✔✘⌛])|[;¦]|(?<=[a-z)])[.!?](?=[a-z]{3,}\s)")
_DASH = re.compile(r"\s-{1,3}\s")


class Segment(NamedTuple):
    """A stretch [start, end) of the folded text that is read as one sentence."""

    start: int
    end: int
    question: bool = False
    listed: bool = False
    """A bullet point or table row."""
    heading: int | None = None
    """Index of the segment that introduces this list (it ended with a colon, or is a heading)."""
    quoted: bool = False
    """A line of quoted mail."""


def split(text: str) -> list[Segment]:
    segments: list[Segment] = []
    heading: int | None = None
    blank_since_list = False
    start = 0
    for line in text.split("\n"):
        end = start + len(line)
        stripped = line.strip()
        if not stripped:
            blank_since_list = True
        elif not _TABLE_RULE.match(line):
            bullet = _BULLET.match(line)
            listed = bullet is not None or line.count("|") >= 2 or (heading is not None and not blank_since_list)
            if bullet is not None and heading is None and segments and _is_title(text, segments[-1]):
                heading = len(segments) - 1
            body = start + (bullet.end() if bullet else len(line) - len(line.lstrip()))
            if not listed and blank_since_list:
                heading = None
            first = len(segments)
            quoted = bool(_QUOTED_LINE.match(line))
            segments.extend(_sentences(text, body, end, listed=listed, heading=heading, quoted=quoted))
            if stripped.rstrip("*_ ").endswith(":") and len(segments) > first:
                if bullet is None or heading is None or not listed:
                    heading = len(segments) - 1
                blank_since_list = False
            elif listed:
                blank_since_list = False
        start = end + 1
    return segments


def _is_title(text: str, segment: Segment) -> bool:
    """Tell whether a line before a list is its title: short, and no sentence."""
    line = text[segment.start : segment.end].strip()
    return not segment.listed and len(line) <= 60 and not line.endswith((".", "!", "?", ","))


def _sentences(text: str, start: int, end: int, *, listed: bool, heading: int | None, quoted: bool) -> list[Segment]:  # noqa: PLR0913 - what a reading needs
    found: list[Segment] = []
    at = start
    for match in _STOP.finditer(text, start, end):
        if match.group().startswith(".") and _ABBREVIATION.search(text, max(at, match.start() - 8), match.start() + 1):
            continue
        if text[at : match.start()].strip():
            found.append(Segment(at, match.end(), "?" in match.group(), listed, heading, quoted))
        at = match.end()
    if text[at:end].strip():
        found.append(Segment(at, end, False, listed, heading, quoted))
    return found
