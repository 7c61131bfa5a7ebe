"""Whether the checkpoint was sure enough of what it read for an approval to leave without a person. Pure."""

from policies import PolicyVersion
from services.domain.decision import Decision, Outcome
from services.domain.verdict import FailureOwner, Finding, Verdict

SURE_FROM = 0.6
"""Below this sureness an approval without a machine rule waits for a person (measured: docs/checkpoint.md)."""


def sureness_finding(decision: Decision, governing: PolicyVersion | None) -> Finding:
    """Return the finding `sure_enough`. A machine rule stands in for it; a person has none to judge."""
    name, sure = "sure_enough", decision.sureness
    if sure is None or decision.outcome is not Outcome.ELIGIBLE:
        return Finding(check=name, passed=True, detail="nothing is granted on a reading that nobody could be sure of")
    if governing is not None and governing.rule is not None:
        return Finding(check=name, passed=True, detail="a machine rule stands beside the checkpoint's reading")
    if sure >= SURE_FROM:
        return Finding(check=name, passed=True, detail=f"the checkpoint was sure enough of its reading ({sure:.2f})")
    return Finding(
        check=name,
        passed=False,
        detail=f"the checkpoint was not sure of its reading ({sure:.2f}, needed {SURE_FROM:.2f})",
        severity=Verdict.AMBIGUOUS,
        remedy="read the clause; a correction teaches the checkpoint",
        owner=FailureOwner.SFT_DATA,
    )
