"""Parcels: return labels, replacement shipments and cancellations, each a file that a person can open.

All of one return lies in its own folder: `<folder>/<return id>/`. No carrier and no warehouse system is called.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from services.adapters.files import file_name, write_once
from services.adapters.labels import LabelText, label_pdf, tracking_number
from services.adapters.mail import Attachment
from services.domain.orders import OrderLine, ShopOrder
from services.ports import ToolCase, ToolRefused, ToolUnavailable


class ParcelDesk:
    """Writes labels and shipment records under `folder`. `address` is where returns go, one string a line."""

    def __init__(self, folder: Path, address: tuple[str, ...]) -> None:
        self._folder = folder
        self._address = address

    def label(self, key: str, case: ToolCase, order: ShopOrder, line: OrderLine) -> tuple[str, Path]:
        """Return the tracking number and the PDF of the label. Raises ToolRefused once the return is cancelled."""
        tracking = tracking_number(key)
        path = self._of(case) / f"{tracking}.pdf"
        if self.is_cancelled(case) and not path.exists():
            raise ToolRefused(f"return {case.return_id} is cancelled; it gets no label")
        text = LabelText(self._address, order.order_id, line.item, case.return_id)
        self._write(path, label_pdf(tracking, text))
        return tracking, path

    def labels(self, case: ToolCase) -> tuple[Attachment, ...]:
        """Return the labels of this return that still hold, in the order of their numbers."""
        if self.is_cancelled(case):
            return ()
        return tuple(Attachment(path.name, path.read_bytes()) for path in sorted(self._of(case).glob("*.pdf")))

    def ship(self, key: str, case: ToolCase, order: ShopOrder, line: OrderLine, now: datetime) -> Mapping[str, Any]:
        """Record a replacement for the warehouse to pick; return the record as first written."""
        number = tracking_number(key)
        record = {
            "shipment": number,
            "shop_id": case.shop_id,
            "return_id": case.return_id,
            "order_id": order.order_id,
            "item": line.item,
            "sku": line.sku,
            "quantity": line.quantity,
            "requested_at": now.isoformat(),
            "state": "to_pick",
        }
        return self._recorded(self._of(case) / f"replacement-{number}.json", record)

    def cancel(self, key: str, case: ToolCase, order: ShopOrder, now: datetime) -> Mapping[str, Any]:
        """Close the return: its labels no longer hold and no new one is made."""
        record = {
            "return_id": case.return_id,
            "order_id": order.order_id,
            "cancelled_at": now.isoformat(),
            "void_labels": [path.stem for path in sorted(self._of(case).glob("*.pdf"))],
            "key": key,
        }
        return self._recorded(self._cancellation(case), record)

    def is_cancelled(self, case: ToolCase) -> bool:
        return self._cancellation(case).exists()

    def has_replacement(self, case: ToolCase) -> bool:
        return any(self._of(case).glob("replacement-*.json"))

    def _of(self, case: ToolCase) -> Path:
        return self._folder / file_name(case.return_id)

    def _cancellation(self, case: ToolCase) -> Path:
        return self._of(case) / "cancelled.json"

    def _recorded(self, path: Path, record: Mapping[str, Any]) -> Mapping[str, Any]:
        self._write(path, json.dumps(record, indent=2, ensure_ascii=False).encode())
        found: dict[str, Any] = json.loads(path.read_bytes())
        return found

    def _write(self, path: Path, content: bytes) -> None:
        try:
            write_once(path, content)
        except OSError as error:
            raise ToolUnavailable(f"folder {self._folder.name}: {error.strerror or error}") from error
