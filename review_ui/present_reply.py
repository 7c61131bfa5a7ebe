"""Texts cut into pieces with a mark each: a clause with its quoted sentence, a reply with its claims, a diff by words.

Templates print the pieces one after the other; nothing here makes markup.
"""

import difflib
import re
from collections.abc import Sequence
from typing import NamedTuple

from services.domain.actions import ToolAction
from services.domain.claims import Effect
from services.domain.verdict import Verification


class Piece(NamedTuple):
    """A stretch of text. `mark` is empty for plain text; `why` explains the mark to people."""

    text: str
    mark: str = ""
    why: str = ""


def quoted(text: str, quote: str) -> list[Piece]:
    """Cut `text` around its first occurrence of `quote`."""
    start = text.find(quote) if quote else -1
    if start < 0:
        return [Piece(text)]
    parts = [Piece(text[:start]), Piece(quote, "quote"), Piece(text[start + len(quote) :])]
    return [piece for piece in parts if piece.text]


def claimed(reply: str, verification: Verification, actions: Sequence[ToolAction]) -> list[Piece]:
    """Cut a reply around its claims and around what else the verifier objects to in it."""
    marks: list[tuple[int, int, str, str]] = []
    for claim in verification.claims:
        what = "that all is done" if claim.effect is Effect.UNSPECIFIED else claim.effect.value.replace("_", " ")
        if claim.supported_by is None:
            marks.append((claim.start, claim.end, "unsupported", f"claims {what}: no succeeded action backs it"))
        else:
            number = claim.supported_by + 1
            name = actions[claim.supported_by].name if claim.supported_by < len(actions) else "an action"
            marks.append((claim.start, claim.end, "supported", f"claims {what}: backed by action {number}, {name}"))
    marks += [
        (*finding.span, "unsupported", finding.detail)
        for finding in verification.findings
        if finding.span is not None and not finding.passed and finding.check != "claims_supported"
    ]
    pieces, at = [], 0
    for start, end, mark, why in sorted(marks):
        if start < at or end <= start:
            continue
        pieces += [Piece(reply[at:start]), Piece(reply[start:end], mark, why)]
        at = end
    return [piece for piece in [*pieces, Piece(reply[at:])] if piece.text]


def difference(before: str, after: str) -> list[Piece]:
    """Return both texts as one, cut into what stayed, what was removed and what was added, word by word."""
    old, new = _words(before), _words(after)
    pieces: list[Piece] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(Piece("".join(old[a:b])))
            continue
        if b > a:
            pieces.append(Piece("".join(old[a:b]), "removed"))
        if d > c:
            pieces.append(Piece("".join(new[c:d]), "added"))
    return pieces


def _words(text: str) -> list[str]:
    return re.findall(r"\s+|\w+|[^\w\s]", text)
