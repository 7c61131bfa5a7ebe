"""Refunds and store credit as balanced entries of the journal, never more than was paid. No bank is called.

A shop's payment run reads the journal; a shop with a payment provider uses the HTTP tool provider instead.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from services.adapters.tool_subject import the_line, the_order
from services.domain.actions import ToolCall
from services.domain.orders import ShopOrder
from services.ports import Clock, Journal, JournalEntry, JournalLimits, OrderRecords, ToolCase, ToolRefused


class MoneyDesk:
    """`issue_refund` and `issue_store_credit`. `code_secret` makes credit codes that nobody can work out from ids."""

    def __init__(self, orders: OrderRecords, journal: Journal, clock: Clock, code_secret: bytes) -> None:
        self._orders = orders
        self._journal = journal
        self._clock = clock
        self._secret = code_secret

    def refund(self, call: ToolCall, key: str, case: ToolCase) -> Mapping[str, Any]:
        """Owe the amount to the way it was paid. Raises ToolRefused, ToolUnavailable."""
        order = the_order(self._orders, call, case)
        method = order.facts.get("payment_method") or "unknown"
        amount = self._post(call, key, case, order, "refund", f"refunds_payable:{method}")
        return {"amount_cents": amount, "currency": order.currency, "paid_to": method, "journal_key": key}

    def store_credit(self, call: ToolCall, key: str, case: ToolCase) -> Mapping[str, Any]:
        """Owe the amount as store credit under a code. Raises ToolRefused, ToolUnavailable."""
        order = the_order(self._orders, call, case)
        code = self._credit_code(key)
        amount = self._post(call, key, case, order, "store_credit", "store_credit_owed")
        return {"amount_cents": amount, "currency": order.currency, "credit_code": code, "journal_key": key}

    def _post(  # noqa: PLR0913, PLR0917 - one posting, told once for both kinds
        self, call: ToolCall, key: str, case: ToolCase, order: ShopOrder, kind: str, owed_as: str
    ) -> int:
        line = the_line(order, call)
        amount = call.arguments.get("amount_cents")
        if not isinstance(amount, int) or isinstance(amount, bool) or amount <= 0:
            raise ToolRefused(f"amount_cents must be a whole number above 0, not {amount!r}")
        if call.arguments.get("currency") != order.currency:
            raise ToolRefused(f"currency {call.arguments.get('currency')!r} is not the order's, {order.currency}")
        entry = JournalEntry(
            key=key,
            return_id=case.return_id,
            shop_id=order.shop_id,
            order_id=order.order_id,
            kind=kind,
            currency=order.currency,
            lines={f"given_back:{line.item}": amount, owed_as: -amount},
            at=self._clock.now(),
        )
        left_to_give = max(0, order.paid_cents - order.already_refunded_cents)
        self._journal.post(entry, JournalLimits(order_cents=left_to_give, account_cents=line.price_cents))
        return amount

    def _credit_code(self, key: str) -> str:
        letters = base64.b32encode(hmac.digest(self._secret, key.encode(), hashlib.sha256)).decode()
        return "-".join(["SC", letters[0:4], letters[4:8], letters[8:12], letters[12:16]])
