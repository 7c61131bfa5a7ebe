"""Renders templates and turns what goes wrong into pages a person can act on. Holds no page of its own.

Everything is escaped by the template engine; `texts.t` alone makes markup, of our own sentences.
"""

from collections.abc import Callable, Coroutine
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from starlette.responses import HTMLResponse, RedirectResponse

from review_ui import present_time, words
from review_ui.texts import t
from services.domain.review import Conflict, Refused

HERE = Path(__file__).parent
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)
HEADERS = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store", "Referrer-Policy": "same-origin"}


class Gone(Exception):
    """There is no such page, item or file; the message says what was looked for."""


class Forbidden(Exception):
    """This account may not do this; the message says what it takes."""


class LogInFirst(Exception):
    """Nobody is logged in, or the session ended."""


REFUSALS: dict[type[Exception], tuple[int, str]] = {
    Gone: (404, "Not here"),
    Forbidden: (403, "Not yours to do"),
    Conflict: (409, "Someone was faster"),
    Refused: (422, "This cannot be done"),
}


@lru_cache(maxsize=1)
def templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(words=words, t=t, query=_query)
    environment.filters.update(iso=present_time.iso, utc=present_time.utc, ago=present_time.ago, span=present_time.span)
    environment.filters.update(short=present_time.short)
    return environment


def page(template: str, request: Request, status: int = 200, /, **values: Any) -> HTMLResponse:
    """Render a template as a whole answer."""
    login = getattr(request.state, "login", None)
    html = templates().get_template(template).render(request=request, login=login, path=request.url.path, **values)
    return HTMLResponse(html, status_code=status, headers=HEADERS)


def see_other(request: Request, address: str) -> Response:
    """Send the browser on after a write; HTMX is told in its own header, since it would swap a redirect's target in."""
    if request.headers.get("hx-request"):
        return Response(status_code=204, headers={"HX-Redirect": address})
    return RedirectResponse(address, status_code=303, headers=HEADERS)


def wants_fragment(request: Request) -> bool:
    return request.headers.get("hx-request") == "true" and request.headers.get("hx-history-restore-request") != "true"


class PageRoute(APIRoute):
    """A route whose failures are pages."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await inner(request)
            except LogInFirst:
                return see_other(request, f"/review/login?{urlencode({'next': _next(request)})}")
            except (Gone, Forbidden, Conflict, Refused) as error:
                status, title = REFUSALS[type(error)]
                return page("error.html", request, status, title=title, detail=str(error))
            except (DBAPIError, NoFreeConnection) as error:
                if not _database_is_away(error):
                    raise
                return page("error.html", request, 503, title=words.DATABASE_AWAY_TITLE, detail=words.DATABASE_AWAY)

        return handle


def _database_is_away(error: DBAPIError | NoFreeConnection) -> bool:
    return not isinstance(error, DBAPIError) or isinstance(error, OperationalError) or error.connection_invalidated


def _next(request: Request) -> str:
    if request.method != "GET":
        return "/review"
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _query(values: dict[str, Any], **changes: Any) -> str:
    """Return a query string of the values that are set, with changes."""
    merged = {**values, **changes}
    return urlencode({name: value for name, value in merged.items() if value not in (None, "")})
