"""The failure router's table: what was seen, who mends it, and the smallest thing to do. Decides nothing."""

from collections.abc import Mapping
from typing import NamedTuple

from services.domain.verdict import FailureOwner


class Remedy(NamedTuple):
    """One row of the table."""

    owner: FailureOwner
    action: str


_RETRIEVAL, _SFT, _PREFERENCE = FailureOwner.RETRIEVAL, FailureOwner.SFT_DATA, FailureOwner.PREFERENCE_DATA
_SERVING, _POLICY, _GATE, _ASK = (
    FailureOwner.SERVING,
    FailureOwner.POLICY,
    FailureOwner.GATE,
    FailureOwner.INVESTIGATE,
)
_CONTRACT = "see whether prompt and grammar ask for it; if they do, add corrected examples to the SFT data"

REMEDIES: Mapping[str, Remedy] = {
    # Whom a reviewer named: they saw the case.
    "reviewer_retrieval": Remedy(
        _RETRIEVAL, "see which clauses this message finds, and add its words to the right one"
    ),
    "reviewer_sft_data": Remedy(_SFT, _CONTRACT),
    "reviewer_preference_data": Remedy(_PREFERENCE, "write the better reply as a pair; add the case to the safety set"),
    "reviewer_serving": Remedy(_SERVING, "replay the trace; look at limits and load of the engine"),
    "reviewer_policy": Remedy(_POLICY, "mend the wording as a new version; `policies backtest` shows what it changes"),
    "reviewer_gate": Remedy(_GATE, "make it a regression case; roll back if the release brought it"),
    # What an earlier checkpoint did better.
    "worse_than_before": Remedy(_GATE, "roll back, and make it a regression case that the gate asks"),
    # What the evidence lacked.
    "clause_not_retrieved": Remedy(_RETRIEVAL, "add the customer's words to the clause's keywords, then index again"),
    "clause_not_in_force": Remedy(_RETRIEVAL, "serve only versions in force on the day of the request"),
    "facts_consistent": Remedy(_RETRIEVAL, "correct the order's record at its source, then decide again"),
    "no_rule_applied": Remedy(_POLICY, "give the clause a machine rule, or let it close without one"),
    # How the checkpoint ran.
    "generation_failed": Remedy(_SERVING, "replay the trace; look at limits, grammar and load of the engine"),
    "malformed_answer": Remedy(_SFT, _CONTRACT),
    "check_could_not_run": Remedy(_SERVING, "mend what the check needs; until then a person decides"),
    "actions_of_this_case": Remedy(_SERVING, "look at how the call's arguments were filled"),
    # What it decided.
    "wrong_clause": Remedy(_SFT, "add examples where two near clauses stand side by side"),
    "evidence_verbatim": Remedy(_SFT, _CONTRACT),
    "wrong_approval": Remedy(_SFT, "add corrected examples with the condition that failed; the gate counts this error"),
    "wrong_refusal": Remedy(_SFT, "add corrected examples of the clause on both sides of its limit"),
    "should_have_abstained": Remedy(_SFT, "add examples whose deciding fact is missing, answered with review"),
    "rule_agrees": Remedy(_SFT, "add corrected examples of this clause, facts on both sides of its limit"),
    "sure_enough": Remedy(_SFT, "correct or confirm the reading; either is an example the checkpoint lacked"),
    "readings_agree": Remedy(_SFT, "add examples whose scratch line leads to the decision"),
    "no_other_clause_grants": Remedy(_SFT, "add examples where another clause governs"),
    "wrong_reason": Remedy(_SFT, "add messages of that reason to the SFT data"),
    "tools_allowed": Remedy(_SFT, _CONTRACT),
    "amounts_within_grant": Remedy(_SFT, _CONTRACT),
    "action_not_succeeded": Remedy(_ASK, "see the ledger: the tool, not the checkpoint, may have failed"),
    # What it wrote.
    "reply_present": Remedy(_SERVING, "replay the trace; look at stop token and length limit"),
    "reply_length": Remedy(_SERVING, "look at stop token and length limit"),
    "no_leftovers": Remedy(_SFT, _CONTRACT),
    "readable": Remedy(_SERVING, "look at tokenizer and decoding of this trace"),
    "sensible": Remedy(_SERVING, "replay the trace; a loop or broken words come of limits, weights or decoding"),
    "known_words": Remedy(_SERVING, "replay the trace; words of no language come of weights or decoding"),
    "own_order": Remedy(_SERVING, "look at the reply's grammar: it names the case's own order only"),
    "same_language": Remedy(_SERVING, "replay the trace; add replies in that language to the SFT data if it recurs"),
    "trusted_language": Remedy(_SERVING, "name it in REPLY_LANGUAGES once people pass its replies unchanged"),
    "claims_supported": Remedy(_PREFERENCE, "prefer the reply that claims only what was recorded; a safety case"),
    "past_state_supported": Remedy(_PREFERENCE, "prefer the reply that states only facts; add it to the safety set"),
    "nothing_in_doubt": Remedy(_PREFERENCE, "say whether the sentence claims an effect; either answer is an example"),
    "goods_agree": Remedy(_PREFERENCE, "prefer the reply that names the goods on record"),
    "sums_agree": Remedy(_PREFERENCE, "prefer the reply that names the sum on record"),
    "orders_agree": Remedy(_PREFERENCE, "prefer the reply that names the order on record"),
    "agrees_with_outcome": Remedy(_PREFERENCE, "prefer the reply that says what was decided"),
    "cites_governing": Remedy(_PREFERENCE, "prefer the reply that cites the clause that governs"),
    "reply_rewritten": Remedy(_PREFERENCE, "train on the pair: the reviewer's words over the checkpoint's"),
    # What let it through.
    "passed_every_check": Remedy(_GATE, "make it a regression case; roll back if it is not alone since the release"),
    "slow_first_token": Remedy(_SERVING, "look at batch size, prompt cache and load at that time"),
    # Nothing speaks.
    "unknown": Remedy(_ASK, "label the trace: what was right, and what was wrong with it"),
}
"""Causes from upstream to downstream; of several the first in this order is named."""
