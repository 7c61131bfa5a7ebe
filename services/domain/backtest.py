"""What another wording of a clause would change: past evidence with the clause exchanged, judged by the rule. Pure.

Deciding such evidence anew by a checkpoint is the caller's business; both are compared here.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from policies import PolicyVersion
from policies.rules import RuleError, evaluate
from policies.vocabulary import Truth
from services.domain.decision import Decision, Outcome
from services.domain.evidence import Evidence

OUTCOME_OF: Mapping[Truth, Outcome] = {
    Truth.YES: Outcome.ELIGIBLE,
    Truth.NO: Outcome.NOT_ELIGIBLE,
    Truth.UNKNOWN: Outcome.REVIEW,
}
NONE = "none"


def exchanged(evidence: Evidence, version: PolicyVersion) -> Evidence | None:
    """Return the evidence as if `version` were in force in its policy's place; None where that was not retrieved.

    The day from which it governs is moved back where it has to be: the question is what it would have changed.
    """
    if evidence.policy(version.policy_id) is None:
        return None
    start = version.effective_from
    as_if = version.model_copy(
        update={
            "effective_from": min(start, evidence.asked_on) if start else None,
            "effective_to": None,
        }
    )
    policies = tuple(as_if if one.policy_id == version.policy_id else one for one in evidence.policies)
    return evidence.model_copy(update={"policies": policies})


def by_rule(version: PolicyVersion | None, evidence: Evidence) -> Outcome | None:
    """Return what the clause's rule gives on the trusted facts; None where there is no rule, or none that runs."""
    if version is None or version.rule is None:
        return None
    try:
        return OUTCOME_OF[evaluate(version.rule, dict(evidence.facts.values))]
    except RuleError:
        return None


class Side(NamedTuple):
    """One way to decide, before and after the exchange; None where it gives no answer."""

    before: Outcome | None
    after: Outcome | None

    @property
    def flips(self) -> bool:
        return self.before is not self.after

    @property
    def change(self) -> str:
        return f"{self.before.value if self.before else NONE} -> {self.after.value if self.after else NONE}"


class Replayed(NamedTuple):
    """One past case. `governs`: the stored decision rests on the clause, so the rule's answer is the case's.

    `checkpoint` is None where none was asked. `kept`: what the stored decision was.
    """

    trace_id: str
    return_id: str
    order_id: str | None
    governs: bool
    kept: Outcome | None
    rule: Side
    checkpoint: Side | None

    @property
    def flips_by_rule(self) -> bool:
        return self.governs and self.rule.flips

    @property
    def flips_by_checkpoint(self) -> bool:
        return self.checkpoint is not None and self.checkpoint.flips

    @property
    def disagree(self) -> bool:
        """Tell whether rule and checkpoint part on the new wording, where the rule speaks for the case."""
        sides = self.checkpoint, self.rule.after
        return self.governs and sides[0] is not None and sides[1] is not None and sides[0].after is not sides[1]


def replayed_by_rule(
    trace_id: str, return_id: str, evidence: Evidence, decision: Decision | None, version: PolicyVersion
) -> Replayed | None:
    """Return the case with the clause exchanged, judged by the rule; None where the clause is not in its evidence."""
    after = exchanged(evidence, version)
    if after is None:
        return None
    old = evidence.policy(version.policy_id)
    return Replayed(
        trace_id=trace_id,
        return_id=return_id,
        order_id=evidence.facts.order_id,
        governs=decision is not None and decision.policy_id == version.policy_id,
        kept=decision.outcome if decision else None,
        rule=Side(by_rule(old, evidence), by_rule(version, after)),
        checkpoint=None,
    )


class Summary(NamedTuple):
    """Counts over a back-test. `by_rule` and `by_checkpoint` count flips by their change."""

    replayed: int
    governed: int
    by_rule: Mapping[str, int]
    by_checkpoint: Mapping[str, int]
    asked_checkpoint: int
    disagree: int

    @property
    def flips(self) -> int:
        return sum(self.by_rule.values()) + sum(self.by_checkpoint.values())


def summary(cases: Sequence[Replayed]) -> Summary:
    """Return what a back-test shows at one glance."""
    return Summary(
        replayed=len(cases),
        governed=sum(case.governs for case in cases),
        by_rule=_counted(case.rule for case in cases if case.flips_by_rule),
        by_checkpoint=_counted(case.checkpoint for case in cases if case.flips_by_checkpoint),
        asked_checkpoint=sum(case.checkpoint is not None for case in cases),
        disagree=sum(case.disagree for case in cases),
    )


def cures(evidence: Evidence, policy_id: str | None, expected: Outcome, version: PolicyVersion) -> bool:
    """Tell whether on `version` the rule gives what is right, and on the clause as it was it does not.

    `policy_id` is the clause that governs the case; another one's wording cures nothing. A clause that had no rule and
    closed all the same may have said the right thing: then it is the checkpoint that erred, and no wording cures that.
    """
    known = evidence.policy(policy_id)
    after = exchanged(evidence, version) if policy_id == version.policy_id else None
    if known is None or after is None or (known.rule is None and known.closes_without_rule):
        return False
    return by_rule(version, after) is expected and by_rule(known, evidence) is not expected


def _counted(sides: Iterable[Side | None]) -> dict[str, int]:
    found = Counter(side.change for side in sides if side is not None)
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))
