"""Gate reports at `/ops/gates`: the list, up to four side by side, one whole, and each as the JSON it is."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import JSONResponse

from review_ui.operating import Operator
from review_ui.pages import HEADERS, Gone, PageRoute, page
from review_ui.parts import parts_of
from review_ui.present_nights import side_by_side
from services.store import nightly

router = APIRouter(prefix="/ops/gates", route_class=PageRoute, include_in_schema=False)
LISTED = 40
BESIDE = 4


@router.get("")
def gates(request: Request, _: Operator, show: Annotated[list[str] | None, Query()] = None) -> Response:
    """List reports, and compare those that are chosen: the newest two where none is."""
    parts = parts_of(request)
    with parts.sessions() as session:
        listed = nightly.gate_reports(session, LISTED)
        wanted = (show or [one.id for one in listed[:2]])[:BESIDE]
        found = [nightly.gate_report(session, one) for one in wanted]
        reports = [one for one in found if one is not None]
        return page(
            "ops_gates.html",
            request,
            listed=listed,
            reports=reports,
            rows=side_by_side(reports),
            chosen={one.id for one in reports},
            most=BESIDE,
            now=parts.clock.now(),
        )


@router.get("/{report_id}.json")
def gate_json(request: Request, _: Operator, report_id: str) -> Response:
    """Return the report as it was stored; its id is the digest of this document."""
    return JSONResponse(_report(request, report_id).report.model_dump(mode="json"), headers=HEADERS)


@router.get("/{report_id}")
def gate(request: Request, _: Operator, report_id: str) -> Response:
    """Show one report whole: every check with its reason, and the digests of all that it rests on."""
    stored = _report(request, report_id)
    return page("ops_gate.html", request, stored=stored, rows=side_by_side([stored]))


def _report(request: Request, report_id: str) -> nightly.StoredReport:
    with parts_of(request).sessions() as session:
        found = nightly.gate_report(session, report_id)
    if found is None:
        raise Gone(f"There is no gate report {report_id[:64]}.")
    return found
