"""The operators' first page, `/ops`: what waits, what failed and why, how decisions went, who is alive. It reads only.

Every chart's numbers stand in a table beside it; the script draws from that table, so there is one set of figures.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlmodel import Session

from review_ui.operating import Operator
from review_ui.pages import PageRoute, page
from review_ui.parts import parts_of
from review_ui.present_nights import night_tile
from review_ui.present_operations import Chart, Limits, Tile, chart, tiles
from services.domain.nights import NightStatus
from services.store import desk_history, nightly
from services.store.alerts import limits_of, notices_of, open_alerts
from services.store.desk_figures import figures, freshest_checkpoint
from services.store.desk_state import desk_state, failed_checks, shares
from services.store.jobs_view import list_jobs
from services.store.review_statistics import agreement

router = APIRouter(prefix="/ops", route_class=PageRoute, include_in_schema=False)
FAILED_SHOWN = 50
AGREEMENT_DAYS = 90
ROUTE_DAYS = desk_history.Window("fortnight", timedelta(days=1), 14)


@router.get("")
def operations(request: Request, _: Operator, window: str = "day") -> Response:
    """Show the desk at this moment and over the chosen window."""
    parts = parts_of(request)
    now, limits = parts.clock.now(), limits_of(parts.settings)
    chosen = desk_history.WINDOWS.get(window, desk_history.HOURS)
    with parts.sessions() as session:
        found = list(figures(session))
        moved = shares(session, now)
        ringing = open_alerts(session)
        return page(
            "operations.html",
            request,
            tiles=[*tiles(desk_state(session, now), Limits(limits.review_age, limits.queue_age), now), _night(session)],
            charts=_charts(session, chosen, now),
            window=chosen.key,
            alerts=ringing,
            notices=notices_of(session, [one.id for one in ringing]),
            shares=moved,
            totals=(sum(one.recent for one in moved), sum(one.before for one in moved)),
            checks=failed_checks(session, now),
            agreement=agreement(session, now - timedelta(days=AGREEMENT_DAYS)),
            days=AGREEMENT_DAYS,
            groups=[(meaning, list(group)) for meaning, group in groupby(found, key=lambda one: one.help)],
            checkpoint=freshest_checkpoint(session),
            failed=list_jobs(session, ("failed", "quarantined"), FAILED_SHOWN),
            now=now,
        )


def _night(session: Session) -> Tile:
    """Return what the night does, or how the last one ended."""
    newest = next(iter(nightly.nights(session, 1)), None)
    stages = nightly.stages(session, newest.id) if newest and newest.status is NightStatus.RUNNING else ()
    return night_tile(newest, stages)


def _charts(session: Session, window: desk_history.Window, now: datetime) -> Sequence[Chart]:
    values: Sequence[tuple[str, str, str, Any, desk_history.Window]] = (
        ("routes", "stack", "count", desk_history.routes, ROUTE_DAYS),
        ("queue_depth", "steps", "count", desk_history.queue_depth, window),
        ("waits", "lines", "s", desk_history.waits, window),
        ("first_token", "lines", "ms", desk_history.first_token, window),
        ("whole_run", "lines", "ms", desk_history.whole_run, window),
        ("memory", "lines", "bytes", desk_history.memory, window),
        ("review_backlog", "steps", "count", desk_history.review_backlog, window),
        ("answers", "stack", "count", desk_history.answers, ROUTE_DAYS),
    )
    return [chart(key, kind, unit, read(session, its, now)) for key, kind, unit, read, its in values]
