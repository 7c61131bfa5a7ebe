"""What the gate says: checks, each with value and limit, and a report that ends in SHIP or BLOCK. Measures nothing.

A report is immutable and named by the digest of its content; the table of checks itself is `lifecycle.gate`.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from services.domain.canonical import digest_of


class GateVerdict(StrEnum):
    SHIP = "ship"
    BLOCK = "block"


class Check(BaseModel):
    """One row of the gate's table.

    `value` and `limit` are in `unit` (`share` is 0 to 1); `against` says whether the limit is fixed or was measured on
    the champion in the same run, whose own value is then `champion`. `why` is a sentence for people.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    group: Literal["correctness", "safety", "form", "behaviour", "speed", "training", "data"]
    value: float | None
    limit: float | None
    comparison: Literal["at least", "at most", "equal"]
    against: Literal["absolute", "champion"]
    unit: str
    passed: bool
    why: str
    champion: float | None = None
    interval: tuple[float, float] | None = None
    """95 % interval of what is compared, where the check is a comparison of shares."""
    total: int | None = None
    """How many cases stand behind the value."""


class GateReport(BaseModel):
    """The gate's verdict with the digests of all that it rests on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: GateVerdict
    reasons: tuple[str, ...]
    """Why it blocks, one sentence a failed check; what carried it, where it ships."""
    checks: tuple[Check, ...]
    candidate: Mapping[str, Any]
    """`name`, `digest`, `parent`, `stage` of the candidate; `champion` alike."""
    champion: Mapping[str, Any]
    data: Mapping[str, Any]
    """Digests: of the training dataset, and of each file of evaluation cases with how many of them were run."""
    code: str
    seed: int
    machine: Mapping[str, Any]
    left_out: tuple[str, ...] = ()
    night: str | None = None
    made_at: datetime

    @cached_property
    def digest(self) -> str:
        return digest_of(self.model_dump(mode="json"))

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if not check.passed)
