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

from policies import PolicyVersion, Reason
from services.domain.actions import ToolAction
from services.domain.decision import ClauseReading, Decision
from services.domain.evidence import Evidence
from services.domain.facts import OrderFacts
from services.inference.prompt import (
    CaseView,
    Segment,
    choice_segments,
    decision_segments,
    prompt_halves,
    reply_prompt_segments,
    reply_segments,
)
from services.inference.sheet import sheet_facts, sheet_prompt, sheet_segments
from services.inference.sheet import tool_of as sheet_tool
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


class SheetExample(BaseModel):
    """How one clause of the world reads on its facts when somebody returns for `reason`; `tool` is what it gives.

    `facts` names those that are held against it, in order; all of the world's where empty.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: Reason
    reading: ClauseReading
    tool: str | None = None
    facts: tuple[str, ...] = ()


class World(BaseModel):
    """Clauses and facts that the cases share. `sheets` are readings of clauses, beside those that the cases made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    policies: tuple[PolicyVersion, ...]
    facts: OrderFacts
    asked_on: date
    cases: tuple[ExampleCase, ...] = Field(min_length=1)
    sheets: tuple[SheetExample, ...] = ()

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
    """Return the world's token sequences, as the two steps of a decision and the reply meet them.

    The shared prompt, then each case's message with its choice; the scratch line (untrained, since it is computed) and
    the reply go on from the message. Each clause that is read is a sequence of its own.
    """
    views = [CaseView(world.evidence(case)) for case in world.cases]
    rows: list[TokenRow] = []
    parents: list[int | None] = []
    shared: dict[str, int] = {}

    def add(segments: Sequence[Segment], parent: int | None) -> int:
        rows.append(tokenize(tokenizer, segments))
        parents.append(parent)
        return len(rows) - 1

    for case, view in zip(world.cases, views, strict=True):
        head, tail = prompt_halves(view)
        key = "".join(segment.text for segment in head)
        if key not in shared:
            shared[key] = add(head, None)
        if case.reply is None:
            add([*tail, *choice_segments(view, case.decision)], shared[key])
            continue
        # A row's first token is predicted by nobody, so each answer's row takes over the end of the prompt's.
        asked = add(tail[:-1], shared[key])
        add([tail[-1], *choice_segments(view, case.decision)], asked)
        answer = [s._replace(trained=False) for s in decision_segments(view, case.decision, conflict=case.conflict)]
        add([tail[-1], *answer, *_reply_turn(case.actions, world.facts.order_id, case.reply)], asked)
    for policy, sheet in _sheets(world):
        facts = sheet_facts(policy, views[0].facts)
        if sheet.facts:
            facts = {name: value for name, value in facts.items() if name in sheet.facts}
        add([*sheet_prompt(policy), *sheet_segments(policy, sheet.reason, facts, sheet.reading, sheet.tool)], None)
    return TokenTree(tuple(rows), tuple(parents))


def _sheets(world: World) -> Iterator[tuple[PolicyVersion, SheetExample]]:
    """Yield each clause's reading once: those given, then those that the cases' decisions hold."""
    policies = {policy.policy_id: policy for policy in world.policies}
    seen: set[tuple[str, Reason]] = set()
    given = list(world.sheets)
    for case in world.cases if not world.sheets else ():
        decision = case.decision
        given += [
            SheetExample(reason=decision.reason, reading=reading, tool=sheet_tool(decision, reading))
            for reading in decision.readings
        ]
    for sheet in given:
        key = (sheet.reading.policy_id, sheet.reason)
        if key[0] in policies and key not in seen:
            seen.add(key)
            yield policies[key[0]], sheet


def _reply_turn(actions: Sequence[ToolAction], order_id: str | None, reply: str) -> list[Segment]:
    return [*reply_prompt_segments(actions, order_id), *reply_segments(reply)]


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
