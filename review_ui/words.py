"""Every English word the pages say beyond their templates, in one place, so that they can be translated.

Keys are stored words (route reasons, checks, tools); an unknown one is shown as it is, with spaces.
"""

from collections.abc import Mapping

from review_ui import words_operations

operations = words_operations

DATABASE_AWAY_TITLE = "The database does not answer"
DATABASE_AWAY = "Nothing was lost and nothing was stored. Wait a moment and load the page again."

ROUTE_REASONS: Mapping[str, str] = {
    "no_decision": "No decision",
    "blocked": "Blocked",
    "ambiguous": "In doubt",
    "awaiting_approval": "Awaits approval",
    "action_not_succeeded": "Tool failed",
    "decision_is_review": "Model held back",
    "audit": "Random check",
    "processing_failed": "Processing failed",
    "quarantined": "Quarantined",
    "order_not_found": "Order not found",
    "item_not_in_order": "Item not in order",
    "item_not_named": "Item not named",
    "not_delivered": "Not delivered",
    "no_policy_in_force": "No policy in force",
    "actions_of_an_earlier_attempt": "Earlier tool actions",
    "unrouted": "No route",
}

CHECKS: Mapping[str, str] = {
    "decision_present": "There is a decision",
    "clause_in_force": "The clause is in force",
    "evidence_verbatim": "The evidence is quoted word for word",
    "rule_agrees": "The clause's own rule agrees",
    "no_other_clause_grants": "No other clause grants it",
    "facts_consistent": "The facts agree with each other",
    "readings_agree": "The scratch line agrees with the facts",
    "sure_enough": "The checkpoint was sure enough",
    "tools_allowed": "The clause allows the tools",
    "amounts_within_grant": "The amounts are within the grant",
    "actions_of_this_case": "The actions belong to this case",
    "claims_supported": "Every claim is backed by an action",
    "past_state_supported": "Statements about the order are backed by facts",
    "reply_present": "There is a reply",
    "reply_length": "The reply has a sensible length",
    "no_leftovers": "No placeholders are left in the reply",
    "readable": "The reply is readable",
    "agrees_with_outcome": "The reply agrees with the decision",
    "cites_governing": "The reply cites the clause that governs",
}

FAILED_CHECKS: Mapping[str, str] = {
    "decision_present": "No decision",
    "clause_in_force": "Clause not in force",
    "evidence_verbatim": "Quote not in the clause",
    "rule_agrees": "Clause's rule disagrees",
    "no_other_clause_grants": "Another clause grants it",
    "facts_consistent": "Facts contradict each other",
    "readings_agree": "Scratch line disagrees",
    "sure_enough": "Checkpoint unsure",
    "tools_allowed": "Tool not granted",
    "amounts_within_grant": "Amount over the grant",
    "actions_of_this_case": "Action of another case",
    "claims_supported": "Claim without an action",
    "past_state_supported": "Statement without a fact",
    "reply_present": "No reply",
    "reply_length": "Reply length",
    "no_leftovers": "Placeholder left in",
    "readable": "Not readable",
    "agrees_with_outcome": "Reply against decision",
    "cites_governing": "Reply cites another clause",
}

OUTCOMES: Mapping[str, str] = {
    "eligible": "Eligible",
    "not_eligible": "Not eligible",
    "review": "Hold back",
}

VERDICTS: Mapping[str, str] = {"pass": "pass", "block": "block", "ambiguous": "in doubt"}

TOOLS: Mapping[str, str] = {
    "create_return_label": "Return label",
    "issue_refund": "Refund",
    "send_replacement": "Replacement",
    "issue_store_credit": "Store credit",
    "cancel_return": "Cancel return",
    "request_photos": "Ask for photos",
    "send_email": "E-mail",
}

ACTION_STATES: Mapping[str, str] = {
    "pending": "outcome unknown",
    "succeeded": "succeeded",
    "failed": "did not run",
    "awaiting_approval": "awaits approval",
    "dry_run": "dry run",
}

OWNERS: Mapping[str, str] = {
    "retrieval": "Retrieval: the right clause was not shown",
    "sft_data": "Decision: it misread clause or facts",
    "preference_data": "Reply: it says what it should not",
    "serving": "Serving: cut off, malformed, too slow",
    "policy": "Policy: the clause itself is unclear or wrong",
    "gate": "Gate: this checkpoint should not have shipped",
    "investigate": "Not clear: to be looked into",
}

KINDS: Mapping[str, str] = {
    "approve": "Approved",
    "correct": "Corrected",
    "prefer": "Preferred",
    "reject": "Rejected",
    "skip": "Skipped",
    "escalate": "Escalated",
    "needs_information": "Asked the customer",
    "undo": "Taken back",
}

ENDINGS: Mapping[str, str] = {
    "send": "The reply goes to the customer and the return closes.",
    "by_hand": "The return closes without a reply of ours; the shop is told to answer by hand.",
    "second": "Nothing is sent yet: a second reviewer answers it first.",
    "adjudicate": "It goes to an adjudicator; nothing is sent yet.",
    "wait": "The shop is asked to put the question; the item waits.",
    "back": "It is back in the queue.",
    "gold": "This was a check item: nothing was sent.",
}

REASONS: Mapping[str, str] = {
    "damaged": "Damaged",
    "wrong_item": "Wrong item",
    "defective": "Defective",
    "change_of_mind": "Change of mind",
    "late_delivery": "Late delivery",
    "not_as_described": "Not as described",
    "missing_parts": "Missing parts",
    "spoiled": "Spoiled",
    "safety_recall": "Safety recall",
    "unclear": "Unclear",
}

CONSEQUENCES: Mapping[str, str] = {
    "approve": "Sends this reply, closes, trains on it.",
    "approve_review": "Agrees that a person must decide: sends this reply, closes, trains on it.",
    "equal": "Sends the model's first answer, closes, trains on it; makes no pair.",
    "correct": "Sends yours, closes, trains on it and against the model's.",
    "prefer": "Sends the better one, closes the return and trains on the pair.",
    "reject": "Sends nothing, closes: the shop answers by hand. Becomes an evaluation case.",
    "skip": "Back to the queue for others.",
    "escalate": "Sends nothing: an adjudicator decides.",
    "needs_information": "The shop puts your question; the item waits for the answer.",
    "sample": "The checkpoint writes a second answer; you then choose the better one. No tool runs.",
    "release": "Gives the item back unanswered.",
    "undo": "Takes the label back and reopens the item. A reply that went out stays out.",
}

STAGES: Mapping[str, str] = {
    "label": "For reviewers",
    "adjudicate": "For an adjudicator",
    "waiting": "Waits for the customer",
}

ROLES: Mapping[str, str] = {
    "reviewer": "Reviewer",
    "adjudicator": "Adjudicator",
    "operator": "Operator",
    "admin": "Administrator",
}

FACETS: Mapping[str, str] = {
    "reason": "Why it waits",
    "policy_id": "Clause",
    "worst_finding": "Worst finding",
    "decision": "Decision",
    "checkpoint": "Checkpoint",
    "stage": "Whose turn",
}

KEYS = (
    ("j / k", "next / previous item or row"),
    ("Enter", "open the selected row"),
    ("n", "take the next item"),
    ("t", "take this item"),
    ("a", "approve"),
    ("c", "correct"),
    ("m", "draw a second answer"),
    ("1 / 2", "prefer answer A / B"),
    ("r", "reject"),
    ("s", "skip"),
    ("e", "escalate"),
    ("i", "ask the customer for information"),
    ("u", "undo the last label"),
    ("w", "show the row it becomes"),
    ("b", "give the item back"),
    ("/", "search"),
    ("g", "go to the queue"),
    ("p", "go to progress"),
    ("Ctrl Enter", "send the form you are in"),
    ("Esc", "leave a field, close a panel"),
    ("?", "this sheet"),
)

_ALL: Mapping[str, Mapping[str, str]] = {
    "reason": ROUTE_REASONS,
    "check": CHECKS,
    "worst_finding": FAILED_CHECKS,
    "decision": OUTCOMES,
    "verdict": VERDICTS,
    "tool": TOOLS,
    "action": ACTION_STATES,
    "owner": OWNERS,
    "kind": KINDS,
    "ending": ENDINGS,
    "customer_reason": REASONS,
    "does": CONSEQUENCES,
    "stage": STAGES,
    "role": ROLES,
    "facet": FACETS,
    **operations.KINDS,
}


def say(kind: str, word: str | None) -> str:
    """Return the words for a stored word, itself with spaces where there are none; a dash for nothing."""
    if word is None:
        return "\N{EN DASH}"
    return _ALL.get(kind, {}).get(word, word.replace("_", " ") if kind not in {"policy_id", "checkpoint"} else word)
