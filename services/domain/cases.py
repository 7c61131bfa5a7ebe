"""The JSONL cases of `decide` and `eval` (contracts.md): a case brings its own policies and facts. Pure parsing.

Choosing the version in force and counting days happen here, by code, before any model reads the case.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from policies import all_in_force
from policies.plain_text import plain_text_version
from services.domain.evidence import Evidence
from services.domain.facts import FactValue, OrderFacts, with_derived


class BadCase(ValueError):
    """A case cannot be read; the message names the field and the remedy."""


class CasePolicy(BaseModel):
    """One clause as a case brings it: plain text, or with the full header of a published version."""

    model_config = ConfigDict(extra="ignore")

    policy_id: str = Field(min_length=1)
    version: str = "1"
    effective_from: date | None = None
    text: str = Field(min_length=1)

    @field_validator("policy_id", "version", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        """Take numbers too: `"version": 3` is as good as `"3"`."""
        return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


class Case(BaseModel):
    """One line of input. `expected_*` fields are read by `eval` only."""

    model_config = ConfigDict(extra="allow")

    id: str
    policies: list[CasePolicy]
    order_facts: dict[str, FactValue]
    message: str

    @field_validator("id", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) else value

    @field_validator("order_facts", mode="before")
    @classmethod
    def _flat(cls, value: Any) -> Any:
        """Write nested values as text: a list or an object is a fact nobody can compare, but it is not an error."""
        if not isinstance(value, dict):
            return value
        return {name: v if isinstance(v, bool | int | float | str | None) else str(v) for name, v in value.items()}


def parse_case(row: Any) -> Case:
    """Return the case. Raises BadCase naming the field that is missing or wrong."""
    if not isinstance(row, Mapping):
        raise BadCase("a case must be a JSON object")
    try:
        return Case.model_validate(row)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise BadCase(f"field {field}: {first['msg'].lower()}") from error


def evidence_of(case: Case, *, require_rule: bool = False, today: date | None = None) -> Evidence:
    """Return the case's evidence: derived facts, and one version a policy, that in force on `requested_on`.

    A case without `requested_on` is asked on `today` (the current day in UTC where that is None).
    """
    facts = with_derived(OrderFacts(values=case.order_facts))
    asked_on = facts.requested_on or today or datetime.now(UTC).date()
    versions = [
        plain_text_version(p.policy_id, p.version, p.text, p.effective_from, closes=not require_rule)
        for p in case.policies
    ]
    return Evidence(message=case.message, facts=facts, policies=all_in_force(versions, asked_on), asked_on=asked_on)
