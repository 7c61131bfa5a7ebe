"""The index page and the API's documentation, rendered on the server: no script or style from anywhere else."""

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, Response

from services.api.problems import KINDS, Problem
from services.api.reference import operations_of, schemas_of

router = APIRouter(include_in_schema=False)

HERE = Path(__file__).parent
STATIC = {"docs.css": "text/css", "docs.js": "text/javascript"}


@lru_cache(maxsize=1)
def _templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["prose"] = prose
    return templates


def prose(text: str) -> Markup:
    """Return a docstring's paragraphs as HTML, with `code` marked up and everything else escaped."""
    paragraphs = (" ".join(part.split()) for part in text.split("\n\n") if part.strip())
    marked = (re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(paragraph))) for paragraph in paragraphs)
    return Markup("".join(f"<p>{paragraph}</p>" for paragraph in marked))  # noqa: S704 - escaped above


def _page(name: str, **values: Any) -> HTMLResponse:
    return HTMLResponse(_templates().get_template(name).render(**values))


@router.get("/")
def index() -> HTMLResponse:
    return _page("index.html")


@router.get("/docs")
def docs(request: Request) -> HTMLResponse:
    """Show every operation with its parameters, bodies, answers and a form to try it, and every kind of problem."""
    document = request.app.openapi()
    return _page(
        "docs.html",
        info=document["info"],
        groups=operations_of(document),
        schemas=schemas_of(document),
        problems=KINDS.values(),
    )


@router.get("/docs/static/{name}")
def static(name: str) -> Response:
    if name not in STATIC:
        raise Problem("not-found", f"there is no file {name[:60]!r}")
    return Response(
        (HERE / "static" / name).read_bytes(),
        media_type=STATIC[name],
        headers={"Cache-Control": "public, max-age=300"},
    )
