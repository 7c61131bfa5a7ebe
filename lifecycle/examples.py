"""Training examples: a world of clauses and facts, the customers who write about it, and what the desk should answer.

A label from a reviewer is a world with one case; generated seed data share one world among several cases.
Rendering to tokens is here, so that every stage trains on the same sequences; the losses are the stages'.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from policies import PolicyVersion
from services.domain.actions import ToolAction
from services.domain.decision import Decision
from services.domain.evidence import Evidence
from services.domain.facts import OrderFacts
from services.inference.prompt import (
    CaseView,
    Segment,
    decision_segments,
    message_segments,
    prompt_segments,
    reply_prompt_segments,
    reply_segments,
)
from services.inference.tokenizer import Tokenizer
from services.inference.tokens import TokenRow, tokenize


class DataError(ValueError):
    """A dataset cannot be read; the message names file, line and field."""


class ExampleCase(BaseModel):
    """One customer's message with the right decision and, where there is one, the reply after the recorded actions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    message: str
    decision: Decision
    conflict: bool = False
    actions: tuple[ToolAction, ...] = ()
    reply: str | None = None
    provenance: Mapping[str, Any] = Field(default_factory=dict)


class World(BaseModel):
    """Clauses and facts that the cases share."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    policies: tuple[PolicyVersion, ...]
    facts: OrderFacts
    asked_on: date
    cases: tuple[ExampleCase, ...] = Field(min_length=1)

    def evidence(self, case: ExampleCase) -> Evidence:
        return Evidence(message=case.message, facts=self.facts, policies=self.policies, asked_on=self.asked_on)


@dataclass(frozen=True)
class TokenTree:
    """Sequences of which each continues an earlier one (`parents[i]`, None for the first): a prompt runs once."""

    rows: tuple[TokenRow, ...]
    parents: tuple[int | None, ...]

    def __len__(self) -> int:
        return sum(map(len, self.rows))


def tree_of(world: World, tokenizer: Tokenizer) -> TokenTree:
    """Return the world's token sequences: the shared prompt, then each case, then each case's reply."""
    views = [CaseView(world.evidence(case)) for case in world.cases]
    whole, tail = prompt_segments(views[0]), message_segments(views[0])
    rows = [tokenize(tokenizer, whole[: len(whole) - len(tail)])]
    parents: list[int | None] = [None]
    for case, view in zip(world.cases, views, strict=True):
        answer = decision_segments(view, case.decision, conflict=case.conflict)
        rows.append(tokenize(tokenizer, [*message_segments(view), *answer]))
        parents.append(0)
        if case.reply is not None:
            rows.append(tokenize(tokenizer, _reply_turn(case.actions, case.reply)))
            parents.append(len(rows) - 2)
    return TokenTree(tuple(rows), tuple(parents))


def _reply_turn(actions: Sequence[ToolAction], reply: str) -> list[Segment]:
    return [*reply_prompt_segments(actions), *reply_segments(reply)]


def write_worlds(path: Path, worlds: Iterable[World]) -> int:
    """Write one world a line; return how many."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for world in worlds:
            file.write(world.model_dump_json(exclude_defaults=True) + "\n")
            count += 1
    return count


def read_worlds(path: Path) -> Iterator[World]:
    """Yield the worlds of a file. Raises DataError naming the line and the field that does not fit."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                yield World.model_validate(json.loads(line))
            except (ValidationError, ValueError) as error:
                raise DataError(f"{path.name} line {number}: {str(error).splitlines()[0]}") from error
