"""The fact names a rule may use, with their types. Reading an order's facts is an adapter's job.

A name that is not here cannot stand in a rule: a shop that wants another fact declares it in its catalog directory's
`facts.yaml` (see `catalog`).
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

FactScalar = bool | int | float | str | None

LARGEST_WHOLE = 2**31
"""No count of days and no price in cents is larger; a product of two such still fits CEL's 64-bit integers."""


class FactType(StrEnum):
    """What values a fact may hold. `whole` is an integer, `yes_no` a boolean, `text` a string."""

    YES_NO = "yes_no"
    WHOLE = "whole"
    TEXT = "text"


def fits(value: FactScalar, kind: FactType) -> bool:
    """Say whether `value` is established and of this type; None never is."""
    if kind is FactType.YES_NO:
        return isinstance(value, bool)
    if kind is FactType.WHOLE:
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST_WHOLE
    return isinstance(value, str) and value != ""


_YES_NO = (
    "delivered",
    "unopened",
    "final_sale",
    "is_gift",
    "recalled",
    "bundle_complete",
    "damage_confirmed",
    "defect_confirmed",
    "wrong_item_confirmed",
    "parts_missing_confirmed",
    "mismatch_confirmed",
    "spoilage_confirmed",
    "downloaded",
)
_WHOLE = ("days_since_delivery", "days_since_purchase", "days_late", "price_cents", "quantity", "prior_returns_12m")
_TEXT = ("category", "currency", "order_id", "item", "payment_method")

STANDARD_FACTS: Mapping[str, FactType] = MappingProxyType(
    {
        **dict.fromkeys(_YES_NO, FactType.YES_NO),
        **dict.fromkeys(_WHOLE, FactType.WHOLE),
        **dict.fromkeys(_TEXT, FactType.TEXT),
    }
)
"""Names and types that every order source of ours states, or leaves out where it does not know."""
