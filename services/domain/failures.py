"""The failure router: one pure table from what went wrong to who mends it and how. Stores nothing, reads no clock.

The upstream cause is named first: a clause that was never retrieved also makes the reply wrong, and mending the reply
would hide it. A new wording of the clause that cures the case by evidence alone beats any training. Abstaining is no
failure. How a trace or a JSON line becomes a `FailedCase` is `failure_cases`' business.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from services.domain.decision import Outcome
from services.domain.remedies import REMEDIES
from services.domain.verdict import FailureOwner, Verdict

SLOW_FIRST_TOKEN_MS = 1_000.0


class FailureStatus(StrEnum):
    """`regression`: the gate asks it of every candidate. `cured`: a clause or a release answers it rightly now."""

    OPEN = "open"
    REGRESSION = "regression"
    CURED = "cured"
    DISMISSED = "dismissed"


OWNER_TITLES: Mapping[FailureOwner, str] = {
    FailureOwner.POLICY: "policy text",
    FailureOwner.GATE: "evaluation gate and rollback",
    FailureOwner.RETRIEVAL: "retrieval index",
    FailureOwner.SERVING: "inference serving",
    FailureOwner.SFT_DATA: "prompt contract or SFT data",
    FailureOwner.PREFERENCE_DATA: "preference data and safety evaluation",
    FailureOwner.INVESTIGATE: "investigate with a labelled trace",
}

EFFORT: Mapping[FailureOwner, int] = {
    FailureOwner.POLICY: 1,
    FailureOwner.GATE: 2,
    FailureOwner.RETRIEVAL: 3,
    FailureOwner.SERVING: 4,
    FailureOwner.SFT_DATA: 5,
    FailureOwner.PREFERENCE_DATA: 6,
    FailureOwner.INVESTIGATE: 7,
}
"""How large the fix is at its smallest: text, a moved alias, an index, a setting, then data and weights."""
CURE_EFFORT = 0


_SFT = FailureOwner.SFT_DATA
_PREFERENCE = FailureOwner.PREFERENCE_DATA
_POLICY = FailureOwner.POLICY
_ASK = FailureOwner.INVESTIGATE

_PLACE = {cause: place for place, cause in enumerate(REMEDIES)}
_CUES: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("not retrieved", "missing clause", "clause is missing", "wrong document", "not found in the index"),
        "reviewer_retrieval",
    ),
    (
        ("invented", "never happened", "did not happen", "promised", "not recorded", "no such refund"),
        "reviewer_preference_data",
    ),
    (("too slow", "timed out", "timeout", "latency", "cut off"), "reviewer_serving"),
    (("worse than before", "since the release", "used to", "regression"), "worse_than_before"),
    (
        ("unclear policy", "policy is unclear", "policy is wrong", "clause is unclear", "clause is wrong"),
        "reviewer_policy",
    ),
    (("json", "schema", "format", "wrong decision", "misread"), "reviewer_sft_data"),
)
"""Words of a reviewer's own reason, asked only where nothing else on the trace speaks."""


class FindingSeen(BaseModel):
    """A finding as a trace or a line of `decide` gives it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    check: str
    passed: bool
    detail: str = ""


class Overturned(BaseModel):
    """What a person said of the case. `owner` is theirs, where they named one; `said` their words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    expected: Outcome | None = None
    policy_id: str | None = None
    clause_differs: bool = False
    reason_differs: bool = False
    reply_differs: bool = False
    owner: FailureOwner | None = None
    said: str = ""


class FailedCase(BaseModel):
    """What the router sees of a case. `retrieved` None: not known which clauses were found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    decided: Outcome | None = None
    policy_id: str | None = None
    retrieved: tuple[str, ...] | None = None
    findings: tuple[FindingSeen, ...] = ()
    verdict: Verdict | None = None
    route_reason: str | None = None
    error: str | None = None
    ttft_ms: float | None = None
    overturned: Overturned | None = None
    worse_than_before: bool = False
    """The checkpoint released before answers this case rightly."""


class Cure(NamedTuple):
    """A clause version on which the case comes out right. `by`: `rule`, `checkpoint`, or both."""

    version: str
    by: tuple[str, ...]


class Routed(NamedTuple):
    """Who mends a failure and how. `also` are further causes seen, downstream of the one named."""

    id: str
    cause: str
    detail: str
    owner: FailureOwner
    action: str
    effort: int
    updates_weights: bool
    also: tuple[str, ...] = ()
    cured_by: str | None = None

    @property
    def owner_title(self) -> str:
        return OWNER_TITLES[self.owner]


def route_failure(case: FailedCase, cure: Cure | None = None) -> Routed | None:
    """Return owner and next action, or None where the case is no failure (it passed, or it abstained)."""
    causes = sorted(dict(causes_of(case)).items(), key=lambda one: _PLACE[one[0]])
    if not causes:
        return None
    (cause, detail), also = causes[0], tuple(name for name, _ in causes[1:])
    if cure is not None:
        tested = " and ".join(cure.by)
        action = (
            f"publish {cure.version}: on it the same case comes out right by {tested}, with the weights as they are; "
            "prefer this to training"
        )
        return Routed(case.id, cause, detail, _POLICY, action, CURE_EFFORT, False, also, cure.version)
    owner, action = REMEDIES[cause]
    return Routed(case.id, cause, detail, owner, action, EFFORT[owner], owner in {_SFT, _PREFERENCE}, also)


def causes_of(case: FailedCase) -> Iterable[tuple[str, str]]:
    """Yield every cause with what was seen, in no order; several may share a name, and then the first counts."""
    found = [*_from_person(case), *_from_findings(case)]
    if case.worse_than_before:
        found.insert(0, ("worse_than_before", "the checkpoint released before answers this case rightly"))
    if not found and case.route_reason == "action_not_succeeded":
        found = [("action_not_succeeded", "a tool of the decision did not succeed")]
    if not found and case.ttft_ms is not None and case.ttft_ms > SLOW_FIRST_TOKEN_MS:
        found = [("slow_first_token", f"the first token took {case.ttft_ms:.0f} ms")]
    if not found and case.overturned is not None and case.overturned.said:
        found = [_from_words(case.overturned.said)]
    if not found and case.verdict in {Verdict.BLOCK, Verdict.AMBIGUOUS}:
        found = [("unknown", f"the verdict is {case.verdict.value}, and no finding says why")]
    return reversed(found)  # The first of a name is to win in a dict.


def _from_findings(case: FailedCase) -> Iterable[tuple[str, str]]:
    if case.error is not None:
        yield "malformed_answer" if case.error.startswith("BadAnswer") else "generation_failed", case.error
    for finding in case.findings:
        if finding.passed or (finding.check == "decision_present" and case.error is not None):
            continue
        yield _cause_of(finding), finding.detail or finding.check


def _cause_of(finding: FindingSeen) -> str:
    if finding.detail.startswith("the check could not run"):
        return "check_could_not_run"
    if finding.check == "decision_present":
        return "generation_failed"
    if finding.check == "clause_in_force":
        if "retrieved" in finding.detail:
            return "clause_not_retrieved"
        return "clause_not_in_force" if "not in force on" in finding.detail else "wrong_clause"
    return finding.check if finding.check in REMEDIES else "unknown"


def _from_person(case: FailedCase) -> Iterable[tuple[str, str]]:
    said = case.overturned
    if said is None:
        return
    told = f"a person says: {said.said}" if said.said else "a person answered otherwise"
    if said.owner is not None and said.owner is not _ASK:
        yield f"reviewer_{said.owner.value}", told
    wrong = _wrong_decision(case.decided, said.expected)
    abstained = case.decided is Outcome.REVIEW
    if said.clause_differs and not abstained:
        missed = case.retrieved is not None and said.policy_id is not None and said.policy_id not in case.retrieved
        shown = said.policy_id or "no clause"
        yield "clause_not_retrieved" if missed else "wrong_clause", f"{shown} governs, {case.policy_id} was cited"
    if wrong is not None:
        yield wrong, f"{case.decided.value if case.decided else 'nothing'} was decided, a person says {said.expected}"
    if said.reason_differs and not abstained:
        yield "wrong_reason", "a person names another reason of the customer's"
    if said.reply_differs and wrong is None and not abstained:
        yield "reply_rewritten", "a person rewrote the reply"
    if (wrong is not None or said.clause_differs) and case.verdict is Verdict.PASS and not abstained:
        yield "passed_every_check", "every check passed, and a person overturned it"


def _wrong_decision(decided: Outcome | None, expected: Outcome | None) -> str | None:
    """Name the error; None where there is none. Held back where one could decide is abstaining, which is no error."""
    if expected is None or decided in {None, expected, Outcome.REVIEW}:
        return None
    if decided is Outcome.ELIGIBLE:
        return "wrong_approval"
    return "should_have_abstained" if expected is Outcome.REVIEW else "wrong_refusal"


def _from_words(said: str) -> tuple[str, str]:
    lowered = said.lower()
    cause = next((cause for words, cause in _CUES if any(word in lowered for word in words)), "unknown")
    return cause, f"a person says: {said}"
