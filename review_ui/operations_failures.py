"""Failures at `/ops/failures`: by owner, the smallest fix first, each made a regression case with one click."""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from fastapi import APIRouter, Request, Response

from review_ui.access import Form, text_of
from review_ui.operating import Operating, Operator, operations_of
from review_ui.pages import PageRoute, page, see_other
from review_ui.parts import parts_of
from services.domain.failures import OWNER_TITLES, FailureStatus
from services.domain.verdict import FailureOwner
from services.store import failures
from services.store.failures import Failure, NotAFailure
from services.store.lineage import items_of

router = APIRouter(prefix="/ops/failures", route_class=PageRoute, include_in_schema=False)
LISTED = 200
SHOWN = 4
"""Failures of one cause that are seen at once; the others unfold."""


class Cause(NamedTuple):
    """Failures that one next action mends."""

    cause: str
    action: str
    failures: Sequence[Failure]


class Group(NamedTuple):
    """What one owner mends with one size of fix; a clause version that cures stands before everything."""

    owner: FailureOwner
    effort: int
    causes: Sequence[Cause]


@router.get("")
def show_failures(request: Request, _: Operator, status: str = "open", owner: str = "") -> Response:
    return _page(request, status, owner)


def _page(request: Request, status: str = "open", owner: str = "", problem: str = "") -> Response:
    parts = parts_of(request)
    wanted = FailureStatus(status) if status in set(FailureStatus) else FailureStatus.OPEN
    chosen = FailureOwner(owner) if owner in set(FailureOwner) else None
    with parts.sessions() as session:
        found = failures.failures(session, owner=chosen, status=wanted, limit=LISTED)
        return page(
            "ops_failures.html",
            request,
            409 if problem else 200,
            groups=_grouped(found),
            shown=SHOWN,
            counts=failures.open_counts(session),
            items=items_of(session, [one.return_id for one in found]),
            titles=OWNER_TITLES,
            status=wanted.value,
            statuses=[one.value for one in FailureStatus],
            owner=chosen.value if chosen else "",
            full=len(found) == LISTED,
            problem=problem,
            now=parts.clock.now(),
        )


@router.post("/{failure_id}/regress")
def make_case(request: Request, login: Operating, failure_id: str) -> Response:
    """Turn a failure into a case that the gate asks of every candidate from now on."""
    try:
        operations_of(request).failures.regress(failure_id, login.account.name)
    except NotAFailure as error:
        return _page(request, problem=str(error))
    return see_other(request, "/ops/failures")


@router.post("/{failure_id}/dismiss")
def dismiss(request: Request, login: Operating, failure_id: str, form: Form) -> Response:
    """End a failure that is none."""
    try:
        operations_of(request).failures.dismiss(failure_id, login.account.name, text_of(form, "why", 300))
    except NotAFailure as error:
        return _page(request, problem=str(error))
    return see_other(request, "/ops/failures")


def _grouped(found: Sequence[Failure]) -> Sequence[Group]:
    groups = []
    for (effort, owner), its in groupby(found, key=lambda one: (one.effort, one.owner)):
        causes: dict[tuple[str, str], list[Failure]] = {}
        for one in its:
            causes.setdefault((one.cause, one.action), []).append(one)
        ordered = sorted(causes.items(), key=lambda pair: -len(pair[1]))
        groups.append(Group(owner, effort, [Cause(cause, action, ones) for (cause, action), ones in ordered]))
    return groups
