"""Tool calls asked for and tool actions recorded. Running a tool is an adapter's job."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from services.domain.canonical import digest_of


class ActionStatus(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    AWAITING_APPROVAL = "awaiting_approval"
    DRY_RUN = "dry_run"


class ToolCall(BaseModel):
    """A call the decision asks for; `arguments` are filled from trusted facts, never from the customer's text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    arguments: Mapping[str, Any] = Field(default_factory=dict)

    def idempotency_key(self, return_id: str) -> str:
        """Return one key for the same return, tool and arguments, so that a repeated call has no second effect."""
        return digest_of([return_id, self.name, dict(self.arguments)])


class ToolAction(BaseModel):
    """A call as the ledger recorded it. Only `succeeded` supports a claim.

    `supports` names effects a foreign tool vouches for; our tools support the claim of their own name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    status: ActionStatus
    arguments: Mapping[str, Any] = Field(default_factory=dict)
    supports: tuple[str, ...] = ()
    result: Mapping[str, Any] = Field(default_factory=dict)
    """What the provider returned, such as a tracking number; shown to reviewers, never judged on."""
    error: str | None = None
    idempotency_key: str | None = None
    finished_at: datetime | None = None
