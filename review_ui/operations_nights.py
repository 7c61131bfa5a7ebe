"""Nights at `/ops/nights`: the one under way as it goes, those before it, and each with stages, curves and log."""

from fastapi import APIRouter, Request, Response
from sqlmodel import Session

from review_ui.operating import Operator
from review_ui.pages import Gone, PageRoute, page
from review_ui.parts import parts_of
from review_ui.present_nights import curves, plan_rows, shown, time_left
from services.store import nightly

router = APIRouter(prefix="/ops/nights", route_class=PageRoute, include_in_schema=False)
SHOWN = 60
LINES = 200
CHUNK = 2_000


@router.get("")
def nights(request: Request, _: Operator) -> Response:
    """List nights, the newest first."""
    parts = parts_of(request)
    with parts.sessions() as session:
        found = nightly.nights(session, SHOWN)
        running = nightly.running_night(session)
        return page(
            "ops_nights.html",
            request,
            nights=found,
            running=running,
            stages=shown(nightly.stages(session, running.id), parts.clock.now()) if running else (),
            at=parts.settings.nightly_at_utc,
            enabled=parts.settings.nightly_enabled,
            now=parts.clock.now(),
        )


@router.get("/{night_id}")
def night(request: Request, _: Operator, night_id: str) -> Response:
    """Show one night; while it runs the page follows it."""
    parts = parts_of(request)
    now = parts.clock.now()
    with parts.sessions() as session:
        found = nightly.night(session, night_id)
        if found is None:
            raise Gone(f"There is no night {night_id[:40]}.")
        stages = nightly.stages(session, night_id)
        return page(
            "ops_night.html",
            request,
            night=found,
            stages=shown(stages, now),
            left=time_left(stages, _earlier(session, found)),
            plan=plan_rows(found.plan),
            charts=curves(stages),
            lines=_newest_lines(session, night_id),
            report=nightly.gate_report(session, found.gate_report_id) if found.gate_report_id else None,
            candidate=nightly.checkpoint(session, found.candidate) if found.candidate else None,
            now=now,
        )


def _newest_lines(session: Session, night_id: str) -> list[nightly.LogLine]:
    """Return the newest lines of a log, the newest first."""
    kept: list[nightly.LogLine] = []
    while chunk := nightly.night_log(session, night_id, after=kept[-1].id if kept else 0, limit=CHUNK):
        kept = [*kept, *chunk][-LINES:]
    return kept[::-1]


def _earlier(session: Session, night: nightly.Night) -> list[nightly.NightStage]:
    """Return the stages of the newest earlier night that trained something: how long each takes here."""
    for one in nightly.nights(session, 10, before=night.started_at):
        if one.candidate is not None:
            return nightly.stages(session, one.id)
    return []
