"""Splits policy prose into verbatim sentences. Knows nothing of policies; every result is a substring of its input."""

import re

# A full stop after one of these does not end a sentence.
_ABBREVIATIONS = frozenset(
    {
        "e.g",
        "i.e",
        "no",
        "nr",
        "art",
        "approx",
        "incl",
        "excl",
        "vs",
        "etc",
        "mr",
        "mrs",
        "dr",
        "st",
        "inc",
        "ltd",
        "cf",
        "z.b",
        "d.h",
    }
)
# The typographic quotes are meant: shops paste them from word processors.
_BOUNDARY = re.compile(r"[.!?]+[\"'”’)\]]*(?=\s)|\n\s*\n|\n(?=\s*(?:[-*•]|\d+[.)])\s)")  # noqa: RUF001


def _ends_with_abbreviation(text: str) -> bool:
    word = re.search(r"([A-Za-z][A-Za-z.]*)\.$", text)
    return bool(word) and word.group(1).lower() in _ABBREVIATIONS  # type: ignore[union-attr]


def split_sentences(text: str) -> tuple[str, ...]:
    """Return the sentences of `text`, stripped, each a verbatim substring; list items and paragraphs end one too."""
    sentences: list[str] = []
    start = 0
    for match in _BOUNDARY.finditer(text):
        piece = text[start : match.end()]
        follows = text[match.end() :].lstrip()
        if match.group().startswith(".") and (_ends_with_abbreviation(piece) or (follows[:1].islower())):
            continue
        if piece.strip():
            sentences.append(piece.strip())
        start = match.end()
    if text[start:].strip():
        sentences.append(text[start:].strip())
    return tuple(sentences)
