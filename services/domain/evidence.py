"""Everything that is gathered before the model runs, frozen and named by a digest. Gathering it is a flow's job."""

from datetime import date
from functools import cached_property

from pydantic import BaseModel, ConfigDict

from policies import PolicyVersion
from services.domain.canonical import digest_of
from services.domain.facts import OrderFacts, contradictions


class Evidence(BaseModel):
    """One case as the model and every judge after it sees it.

    `policies` holds only versions in force on `asked_on`, the most relevant first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    message: str
    facts: OrderFacts
    policies: tuple[PolicyVersion, ...]
    asked_on: date

    @cached_property
    def digest(self) -> str:
        parts = [self.message, self.facts.digest, [p.digest for p in self.policies], self.asked_on.isoformat()]
        return digest_of(parts)

    @cached_property
    def contradictions(self) -> tuple[str, ...]:
        return contradictions(self.facts)

    def policy(self, policy_id: str | None) -> PolicyVersion | None:
        return next((p for p in self.policies if p.policy_id == policy_id), None)
