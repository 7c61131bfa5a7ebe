"""The item page: everything about one case in one place, and the lease on it. Answers are `answers`, tools `tools`."""

import hashlib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData

from review_ui import present
from review_ui.access import Form, Labeller, Seer, text_of
from review_ui.checking import Draft, draft_of, known_tools
from review_ui.pages import Forbidden, Gone, PageRoute, page, see_other
from review_ui.parts import ReviewParts, parts_of
from review_ui.present_reply import difference
from review_ui.queue import done_bar, filter_of, taker_of
from services.domain.review import Ability, Answer, Conflict, Hold, LabelKind, Refused, Stage, may
from services.domain.trace import Trace
from services.domain.verdict import Finding
from services.store.accounts import LoggedIn
from services.store.review_desk import OpenCase
from services.store.review_gold import known_answer
from services.store.review_labels import counted_labels, given
from services.store.review_queue import conditions, neighbours, similar_decided
from services.store.traces import find_trace

router = APIRouter(prefix="/review", route_class=PageRoute, include_in_schema=False)


@dataclass
class Said:
    """What a page says after a write that did not go through, with the words the reviewer had typed."""

    problem: str = ""
    findings: tuple[Finding, ...] = ()
    draft: Draft | None = None
    form: dict[str, str] = field(default_factory=dict)
    panel: str = ""
    conflict: bool = False


def open_item(request: Request, item_id: str) -> OpenCase:
    """Return the item with its case. Raises Gone, also for another reviewer's check item."""
    found = parts_of(request).records.open(item_id)
    name = request.state.login.account.name
    if found is None or (found.item.purpose == "gold" and found.item.assigned_to != name):
        raise Gone("There is no such item.")
    return found


def hold_of(found: OpenCase, login: LoggedIn, parts: ReviewParts) -> Hold | None:
    """Return the reviewer's hold on the item, None where it is not theirs now."""
    item = found.item
    mine = item.state == "leased" and item.leased_by == login.account.name
    if not mine or item.lease_until is None or item.lease_until < parts.clock.now():
        return None
    return Hold(item.id, login.account.name, item.lease_token or "", item.version)


@router.get("/items/{item_id}")
def item_page(request: Request, login: Seer, item_id: str, within: str = "", label: str = "") -> Response:
    return show(
        request, login, open_item(request, item_id), within=within[:1_000], done=done_bar(parts_of(request), label, "")
    )


def show(  # noqa: PLR0913 - a page and what it may have to say
    request: Request,
    login: LoggedIn,
    found: OpenCase,
    *,
    within: str = "",
    done: Any = None,
    said: Said | None = None,
    status: int = 200,
) -> Response:
    """Render the item's page for this reader."""
    parts, said = parts_of(request), said or Said()
    hold, now = hold_of(found, login, parts), parts.clock.now()
    blind = is_blind(found, login, parts)
    values: dict[str, Any] = {
        "found": found,
        "item": found.item,
        "now": now,
        "hold": hold,
        "within": within,
        "done": done,
        "said": said,
        "blind": blind,
        "adjudicates": may(login.account.role, Ability.ADJUDICATE),
        "may_label": may(login.account.role, Ability.LABEL),
        "sees_operations": may(login.account.role, Ability.SEE_OPERATIONS),
        "case": present.parts_of_case(found, parts, said.draft),
        "moments": present.timeline(found),
        "guideline": present.guideline_of(found),
        "tools": known_tools(),
        "wanted": max(found.item.wanted_labels, parts.review.wanted(found.item.id)),
        "undo_minutes": int(parts.records.patience.undo.total_seconds() // 60),
        "pair": pair_of(found, parts),
        **_from_store(found, login, parts, within, blind=blind),
    }
    return page("item.html", request, status, **values)


def is_blind(found: OpenCase, login: LoggedIn, parts: ReviewParts) -> bool:
    """Tell whether this reader must not see what others said: on an open item that several answer, or a check item."""
    item = found.item
    if item.state == "done" or (may(login.account.role, Ability.ADJUDICATE) and item.stage == Stage.ADJUDICATE.value):
        return False
    return item.purpose == "gold" or max(item.wanted_labels, parts.review.wanted(item.id)) > 1


def pair_of(found: OpenCase, parts: ReviewParts) -> list[tuple[str, str, present.Judged]] | None:
    """Return answers A and B where a second one was drawn: (letter, which, judged). Which is A is drawn by the item."""
    sample, trace = found.sample, found.case.trace
    if sample is None or trace is None or trace.decision is None:
        return None
    both = [
        ("first", present.judged(found, parts, trace.decision, trace.reply)),
        ("other", present.judged(found, parts, sample.answer.decision, sample.answer.reply)),
    ]
    if hashlib.sha256(found.item.id.encode()).digest()[0] % 2:
        both.reverse()
    return [(letter, which, one) for letter, (which, one) in zip("AB", both, strict=True)]


def _from_store(found: OpenCase, login: LoggedIn, parts: ReviewParts, within: str, *, blind: bool) -> dict[str, Any]:
    item, mine = found.item, login.account.name
    asked = filter_of(dict(parse_qsl(within)))._replace(state="open")
    labels = [row for row in found.labels if not blind or row.reviewer == mine]
    with parts.sessions() as session:
        before, after = (None, None)
        if item.state != "done":
            before, after = neighbours(session, conditions(asked, mine, parts.clock.now()), item)
        known = known_answer(session, item.return_id) if item.purpose == "gold" and item.state == "done" else None
        return {
            "before": before,
            "after": after,
            "labels": [(row, given(row).document, _undone(found, row.id)) for row in labels if row.kind != "undo"],
            "disputed": counted_labels(session, item.id) if item.stage == Stage.ADJUDICATE.value and not blind else (),
            "similar": () if blind else similar_decided(session, item),
            "known": given(known) if known else None,
        }


def _undone(found: OpenCase, label_id: str) -> bool:
    return any(row.undoes == label_id for row in found.labels)


@router.post("/items/{item_id}/take")
def take(request: Request, login: Labeller, item_id: str, form: Form) -> Response:
    """Take the item; an adjudicator may take a live lease from its holder, which is logged."""
    force = text_of(form, "force", 4) == "yes"
    if force and not may(login.account.role, Ability.ADJUDICATE):
        raise Forbidden("Only an adjudicator takes an item from someone who still holds it.")
    within = text_of(form, "within", 1_000)
    try:
        parts_of(request).records.take(item_id, taker_of(login, force=force))
    except Conflict as error:
        return show(
            request,
            login,
            open_item(request, item_id),
            within=within,
            status=409,
            said=Said(problem=str(error), conflict=True),
        )
    return see_other(request, f"/review/items/{item_id}" + (f"?{present_query(within)}" if within else ""))


@router.post("/items/{item_id}/release")
def release(request: Request, login: Labeller, item_id: str, form: Form) -> Response:
    parts_of(request).records.release(posted_hold(item_id, login, form))
    return see_other(request, "/review?" + text_of(form, "within", 1_000))


@router.post("/items/{item_id}/heartbeat")
def heartbeat(request: Request, login: Labeller, item_id: str, form: Form) -> Response:
    """Keep the hold alive; say so beside the buttons, or say who has the item now."""
    hold = posted_hold(item_id, login, form)
    try:
        until = parts_of(request).records.extend(hold)
    except Conflict as error:
        return page("_hold.html", request, hold=None, until=None, item_id=item_id, lost=str(error))
    return page("_hold.html", request, hold=hold, until=until, item_id=item_id, lost="")


@router.get("/items/{item_id}/trace")
def whole_trace(request: Request, _: Seer, item_id: str) -> Response:
    """Show the stored trace whole, as it was written."""
    found, parts = open_item(request, item_id), parts_of(request)
    with parts.sessions() as session:
        stored = find_trace(session, found.item.trace_id) if found.item.trace_id else None
    if stored is None:
        raise Gone("Nothing was decided here, so there is no trace.")
    text = Trace.model_validate(stored.trace).model_dump_json(indent=2)
    return page("trace.html", request, item=found.item, stored=stored, text=text)


@router.post("/items/{item_id}/check")
def check(request: Request, login: Labeller, item_id: str, form: Form) -> Response:
    """Judge a correction while it is being written; show the difference and the row it would become."""
    found, parts = open_item(request, item_id), parts_of(request)
    trace = found.case.trace
    if trace is None:
        raise Refused("nothing was decided here")
    draft = draft_of(form, trace.evidence, trace.decision)
    judged = present.judged(found, parts, draft.decision, draft.fields.reply) if draft.decision else None
    rows: list[tuple[str, str]] = []
    if draft.decision:
        answer = Answer(decision=draft.decision, reply=draft.fields.reply, actions=found.case.actions)
        before = (
            Answer(decision=trace.decision, reply=trace.reply, actions=found.case.actions) if trace.decision else None
        )
        rows = present.row_preview(found, parts, answer, before, LabelKind.CORRECT, login.account.name)
    return page(
        "_check.html",
        request,
        draft=draft,
        judged=judged,
        rows=rows,
        changes=difference(trace.reply, draft.fields.reply),
        readings=draft.decision.readings if draft.decision else (),
    )


@router.get("/items/{item_id}/sample")
def sample_state(request: Request, _: Seer, item_id: str, within: str = "") -> Response:
    """Say how the second answer fares: a part of the item's page that asks again by itself."""
    found = open_item(request, item_id)
    state, drawn = found.sample_state, found.sample is not None
    return page("_sample.html", request, item=found.item, within=within[:1_000], state=state, drawn=drawn)


@router.get("/items/{item_id}/row")
def row(request: Request, login: Seer, item_id: str) -> Response:
    """Show the rows that approving this answer makes."""
    found, parts = open_item(request, item_id), parts_of(request)
    trace = found.case.trace
    if trace is None or trace.decision is None:
        raise Refused("there is no answer here, so no row")
    answer = Answer(decision=trace.decision, reply=trace.reply, actions=found.case.actions)
    rows = present.row_preview(found, parts, answer, None, LabelKind.APPROVE, login.account.name)
    return page(
        "row.html" if not request.headers.get("hx-request") else "_row.html", request, rows=rows, item=found.item
    )


def posted_hold(item_id: str, login: LoggedIn, form: FormData) -> Hold:
    """Return the hold that a form names; whether it still stands is the store's to say."""
    version = text_of(form, "version", 12)
    return Hold(item_id, login.account.name, text_of(form, "token", 64), int(version) if version.isdigit() else -1)


def present_query(within: str) -> str:
    return urlencode({"within": within})
