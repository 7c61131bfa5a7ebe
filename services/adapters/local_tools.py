"""The local tool provider: each tool does something real that a person can look at, once a key, on this machine.

Whether a call may run is the permission layer's question, and recording it the ledger's.
"""

from collections.abc import Callable, Mapping
from typing import Any

from policies import ToolName
from services.adapters.letters import About, LetterText, Worth, credit_letter, label_letter, notice_letter, photo_letter
from services.adapters.mail import Attachment, Letter, Mailbox, first_address
from services.adapters.money import MoneyDesk
from services.adapters.parcels import ParcelDesk
from services.adapters.tool_subject import the_line, the_order
from services.domain.actions import ToolCall
from services.domain.orders import OrderLine, ShopOrder
from services.ports import Clock, Journal, OrderRecords, ToolCase, ToolRefused, ToolUnavailable

_Handler = Callable[[ToolCall, str, ToolCase], Mapping[str, Any]]


class LocalTools:
    """Labels, shipments, money and mail of one installation. See `services.ports.ToolProvider` for the promise."""

    def __init__(  # noqa: PLR0913, PLR0917 - one part a kind of work
        self,
        orders: OrderRecords,
        parcels: ParcelDesk,
        money: MoneyDesk,
        mailbox: Mailbox,
        journal: Journal,
        clock: Clock,
    ) -> None:
        self._orders = orders
        self._parcels = parcels
        self._money = money
        self._mailbox = mailbox
        self._journal = journal
        self._clock = clock
        self._handlers: Mapping[ToolName, _Handler] = {
            ToolName.CREATE_RETURN_LABEL: self._create_return_label,
            ToolName.ISSUE_REFUND: money.refund,
            ToolName.ISSUE_STORE_CREDIT: self._issue_store_credit,
            ToolName.SEND_REPLACEMENT: self._send_replacement,
            ToolName.CANCEL_RETURN: self._cancel_return,
            ToolName.REQUEST_PHOTOS: self._request_photos,
            ToolName.SEND_EMAIL: self._send_email,
        }

    def execute(self, call: ToolCall, idempotency_key: str, case: ToolCase) -> Mapping[str, Any]:
        """Do the work of one call, once a key. Raises ToolRefused, ToolUnavailable."""
        if call.name not in set(ToolName):
            raise ToolRefused(f"there is no tool named {call.name!r}; there are: {', '.join(ToolName)}")
        try:
            return self._handlers[ToolName(call.name)](call, idempotency_key, case)
        except OSError as error:
            raise ToolUnavailable(f"{call.name}: {error.strerror or error}") from error

    def _create_return_label(self, call: ToolCall, key: str, case: ToolCase) -> Mapping[str, Any]:
        """Write the label and mail it where an address is known, so that "it is in your inbox" is true."""
        order, line = self._subject(call, case)
        tracking, path = self._parcels.label(key, case, order, line)
        to = _recipient(order, case)
        if to is not None:
            letter = label_letter(_about(order, line, case), tracking)
            self._mail(f"{key}-label", to, letter, (Attachment(path.name, path.read_bytes()),))
        return {"tracking_number": tracking, "label": f"{path.parent.name}/{path.name}", "mailed": to is not None}

    def _issue_store_credit(self, call: ToolCall, key: str, case: ToolCase) -> Mapping[str, Any]:
        """Post the credit and mail its code where an address is known; without the code it is worth nothing."""
        order, line = self._subject(call, case)
        credit = self._money.store_credit(call, key, case)
        to = _recipient(order, case)
        if to is not None:
            about = _about(order, line, case)
            worth = Worth(credit["amount_cents"], credit["currency"])
            self._mail(f"{key}-credit", to, credit_letter(about, worth, credit["credit_code"]))
        return {**credit, "mailed": to is not None}

    def _send_replacement(self, call: ToolCall, key: str, case: ToolCase) -> Mapping[str, Any]:
        order, line = self._subject(call, case)
        if self._parcels.is_cancelled(case):
            raise ToolRefused(f"return {case.return_id} is cancelled; nothing is sent for it")
        return self._parcels.ship(key, case, order, line, self._clock.now())

    def _cancel_return(self, call: ToolCall, key: str, case: ToolCase) -> Mapping[str, Any]:
        """Cancel, unless money or goods went out for this return already: that takes a person to undo."""
        order = the_order(self._orders, call, case)
        paid = [e for e in self._journal.entries(case.shop_id, order.order_id) if e.return_id == case.return_id]
        if paid or self._parcels.has_replacement(case):
            what = "money was given back" if paid else "a replacement is on its way"
            raise ToolRefused(f"return {case.return_id} cannot be cancelled: {what} for it")
        return self._parcels.cancel(key, case, order, self._clock.now())

    def _request_photos(self, call: ToolCall, key: str, case: ToolCase) -> Mapping[str, Any]:
        order, line = self._subject(call, case)
        return self._mail(key, self._address(order, case), photo_letter(_about(order, line, case)))

    def _send_email(self, call: ToolCall, key: str, case: ToolCase) -> Mapping[str, Any]:
        """Send the notice, with the labels of this return that still hold."""
        order, line = self._subject(call, case)
        letter = notice_letter(_about(order, line, case))
        return self._mail(key, self._address(order, case), letter, self._parcels.labels(case))

    def _subject(self, call: ToolCall, case: ToolCase) -> tuple[ShopOrder, OrderLine]:
        order = the_order(self._orders, call, case)
        return order, the_line(order, call)

    def _address(self, order: ShopOrder, case: ToolCase) -> str:
        found = _recipient(order, case)
        if found is None:
            raise ToolRefused(f"no e-mail address is known for order {order.order_id}")
        return found

    def _mail(
        self, key: str, recipient: str, text: LetterText, attachments: tuple[Attachment, ...] = ()
    ) -> Mapping[str, Any]:
        letter = Letter(key, recipient, text.subject, text.body, attachments)
        path = self._mailbox.send(letter, self._clock.now())
        return {"mail": path.name, "attachments": [attachment.name for attachment in attachments]}


def _recipient(order: ShopOrder, case: ToolCase) -> str | None:
    """Prefer what the system of record holds to what came with the request.

    A gift is the exception: its order holds the giver's address, and the giver is not told of a return.
    """
    if order.facts.get("is_gift") is True:
        return first_address([case.customer_email])
    return first_address([order.customer_email, case.customer_email])


def _about(order: ShopOrder, line: OrderLine, case: ToolCase) -> About:
    return About(order.order_id, line.item, case.return_id)
