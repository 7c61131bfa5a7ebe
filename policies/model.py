"""What a policy version is: a frozen value. Reading files is `catalog`, choosing by date is `in_force`."""

import hashlib
import json
from datetime import date
from functools import cached_property

from pydantic import BaseModel, ConfigDict, Field

from policies.sentences import split_sentences
from policies.vocabulary import Reason, ToolName


class ToolGrant(BaseModel):
    """One tool a clause allows, and up to which amount without a person.

    `max_amount_cents` is in hundredths of the currency's unit. None on a money tool means that a person
    must always approve; on any other tool it means no limit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ToolName
    max_amount_cents: int | None = Field(default=None, ge=0)


class PolicyVersion(BaseModel):
    """One published wording of one policy. Never edited: a new wording is a new version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    policy_id: str = Field(min_length=1)
    version: str = Field(min_length=1)
    title: str = ""
    effective_from: date | None = None
    """First day in force; None means "since ever" (cases that bring plain text may omit it)."""
    effective_to: date | None = None
    """Last day in force; None means open-ended (until a later version starts)."""
    supersedes: str | None = None
    reasons: tuple[Reason, ...] = ()
    keywords: tuple[str, ...] = ()
    """Words by which customers mean this clause; retrieval reads them, decisions never do."""
    applies_to: str | None = None
    """CEL expression: where it is false the clause is not retrieved. None: it may concern any order."""
    rule: str | None = None
    """CEL expression over the fact names; true: eligible, false: not eligible. None: no machine rule."""
    closes_without_rule: bool = False
    """True when the shop lets a decision on this clause close by itself although no machine rule covers it."""
    tools: tuple[ToolGrant, ...] = ()
    text: str = Field(min_length=1)

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the canonical header and text: the name under which traces cite this version."""
        # Defaults are left out, so that a header field added to the product later changes no published digest.
        stated = self.model_dump(mode="json", exclude_defaults=True)
        canonical = json.dumps(stated, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @cached_property
    def sentences(self) -> tuple[str, ...]:
        """The verbatim sentences of `text`, in order: the only strings that may serve as evidence."""
        return split_sentences(self.text)

    def grant(self, tool: ToolName) -> ToolGrant | None:
        return next((grant for grant in self.tools if grant.name == tool), None)
