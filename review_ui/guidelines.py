"""The guidelines beside an item: plain files with headings, paragraphs and points, versioned by their content."""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "guidelines"
GENERAL = "general"


class Block(NamedTuple):
    """`kind` is `heading`, `text` or `points`."""

    kind: str
    lines: tuple[str, ...]


class Guideline(NamedTuple):
    name: str
    version: str
    blocks: tuple[Block, ...]


@lru_cache(maxsize=64)
def guideline_for(reason: str) -> Guideline:
    """Return the guideline for a route reason, the general one where it has none of its own.

    The version is the start of the SHA-256 of all that is shown, so that a label says which words it was given under.
    """
    own = FOLDER / f"{reason}.md"
    name = reason if reason.isidentifier() and own.is_file() else GENERAL
    general = (FOLDER / f"{GENERAL}.md").read_text(encoding="utf-8")
    text = general if name == GENERAL else own.read_text(encoding="utf-8") + "\n" + general
    return Guideline(name, hashlib.sha256(text.encode()).hexdigest()[:12], tuple(_blocks(text)))


def _blocks(text: str) -> list[Block]:
    blocks: list[Block] = []
    for paragraph in text.strip().split("\n\n"):
        lines = [line.strip() for line in paragraph.strip().splitlines() if line.strip()]
        if not lines:
            continue
        if lines[0].startswith("# "):
            blocks.append(Block("heading", (lines[0][2:],)))
        elif lines[0].startswith("- "):
            joined = " ".join(lines)[2:].split(" - ")
            blocks.append(Block("points", tuple(joined)))
        else:
            blocks.append(Block("text", (" ".join(lines),)))
    return blocks
