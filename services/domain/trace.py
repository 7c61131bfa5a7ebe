"""The trace: all that the judge saw, so that any old one can be judged again."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from services.domain.actions import ToolAction
from services.domain.decision import Decision
from services.domain.evidence import Evidence
from services.domain.verdict import Verification


class RouteName(StrEnum):
    AUTO_CLOSE = "auto_close"
    REVIEW = "review"


class Route(BaseModel):
    """Where the outcome goes. Review always names a reason."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: RouteName
    reason: str | None = None


class Generation(BaseModel):
    """What one run of a checkpoint produced, and what it ran with.

    Times are milliseconds from the start of the run. `prompt_digest` is the SHA-256 of the prompt's token ids.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    checkpoint: str
    prompt_digest: str
    raw_output: str
    sampling: Mapping[str, float | int | str | bool] = Field(default_factory=dict)
    prompt_tokens: int = 0
    output_tokens: int = 0
    ttft_ms: float = 0.0
    latency_ms: float = 0.0
    error: str | None = None
    """Why the generation failed (dead end, over-long output); raw_output then holds what there was."""


class Trace(BaseModel):
    """One run of the product loop over one piece of evidence.

    `decision` is None where generation failed; such a trace always routes to review.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    evidence: Evidence
    decision: Decision | None
    actions: tuple[ToolAction, ...] = ()
    reply: str = ""
    verification: Verification
    route: Route
    deciding: Generation | None = None
    replying: Generation | None = None
