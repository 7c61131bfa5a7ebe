"""One route a decision: approve, correct, prefer, reject, skip, escalate, ask the customer; and taking one back.

A refusal or a conflict shows the item again with the reviewer's words kept; a success goes on to the next item.
"""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData

from review_ui.access import AnyWriter, Form, Labeller, text_of
from review_ui.checking import Draft, draft_of
from review_ui.item import Said, open_item, posted_hold, show
from review_ui.pages import PageRoute, see_other
from review_ui.parts import parts_of
from review_ui.present import guideline_of
from review_ui.queue import go_on
from services.domain.decision import Outcome
from services.domain.review import Ability, Conflict, LabelKind, Refused, Stored, may
from services.domain.verdict import FailureOwner
from services.flows.review import Other, Sitting
from services.store.accounts import LoggedIn
from services.store.review_desk import OpenCase

router = APIRouter(prefix="/review/items/{item_id}", route_class=PageRoute, include_in_schema=False)
labels_router = APIRouter(prefix="/review/labels", route_class=PageRoute, include_in_schema=False)

KEPT_FIELDS = ("reason_text", "question", "owner", "expected", "reply", "conditions")
LONGEST_HOLD_SECONDS = 4 * 3600

Verb = Callable[[Sitting, OpenCase], Stored]


@router.post("/approve")
def approve(request: Request, login: Labeller, item_id: str, form: Form) -> Response:
    review = parts_of(request).review
    return _answer(request, login, item_id, form, "approve", lambda at, _: review.approve(at, _reason(form)))


@router.post("/correct")
def correct(request: Request, login: Labeller, item_id: str, form: Form) -> Response:
    def verb(sitting: Sitting, found: OpenCase) -> Stored:
        draft = _draft(form, found)
        if draft is None or draft.decision is None:
            raise Refused(draft.problem if draft else "nothing was decided here, so there is nothing to correct")
        return parts_of(request).review.correct(sitting, draft.decision, draft.fields.reply, _reason(form))

    return _answer(request, login, item_id, form, "correct", verb)


@router.post("/prefer")
def prefer(request: Request, login: Labeller, item_id: str, form: Form) -> Response:
    def verb(sitting: Sitting, found: OpenCase) -> Stored:
        if found.sample is None:
            raise Refused("there is no second answer to compare with")
        other = Other(found.sample.trace_id, found.sample.answer)
        better = text_of(form, "better", 8) == "other"
        return parts_of(request).review.prefer(sitting, other, _reason(form), other_is_better=better)

    return _answer(request, login, item_id, form, "prefer", verb)


@router.post("/sample")
def second_answer(request: Request, _: Labeller, item_id: str, form: Form) -> Response:
    """Ask the checkpoint for a second answer; the page shows both when it is there."""
    parts = parts_of(request)
    open_item(request, item_id)
    parts.records.ask_for_sample(item_id)
    request.app.state.resources.poke()
    within = text_of(form, "within", 1_000)
    return see_other(request, f"/review/items/{item_id}" + (f"?{urlencode({'within': within})}" if within else ""))


@router.post("/reject")
def reject(request: Request, login: Labeller, item_id: str, form: Form) -> Response:
    def verb(sitting: Sitting, _: OpenCase) -> Stored:
        owner, expected = text_of(form, "owner", 30), text_of(form, "expected", 30)
        if owner not in set(FailureOwner) or expected not in set(Outcome):
            raise Refused("say who should mend it and what would have been right")
        return parts_of(request).review.reject(sitting, _reason(form), FailureOwner(owner), Outcome(expected))

    return _answer(request, login, item_id, form, "reject", verb)


@router.post("/skip")
def skip(request: Request, login: Labeller, item_id: str, form: Form) -> Response:
    review = parts_of(request).review
    return _answer(
        request, login, item_id, form, "skip", lambda at, _: review.pass_on(at, LabelKind.SKIP, _reason(form))
    )


@router.post("/escalate")
def escalate(request: Request, login: Labeller, item_id: str, form: Form) -> Response:
    review = parts_of(request).review
    return _answer(
        request, login, item_id, form, "escalate", lambda at, _: review.pass_on(at, LabelKind.ESCALATE, _reason(form))
    )


@router.post("/needs-information")
def needs_information(request: Request, login: Labeller, item_id: str, form: Form) -> Response:
    review = parts_of(request).review
    question = text_of(form, "question", 2_000)
    return _answer(request, login, item_id, form, "needs_information", lambda at, _: review.ask_customer(at, question))


@labels_router.post("/{label_id}/undo")
def undo(request: Request, login: AnyWriter, label_id: str) -> Response:
    """Take a label back and open its item again, held by whoever took it back."""
    records = parts_of(request).records
    adjudicates = may(login.account.role, Ability.ADJUDICATE)
    undone = records.undo(label_id, login.account.name, adjudicates=adjudicates)
    return see_other(request, f"/review/items/{undone.item_id}")


def _answer(  # noqa: PLR0913, PLR0917 - who, where, with what, which verb
    request: Request, login: LoggedIn, item_id: str, form: FormData, panel: str, verb: Verb
) -> Response:
    found, within = open_item(request, item_id), text_of(form, "within", 1_000)
    sitting = Sitting(
        hold=posted_hold(item_id, login, form),
        case=found.case,
        guideline_version=guideline_of(found).version,
        final=may(login.account.role, Ability.ADJUDICATE),
        seconds=_seconds(form, parts_of(request).clock.now()),
    )
    try:
        stored = verb(sitting, found)
    except Refused as error:
        said = Said(str(error), error.findings, _draft(form, found) if panel == "correct" else None, _kept(form), panel)
        return show(request, login, found, within=within, said=said, status=422)
    except Conflict as error:
        said = Said(str(error), (), None, _kept(form), panel, conflict=True)
        return show(request, login, open_item(request, item_id), within=within, said=said, status=409)
    return go_on(request, login, within, stored.label_id)


def _draft(form: FormData, found: OpenCase) -> Draft | None:
    trace = found.case.trace
    return draft_of(form, trace.evidence, trace.decision) if trace else None


def _reason(form: FormData) -> str:
    return text_of(form, "reason_text", 2_000)


def _kept(form: FormData) -> dict[str, str]:
    return {name: text_of(form, name) for name in KEPT_FIELDS if text_of(form, name)}


def _seconds(form: FormData, now: datetime) -> float | None:
    """Return how long the page was open, as it says itself; None where that cannot be."""
    try:
        opened = datetime.fromisoformat(text_of(form, "opened", 40))
        seconds = (now - opened).total_seconds()
    except (ValueError, TypeError):
        return None
    return round(seconds, 1) if 0 <= seconds <= LONGEST_HOLD_SECONDS else None
