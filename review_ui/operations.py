"""The operators' page at `/ops`: what waits, what failed and why, who is alive. It reads only.

The figures are those of `/metrics`; giving a failed job another start is `returns-desk jobs retry`.
"""

from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from review_ui.access import reads
from review_ui.pages import PageRoute, page
from review_ui.parts import parts_of
from services.domain.review import Ability
from services.store.accounts import LoggedIn
from services.store.desk_figures import figures, freshest_checkpoint
from services.store.jobs_view import list_jobs

router = APIRouter(prefix="/ops", route_class=PageRoute, include_in_schema=False)
FAILED_SHOWN = 50
Operator = Annotated[LoggedIn, Depends(reads(Ability.SEE_OPERATIONS))]


@router.get("")
def operations(request: Request, _: Operator) -> Response:
    """Show the desk's figures by what they mean, and the newest jobs that ended badly."""
    parts = parts_of(request)
    with parts.sessions() as session:
        found = list(figures(session))
        return page(
            "operations.html",
            request,
            groups=[(meaning, list(group)) for meaning, group in groupby(found, key=lambda one: one.help)],
            checkpoint=freshest_checkpoint(session),
            failed=list_jobs(session, ("failed", "quarantined"), FAILED_SHOWN),
            now=parts.clock.now(),
        )
