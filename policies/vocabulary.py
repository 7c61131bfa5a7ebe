"""The words a policy header may use (reasons, tools) and the three answers of a rule.

Everything above imports them from here.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why the customer wants to return, as the customer tells it (trade list, extended)."""

    DAMAGED = "damaged"
    WRONG_ITEM = "wrong_item"
    DEFECTIVE = "defective"
    CHANGE_OF_MIND = "change_of_mind"
    LATE_DELIVERY = "late_delivery"
    NOT_AS_DESCRIBED = "not_as_described"
    MISSING_PARTS = "missing_parts"
    SPOILED = "spoiled"
    SAFETY_RECALL = "safety_recall"
    UNCLEAR = "unclear"


class Truth(StrEnum):
    """Kleene's three values: a condition on a fact that is not established is unknown."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class ToolName(StrEnum):
    """Tools that change the world. Only these can support a claim in a reply."""

    CREATE_RETURN_LABEL = "create_return_label"
    ISSUE_REFUND = "issue_refund"
    SEND_REPLACEMENT = "send_replacement"
    ISSUE_STORE_CREDIT = "issue_store_credit"
    CANCEL_RETURN = "cancel_return"
    REQUEST_PHOTOS = "request_photos"
    SEND_EMAIL = "send_email"


MONEY_TOOLS = frozenset({ToolName.ISSUE_REFUND, ToolName.ISSUE_STORE_CREDIT})
"""Tools whose call carries an amount; a clause that allows one names the limit without a person."""
