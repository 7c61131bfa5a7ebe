"""The letters that tools send, as plain text. They claim only what the tool that sends them has done.

The reply to the request is not one of them: the checkpoint writes that, and the verifier lets it out.
"""

from typing import NamedTuple

from services.adapters.labels import is_tracking_number


class LetterText(NamedTuple):
    subject: str
    body: str


class About(NamedTuple):
    """What a letter is about, from trusted facts."""

    order_id: str
    item: str
    return_id: str


class Worth(NamedTuple):
    """Money in hundredths of the currency's unit."""

    amount_cents: int
    currency: str


def label_letter(about: About, tracking: str) -> LetterText:
    """Return the letter that brings a return label. Raises ValueError for a malformed tracking number."""
    if not is_tracking_number(tracking):
        raise ValueError(f"{tracking!r} is no tracking number of ours")
    return LetterText(
        f"Your return label for order {about.order_id}",
        f"Hello,\n\nattached is the return label for {about.item} from your order {about.order_id}.\n"
        "Print it, fix it flat to the parcel, and hand the parcel in.\n\n"
        f"Tracking number: {tracking}\n{_reference(about)}",
    )


def credit_letter(about: About, worth: Worth, code: str) -> LetterText:
    """Return the letter that brings store credit."""
    amount = f"{worth.currency} {worth.amount_cents // 100}.{worth.amount_cents % 100:02d}"
    return LetterText(
        f"Your store credit for order {about.order_id}",
        f"Hello,\n\nfor {about.item} from order {about.order_id} you have {amount} of store credit.\n"
        f"Enter this code at the checkout:\n\n  {code}\n\n{_reference(about)}",
    )


def photo_letter(about: About) -> LetterText:
    """Return the letter that asks for photos."""
    return LetterText(
        f"Photos for your return of order {about.order_id}",
        f"Hello,\n\nto go on with the return of {about.item} from your order {about.order_id}, we need to see it.\n"
        "Please answer this e-mail with:\n\n"
        "  - one photo of the whole article,\n"
        "  - one close-up of what is wrong with it,\n"
        "  - one photo of the packaging with its label.\n\n"
        f"{_reference(about)}",
    )


def notice_letter(about: About) -> LetterText:
    """Return the letter that tells the customer that the request is being handled, and how to refer to it."""
    return LetterText(
        f"Your return request for order {about.order_id}",
        f"Hello,\n\nthis is about your return request for {about.item} from your order {about.order_id}.\n"
        "Our answer comes with a separate message. To ask or add anything, answer this e-mail.\n\n"
        f"{_reference(about)}",
    )


def _reference(about: About) -> str:
    return f"Reference: {about.return_id}\n"
