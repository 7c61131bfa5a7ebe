"""What was done: a reviewer's own labels with their undo, and the progress of the day."""

from fastapi import APIRouter, Request, Response

from review_ui.access import Seer, offset_of
from review_ui.pages import PageRoute, page
from review_ui.parts import parts_of
from services.domain.review import Ability, may
from services.store import review_statistics, review_views
from services.store.review_gold import gold_scores
from services.store.review_queue import facet_counts

router = APIRouter(prefix="/review", route_class=PageRoute, include_in_schema=False)

PAGE_ROWS = 50


@router.get("/labels")
def labels(request: Request, login: Seer, who: str = "", before: str = "") -> Response:
    """List labels, newest first: one's own; those who may see people see anyone's."""
    parts, name = parts_of(request), login.account.name
    reviewer: str | None = name
    if who and may(login.account.role, Ability.SEE_PEOPLE):
        reviewer = None if who == "all" else who[:64]
    with parts.sessions() as session:
        rows = review_views.history(session, reviewer, before[:80] or None, PAGE_ROWS)
    return page(
        "labels.html",
        request,
        rows=rows,
        now=parts.clock.now(),
        undo=parts.records.patience.undo,
        who=who,
        reviewer=reviewer,
        after=rows[-1].label.id if len(rows) == PAGE_ROWS else None,
    )


@router.get("/progress")
def progress(request: Request, login: Seer) -> Response:
    parts, name, now = parts_of(request), login.account.name, parts_of(request).clock.now()
    offset = offset_of(request)
    with parts.sessions() as session:
        return page(
            "progress.html",
            request,
            day=review_views.day_of(session, name, now, offset),
            days=review_statistics.days(session, name, now, offset),
            facets=parts.cached_facets(lambda: facet_counts(session)),
            gold=next(iter(gold_scores(session, name)), None),
            now=now,
        )
