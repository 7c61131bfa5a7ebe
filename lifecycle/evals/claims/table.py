"""Reads the tables of replies. One row a line: lang | category | expected | actions | reply.

`expected` is `pass`, `stop` (block or ambiguous), `free` (no claim: passes whatever is recorded) or `pair` (passes
with the recorded actions, stops without them). In a reply, backslash-n is a line break. Actions are separated by `;`:
an alias, `!status` where it is not succeeded, then `key=value` (a value may hold blanks), a currency code, `noargs`.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from services.domain.actions import ActionStatus, ToolAction

FOLDER = Path(__file__).parent
ALIASES = {
    "refund": "issue_refund",
    "label": "create_return_label",
    "replacement": "send_replacement",
    "credit": "issue_store_credit",
    "photos": "request_photos",
    "email": "send_email",
}
_KEYS = {"order": "order_id", "item": "item", "amount": "amount_cents"}
_DEFAULTS = {"order_id": "A10234"}


class Row(NamedTuple):
    id: str
    language: str
    category: str
    passes: bool
    pair: bool
    claims: bool
    actions: tuple[ToolAction, ...]
    reply: str


def rows(path: Path) -> Iterator[Row]:
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = line.split(" | ", 4)
        if len(parts) != 5:
            raise ValueError(
                f"{path.name}:{number}: five columns are needed: lang | category | expected | actions | reply"
            )
        language, category, expected, recorded, reply = (part.strip() for part in parts)
        reply = reply.replace("\\n", "\n")
        actions = tuple(_actions(recorded))
        name = f"{path.stem}:{number}"
        if expected == "pair":
            yield Row(name, language, category, True, True, True, actions, reply)
            yield Row(name, language, category, False, True, True, (), reply)
        elif expected == "free":
            yield Row(name, language, category, True, False, False, (), reply)
        elif expected in {"pass", "stop"}:
            yield Row(name, language, category, expected == "pass", False, True, actions, reply)
        else:
            raise ValueError(f"{path.name}:{number}: expected is {expected!r}; one of pass, stop, free, pair")


def _actions(recorded: str) -> Iterator[ToolAction]:
    for entry in recorded.split(";"):
        if entry.strip() in {"", "-"}:
            continue
        head, _, rest = entry.strip().partition(" ")
        alias, _, status = head.partition("!")
        arguments: dict[str, object] = dict(_DEFAULTS)
        supports: tuple[str, ...] = ()
        for key, value in re.findall(r"(\w+)=(.*?)(?=\s+\w+=|\s+[A-Z]{3}\b|$)", rest):
            if key == "supports":
                supports = tuple(value.split(","))
            else:
                arguments[_KEYS[key]] = int(value) if key == "amount" else value.strip()
        if code := re.search(r"(?<![\w=])([A-Z]{3})(?!\w)", rest):
            arguments["currency"] = code.group(1)
        if "noargs" in rest:
            arguments = {}
        yield ToolAction(
            name=ALIASES.get(alias, alias),
            status=ActionStatus(status or "succeeded"),
            arguments=arguments,
            supports=supports,
        )
