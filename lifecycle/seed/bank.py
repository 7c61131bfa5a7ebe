"""Reads the hand-written banks. Which rows train and which only judge is decided here, once, by family and author."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from policies import Reason

BANK = Path(__file__).parent / "bank"
Split = Literal["train", "heldout"]

# Whole clause families and message authors are held out, so that the score says something about the unseen.
HELDOUT_FAMILIES = frozenset({"bundles", "holiday", "refurbished", "furniture"})
HELDOUT_AUTHORS = frozenset({"a9", "a17"})
_HELDOUT_EVERY = 9
"""Besides those families, every ninth clause of each other family is held out."""

_TEST = re.compile(r"(?P<fact>[\w.]+) (?P<relation><=|>=|<|>|is not|is) (?P<wanted>.+)")


class Test(BaseModel):
    """One test of a clause template: `wanted` is a number, a flag, a text or a slot such as {N}."""

    model_config = ConfigDict(frozen=True)

    fact: str
    relation: str
    wanted: str

    @classmethod
    def parse(cls, text: str) -> "Test":
        match = _TEST.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"no test: {text!r}")
        return cls(**match.groupdict())


class OtherReading(BaseModel):
    """What a clause that speaks of several reasons asks for in the case of further ones."""

    model_config = ConfigDict(frozen=True)

    reasons: tuple[Reason, ...]
    conditions: tuple[tuple[Test, ...], ...]
    key: int
    gives: str = "return"


class ClauseTemplate(BaseModel):
    """A clause as somebody wrote it, with what it asks for; slots {N} and {M} are numbers drawn from `n` and `m`."""

    model_config = ConfigDict(frozen=True)

    id: str
    family: str
    kind: Literal["grant", "exclude", "info"]
    reasons: tuple[Reason, ...]
    text: str
    conditions: tuple[tuple[Test, ...], ...]
    key: int = 0
    n: tuple[int, int] = (1, 365)
    m: tuple[int, int] = (1, 365)
    gives: str = "return"
    heldout: bool = False
    mentions: tuple[str, ...] = ()
    """Facts that the text speaks of and yet does not ask for."""
    also: tuple[OtherReading, ...] = ()

    def variants(self) -> tuple["ClauseTemplate", ...]:
        """Return the clause as it reads for `reasons`, and as it reads for each of `also`."""
        return (self, *(self.model_copy(update=dict(other) | {"also": ()}) for other in self.also))


class Phrase(BaseModel):
    """One state of affairs, said twice: as a clause says that it is `met`, and that it `failed`.

    Each of `facts` is a name some shop might record it under; `wanted` is the value under which it is met.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    facts: tuple[str, ...]
    wanted: bool
    met: str
    failed: str
    reasons: tuple[Reason, ...]


class MessageTemplate(BaseModel):
    model_config = ConfigDict(frozen=True)

    id: str
    author: str
    reason: Reason
    lang: str = "en"
    text: str
    style: str = ""
    wish: bool = False
    """Of an `unclear` message: plainly wants to return, so that a clause which takes any reason fits it."""


class ReplyTemplate(BaseModel):
    model_config = ConfigDict(frozen=True)

    outcome: str
    action: str
    lang: str = "en"
    text: str
    point: Literal["", "late", "unmet", "excluded", "open", "conflict"] = ""
    """What the text says decided the case; empty fits any case of its outcome."""


class Item(BaseModel):
    model_config = ConfigDict(frozen=True)

    item: str
    category: str
    price: tuple[int, int]
    """Lowest and highest price in cents."""


def _rows(name: str) -> Iterator[dict[str, Any]]:
    for path in sorted(BANK.glob(f"{name}*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            yield from (json.loads(line) for line in lines if line.strip())


@cache
def clauses(split: Split) -> tuple[ClauseTemplate, ...]:
    """Return the clause templates of a split; information clauses serve both as distractors."""
    seen: dict[str, int] = {}
    chosen = []
    for row in _rows("clauses"):
        family = row["family"]
        seen[family] = seen.get(family, 0) + 1
        for part in (row, *row.get("also", ())):
            part["conditions"] = tuple(tuple(map(Test.parse, alternatives)) for alternatives in part["conditions"])
        heldout = family in HELDOUT_FAMILIES or seen[family] % _HELDOUT_EVERY == 0
        given = {name: value for name, value in row.items() if value is not None}
        template = ClauseTemplate(**given | {"heldout": heldout})
        if template.kind == "info" or heldout == (split == "heldout"):
            chosen.append(template)
    return tuple(chosen)


@cache
def messages(split: Split) -> tuple[MessageTemplate, ...]:
    rows = (MessageTemplate(**row) for row in _rows("messages"))
    return tuple(m for m in rows if (m.author in HELDOUT_AUTHORS) == (split == "heldout"))


@cache
def phrases(split: Split) -> tuple[Phrase, ...]:
    rows = (Phrase(**row) for row in _rows("phrases"))
    return tuple(p for number, p in enumerate(rows) if (number % _HELDOUT_EVERY == 0) == (split == "heldout"))


@cache
def replies() -> tuple[ReplyTemplate, ...]:
    return tuple(ReplyTemplate(**row) for row in _rows("replies"))


@cache
def items() -> tuple[Item, ...]:
    return tuple(Item(**row) for row in _rows("items"))


@cache
def distractor_facts() -> tuple[tuple[str, tuple[Any, ...]], ...]:
    return tuple((row["name"], tuple(row["values"])) for row in _rows("distractor_facts"))
