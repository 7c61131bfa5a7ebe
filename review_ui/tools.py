"""Tools run by a reviewer: a page that names amount and order, then one call through the same ledger as always."""

from typing import NamedTuple

from fastapi import APIRouter, Request, Response

from policies import ToolName
from review_ui.access import Form, Seer, ToolUser, text_of
from review_ui.item import hold_of, open_item
from review_ui.pages import Gone, PageRoute, page, see_other
from review_ui.parts import parts_of
from review_ui.present import money_of
from services.domain.actions import ActionStatus, ToolCall
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
def confirm(request: Request, login: Seer, item_id: str, tool: str) -> Response:
    found = open_item(request, item_id)
    asked = _asked(request, login, found, tool)
    held = hold_of(found, login, parts_of(request)) is not None
    return page(
        "tool.html",
        request,
        item=found.item,
        asked=asked,
        held=held,
        amount=money_of(dict(asked.call.arguments)),
        can_run=parts_of(request).make_ledger is not None,
        within=request.query_params.get("within", "")[:1_000],
        problem="",
    )


@router.post("/{tool}")
def run(request: Request, login: ToolUser, item_id: str, tool: str, form: Form) -> Response:
    """Run or decline the call, for whoever holds the item. A second click finds the first one's result."""
    found, parts = open_item(request, item_id), parts_of(request)
    if found.item.purpose == "gold" or hold_of(found, login, parts) is None:
        raise Conflict("you do not hold this item any more, so no tool was run")
    asked = _asked(request, login, found, tool)
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
    if asked.permission.ruling is Ruling.NOT_ALLOWED:
        raise Refused(asked.permission.reason)
    waits = asked.row is not None and asked.row.state == ActionStatus.AWAITING_APPROVAL.value
    try:
        if waits and asked.row is not None:
            action = ledger.approve(asked.row.id, name)
        else:
            action = ledger.run_for_reviewer(request_of(found.request), asked.call, name)
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


def _asked(request: Request, login: LoggedIn, found: OpenCase, tool: str) -> Asked:
    """Return the call of that name: the decision's own, else one made from the trusted facts. Raises Gone."""
    trace = found.case.trace
    if trace is None or tool not in set(ToolName):
        raise Gone("There is no such tool for this item.")
    wanted = trace.decision.tool_calls if trace.decision else ()
    call = next((one for one in wanted if one.name == tool), None)
    if call is None:
        call = ToolCall(name=tool, arguments=arguments_for(tool, trace.evidence))
    key = call.idempotency_key(found.item.return_id)
    row = next((one for one in found.action_rows if one.idempotency_key == key), None)
    permission = tool_permission(
        found.case,
        call,
        limit_cents=parts_of(request).settings.reviewer_limit_cents,
        adjudicates=may(login.account.role, Ability.ADJUDICATE),
    )
    return Asked(call, row, permission)
