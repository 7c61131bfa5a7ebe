"""Return labels: a tracking number that checks itself, and a PDF with a barcode that scans. No carrier is called."""

import hashlib
from typing import NamedTuple

from services.adapters.code128 import QUIET_MODULES, widths_of
from services.adapters.pdf import Page

PREFIX = "RD"
_SERIAL_DIGITS = 18
WIDTH, HEIGHT = 105.0, 148.0  # A6
_BARS_BOTTOM, _BARS_HEIGHT = 38.0, 25.0
_MARGIN = 8.0
_WIDEST_MODULE = 0.5
"""Millimetres. Wider bars scan no better and would leave the label."""


class LabelText(NamedTuple):
    """What stands on a label beside the barcode. `address` is where the parcel goes, one string a line."""

    address: tuple[str, ...]
    order_id: str
    item: str
    return_id: str


def tracking_number(idempotency_key: str) -> str:
    """Return `RD`, 18 digits made from the key, and two check digits (ISO 7064 MOD 97-10, as in an IBAN).

    The same key gives the same number; every single wrong digit and every swap of neighbours is found by
    `is_tracking_number`.
    """
    serial = int.from_bytes(hashlib.sha256(idempotency_key.encode()).digest()) % 10**_SERIAL_DIGITS
    return f"{PREFIX}{serial:0{_SERIAL_DIGITS}d}{98 - serial * 100 % 97:02d}"


def is_tracking_number(text: str) -> bool:
    """Say whether `text` is well formed and its check digits fit."""
    digits = text.removeprefix(PREFIX)
    well_formed = len(digits) == _SERIAL_DIGITS + 2 and digits.isascii() and digits.isdigit()
    return text.startswith(PREFIX) and well_formed and int(digits) % 97 == 1


def label_pdf(tracking: str, text: LabelText) -> bytes:
    """Return an A6 label. The same arguments give the same bytes."""
    page = Page(WIDTH, HEIGHT, title=f"Return label {tracking}")
    page.text(_MARGIN, HEIGHT - 16, "RETURN", 22, bold=True)
    page.rectangle(_MARGIN, HEIGHT - 20, WIDTH - 2 * _MARGIN, 0.6)
    page.text(_MARGIN, HEIGHT - 27, "To", 9)
    for number, line in enumerate(text.address[:5]):
        page.text(_MARGIN, HEIGHT - 34 - 6 * number, line, 13, bold=number == 0)
    page.rectangle(_MARGIN, 82, WIDTH - 2 * _MARGIN, 0.3)
    page.text(_MARGIN, 76, f"Order {text.order_id}", 12, bold=True)
    page.text(_MARGIN, 70, text.item, 11)
    page.rectangle(_MARGIN, 66, WIDTH - 2 * _MARGIN, 0.3)
    _draw_bars(page, tracking)
    page.text(_MARGIN + 8, 31, _grouped(tracking), 14, bold=True)
    page.text(_MARGIN, 18, "Fold and fix to the parcel so that all bars lie flat.", 9)
    page.text(_MARGIN, 12, f"Reference {text.return_id}", 8)
    return page.to_bytes()


def _draw_bars(page: Page, content: str) -> None:
    widths = widths_of(content)
    module = min(_WIDEST_MODULE, (WIDTH - 4) / (sum(widths) + 2 * QUIET_MODULES))
    x = (WIDTH - sum(widths) * module) / 2
    for number, width in enumerate(widths):
        if number % 2 == 0:
            page.rectangle(x, _BARS_BOTTOM, width * module, _BARS_HEIGHT)
        x += width * module


def _grouped(tracking: str) -> str:
    digits = tracking.removeprefix(PREFIX)
    return " ".join([PREFIX, *(digits[at : at + 4] for at in range(0, len(digits), 4))])
