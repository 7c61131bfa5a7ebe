"""The reward of one answer: the project's verifier and the case's truth, term by term. Draws and trains nothing.

Every term is a number with a name, and stays visible: in the metrics, on the terminal, in the plot and on the card. No
term is a model's opinion; each can be checked by hand on one case.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from lifecycle.examples import ExampleCase
from lifecycle.traits import COPIES, language_of, traits_of
from services.domain.decision import Outcome
from services.domain.reply_checks import is_telling
from services.domain.trace import Trace
from services.domain.verdict import Verdict


@dataclass(frozen=True)
class RewardWeights:
    """What each term weighs. A term is in [-1, 1]; a weight of 0 leaves it visible and without effect."""

    outcome: float = 1.0
    wrong_approval: float = 1.0
    needless_review: float = 0.3
    clause: float = 0.3
    evidence: float = 0.2
    reason: float = 0.2
    verdict: float = 0.5
    claims: float = 0.5
    reply: float = 0.5


def reward_terms(case: ExampleCase, trace: Trace) -> dict[str, float]:
    """Return every term, unweighted, of one answer to a case whose right decision is known.

    `outcome`, `clause`, `evidence`, `reason`: 1 where right, else 0. `wrong_approval`: -1 where the answer is eligible
    and the truth is not. `needless_review`: -1 where a clear case goes to a person. `verdict`: the verifier's, 1, 0 or
    -1 for pass, ambiguous and block. `claims`: -1 for a claim that no recorded action supports. `reply`: from 0 to 1.
    """
    truth, given = case.decision, trace.decision
    if given is None:
        terms = dict.fromkeys(asdict(RewardWeights()), 0.0)
        return terms | {"verdict": -1.0}
    unclear = given.outcome is Outcome.REVIEW and truth.outcome is not Outcome.REVIEW
    approved = given.outcome is Outcome.ELIGIBLE and truth.outcome is not Outcome.ELIGIBLE
    return {
        "outcome": float(given.outcome is truth.outcome),
        "wrong_approval": -float(approved),
        "needless_review": -float(unclear),
        "clause": float(given.policy_id == truth.policy_id),
        "evidence": float(given.evidence == truth.evidence),
        "reason": float(given.reason is truth.reason),
        "verdict": {Verdict.PASS: 1.0, Verdict.AMBIGUOUS: 0.0, Verdict.BLOCK: -1.0}[trace.verification.verdict],
        "claims": -float(unsupported(trace)),
        "reply": reply_term(trace),
    }


def total(terms: Mapping[str, float], weights: RewardWeights) -> float:
    """Return the weighted sum. Raises KeyError for a term that no weight is stated for."""
    stated: dict[str, float] = asdict(weights)
    return sum(stated[name] * value for name, value in terms.items())


def unsupported(trace: Trace) -> bool:
    return any(f.check == "claims_supported" and not f.passed for f in trace.verification.findings)


def reply_term(trace: Trace) -> float:
    """Return a third each for fitting length, the customer's language and the clause; 0 for copying or rudeness."""
    evidence, decision = trace.evidence, trace.decision
    ids = [policy.policy_id for policy in evidence.policies]
    found = traits_of(trace.reply, evidence.message, ids, (policy.text for policy in evidence.policies))
    if not found.words or decision is None or found.harsh or found.promises or found.copied > COPIES:
        return 0.0
    cites = decision.policy_id is None or not is_telling(decision.policy_id) or decision.policy_id in found.cites
    same_language = language_of(evidence.message) in (None, found.language)
    return sum((found.fits_in_length, cites, same_language)) / 3
