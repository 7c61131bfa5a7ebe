"""Tools run by a reviewer: a page that names amount and order, then one call through the same ledger as always.

A part of the amount may be given back: then the page names the part, and that is another call.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fastapi import APIRouter, Request, Response

from policies import MONEY_TOOLS, ToolName
from review_ui.access import Form, Seer, ToolUser, text_of
from review_ui.item import hold_of, open_item
from review_ui.pages import Gone, PageRoute, page, see_other
from review_ui.parts import parts_of
from review_ui.present import money_of
from services.domain.actions import ToolAction, ToolCall
from services.domain.permissions import Permission, Ruling
from services.domain.review import Ability, Conflict, Refused, may
from services.flows.review import tool_permission
from services.inference.answer import arguments_for
from services.ports import ToolUnavailable
from services.store.accounts import LoggedIn
from services.store.review_desk import OpenCase
from services.store.tables import ToolActionRow
from services.store.triage import request_of

router = APIRouter(prefix="/review/items/{item_id}/tools", route_class=PageRoute, include_in_schema=False)


class Asked(NamedTuple):
    """A call a reviewer may run, what the ledger knows of it, and the ruling."""

    call: ToolCall
    row: ToolActionRow | None
    permission: Permission


@router.get("/{tool}")
def confirm(request: Request, login: Seer, item_id: str, tool: str, amount: str = "") -> Response:
    """Show what one call would do. `amount`, such as `12.50`, asks for a part of it."""
    found = open_item(request, item_id)
    asked = _asked(request, login, found, tool, amount)
    held = hold_of(found, login, parts_of(request)) is not None
    cents = asked.call.arguments.get("amount_cents")
    return page(
        "tool.html",
        request,
        item=found.item,
        asked=asked,
        held=held,
        amount=money_of(dict(asked.call.arguments)),
        part=f"{cents / 100:.2f}" if isinstance(cents, int) else "",
        can_run=parts_of(request).make_ledger is not None,
        within=request.query_params.get("within", "")[:1_000],
    )


@router.post("/{tool}")
def run(request: Request, login: ToolUser, item_id: str, tool: str, form: Form) -> Response:
    """Run or decline the call, for whoever holds the item. A second click finds the first one's result."""
    found, parts = open_item(request, item_id), parts_of(request)
    if found.item.purpose == "gold" or hold_of(found, login, parts) is None:
        raise Conflict("you do not hold this item any more, so no tool was run")
    asked = _asked(request, login, found, tool, text_of(form, "amount", 20))
    if text_of(form, "do", 10) == "decline":
        _decline(request, login, found, asked, text_of(form, "reason_text", 300))
    else:
        _run(request, login, found, asked)
    within = text_of(form, "within", 1_000)
    return see_other(request, f"/review/items/{item_id}" + (f"?within={within}" if within else ""))


def _run(request: Request, login: LoggedIn, found: OpenCase, asked: Asked) -> None:
    ledger, name = parts_of(request).tools, login.account.name
    if ledger is None:
        raise Refused("this process cannot run tools")

    def check(earlier: Sequence[ToolAction]) -> None:
        permission = _permission(request, login, found, asked.call, earlier)
        if permission.ruling is Ruling.NOT_ALLOWED:
            raise Refused(permission.reason)

    try:
        action = ledger.run_for_reviewer(request_of(found.request), asked.call, name, check)
    except ToolUnavailable as error:
        raise Refused(
            f"the provider did not answer, so the outcome is unknown: run it again, it has one effect only ({error})"
        ) from error
    detail = {
        "tool": action.name,
        "return": found.item.return_id,
        "status": action.status.value,
        "amount_cents": asked.call.arguments.get("amount_cents"),
    }
    parts_of(request).records.note_tool_run(name, found.item.id, detail)


def _decline(request: Request, login: LoggedIn, found: OpenCase, asked: Asked, reason: str) -> None:
    if asked.row is None:
        raise Refused("this call was never made; take it out of the decision instead")
    if len(reason) < 3:
        raise Refused("say why it is declined")
    parts_of(request).records.decline(asked.row.id, found.item.return_id, login.account.name, reason)


def _asked(request: Request, login: LoggedIn, found: OpenCase, tool: str, amount: str) -> Asked:
    """Return the call of that name: the decision's own, else one made from the trusted facts. Raises Gone, Refused.

    With an amount it is the same call over that amount.
    """
    trace = found.case.trace
    if trace is None or tool not in set(ToolName):
        raise Gone("There is no such tool for this item.")
    wanted = trace.decision.tool_calls if trace.decision else ()
    call = next((one for one in wanted if one.name == tool), None)
    if call is None:
        call = ToolCall(name=tool, arguments=arguments_for(tool, trace.evidence))
    if amount:
        call = ToolCall(name=tool, arguments=_with_amount(tool, call.arguments, amount))
    key = call.idempotency_key(found.item.return_id)
    row = next((one for one in found.action_rows if one.idempotency_key == key), None)
    return Asked(call, row, _permission(request, login, found, call, found.order_actions))


def _with_amount(tool: str, arguments: Mapping[str, Any], amount: str) -> dict[str, Any]:
    """Return the arguments with an amount as a person writes it, `12.50` or `12,5`, in hundredths. Raises Refused."""
    written = re.fullmatch(r"(\d{1,7})(?:[.,](\d{1,2}))?", amount)
    if tool not in MONEY_TOOLS or written is None:
        raise Refused("amount: write it with at most two decimals, such as 12.50, for a tool that moves money")
    whole, part = written.groups(default="0")
    return {**arguments, "amount_cents": int(whole) * 100 + int(part.ljust(2, "0"))}


def _permission(
    request: Request, login: LoggedIn, found: OpenCase, call: ToolCall, earlier: Sequence[ToolAction]
) -> Permission:
    return tool_permission(
        found.case,
        call,
        earlier,
        limit_cents=parts_of(request).settings.reviewer_limit_cents,
        adjudicates=may(login.account.role, Ability.ADJUDICATE),
    )
