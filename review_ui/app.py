"""Adds the review pages to an application: `extend(app)`. Knows the routers and the static files, nothing else."""

from pathlib import Path

from fastapi import APIRouter, FastAPI, Response

from review_ui import (
    answers,
    history,
    item,
    login,
    operations,
    operations_alerts,
    operations_datasets,
    operations_failures,
    operations_gates,
    operations_nights,
    operations_releases,
    people,
    queue,
    tools,
)
from review_ui.operating import MakeOperations
from review_ui.pages import Gone, PageRoute
from review_ui.parts import MakeLedger

HERE = Path(__file__).parent
OPERATIONS = (
    operations,
    operations_alerts,
    operations_nights,
    operations_gates,
    operations_releases,
    operations_datasets,
    operations_failures,
)
STATIC = {
    "base.css": "text/css",
    "review.css": "text/css",
    "review.js": "text/javascript",
    "htmx.min.js": "text/javascript",
    "icon.svg": "image/svg+xml",
    "ops.css": "text/css",
    "ops.js": "text/javascript",
    "uplot.min.css": "text/css",
    "uplot.min.js": "text/javascript",
}
last = APIRouter(prefix="/review", route_class=PageRoute, include_in_schema=False)


def extend(app: FastAPI, make_ledger: MakeLedger | None = None, make_operations: MakeOperations | None = None) -> None:
    """Add the pages. They find the API's settings and database in `app.state.resources` when they are first asked.

    Without `make_ledger` reviewers see tools, but cannot run them. `make_operations` gives operators their verbs.
    """
    app.state.review_ledger = make_ledger
    app.state.make_operations = make_operations
    for module in (login, queue, item, answers, tools, history, people, *OPERATIONS):
        app.include_router(module.router)
    app.include_router(answers.labels_router)
    app.include_router(last)


@last.get("/static/{name}")
def static(name: str) -> Response:
    if name not in STATIC:
        raise Gone(f"There is no file {name[:60]!r}.")
    content = (HERE / "static" / name).read_bytes()
    return Response(content, media_type=STATIC[name], headers={"Cache-Control": "public, max-age=300"})


@last.get("/{rest:path}")
def nothing(rest: str) -> Response:
    raise Gone(f"There is no page /review/{rest[:80]}.")
