"""What the verifier says: findings, each with a remedy and an owner, and one verdict over them."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from services.domain.claims import Claim


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105 - a verdict, no password
    BLOCK = "block"
    AMBIGUOUS = "ambiguous"


class FailureOwner(StrEnum):
    """Who mends a wrong answer: the smallest fix at this owner comes first."""

    RETRIEVAL = "retrieval"
    SFT_DATA = "sft_data"
    PREFERENCE_DATA = "preference_data"
    SERVING = "serving"
    POLICY = "policy"
    GATE = "gate"
    INVESTIGATE = "investigate"
    """Nothing on the trace says who: a person must look and label it."""


class Finding(BaseModel):
    """The result of one check. `severity` is the verdict the check imposes when it does not pass."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    check: str
    passed: bool
    detail: str
    severity: Verdict = Verdict.BLOCK
    remedy: str = ""
    owner: FailureOwner | None = None
    span: tuple[int, int] | None = None
    """Character offsets in the reply that the finding is about."""


class Verification(BaseModel):
    """All findings, the claims read from the reply, and the verdict: block beats ambiguous beats pass."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: Verdict
    findings: tuple[Finding, ...]
    claims: tuple[Claim, ...] = ()

    @property
    def worst(self) -> Finding | None:
        failed = [f for f in self.findings if not f.passed]
        return next((f for f in failed if f.severity == Verdict.BLOCK), failed[0] if failed else None)
