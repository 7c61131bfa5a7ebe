"""Builds the HTTP application: `create_app()` is what a server runs. Holds no endpoint of its own."""

import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from prometheus_client import CollectorRegistry
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from infra.settings import Settings, get_settings
from infra.telemetry import many_processes, shown_registry
from services.api import batch, events, health, information, pages, returns, webhooks
from services.api.edge import SECURITY_HEADERS, BodyLimit, Edge
from services.api.examples import problem_schemas
from services.api.metrics import DeskCollector, HttpMetrics
from services.api.problems import FieldError, Problem, database_away, problem_response, shop_gone
from services.api.resources import Resources, open_resources
from services.api.stopping import told_of_stop
from services.store.desk_figures import Figure, figures

log = logging.getLogger(__name__)

TITLE = "Returns Desk queue API"
DESCRIPTION = """Submit return requests, follow them, and be told of their outcomes.

Every error is `application/problem+json` (RFC 9457): `detail` says what is wrong, `errors` name the fields, `remedy`
says what to do. Identify yourself with `Authorization: Bearer <API key>`."""
BATCH_PATH = "/v1/returns/batch"
DATABASE_AWAY = (OperationalError, InterfaceError, NoFreeConnection, psycopg.OperationalError, psycopg.InterfaceError)
POOL_AWAY = (PoolTimeout, PoolClosed, TooManyRequests)


def _nothing() -> None:
    """Poke nobody: the outbox relay finds what was stored a moment later."""


def create_app(
    settings: Settings | None = None,
    *,
    poke: Callable[[], None] = _nothing,
    extend: Sequence[Callable[[FastAPI], None]] = (),
) -> FastAPI:
    """Return the application. `settings` default to the environment's.

    `poke` is called after something was stored that workers should see soon; it must neither block nor raise.
    `extend` adds other packages' pages (review, operators) to the same server; they find `app.state.resources`.
    """
    chosen = settings or get_settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_resources(chosen, poke) as resources:
            app.state.resources = resources
            app.state.registry.register(DeskCollector(lambda: _read_figures(resources)))
            with told_of_stop(resources.feed.stop):
                yield

    app = FastAPI(
        title=TITLE,
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    # Of many processes each counts for itself, and whichever is asked shows the sum.
    app.state.registry = shown_registry() if many_processes() else CollectorRegistry()
    for module in (returns, information, batch, events, webhooks, health, pages):
        app.include_router(module.router)
    for add in extend:
        add(app)
    app.add_middleware(BodyLimit, limit_of=_limits(chosen))
    app.add_middleware(Edge, metrics=HttpMetrics(CollectorRegistry() if many_processes() else app.state.registry))
    _add_handlers(app)
    _describe_problems(app)
    return app


def _describe_problems(app: FastAPI) -> None:
    """Make the OpenAPI document tell our problems in place of the framework's own error shape, which we never send."""
    build = app.openapi

    @lru_cache(maxsize=1)
    def described() -> dict[str, Any]:
        document = build()
        schemas = document["components"]["schemas"]
        for foreign in ("HTTPValidationError", "ValidationError"):
            schemas.pop(foreign, None)
        schemas.update(problem_schemas())
        for operation in (one for path in document["paths"].values() for one in path.values()):
            if "HTTPValidationError" in str(operation["responses"].get("422")):
                del operation["responses"]["422"]
        return document

    app.openapi = described  # type: ignore[method-assign]


def _limits(settings: Settings) -> Callable[[str], int]:
    return lambda path: settings.max_batch_bytes if path == BATCH_PATH else settings.max_body_bytes


def _read_figures(resources: Resources) -> Iterable[Figure] | None:
    try:
        with resources.sessions() as session:
            return list(figures(session))
    except SQLAlchemyError as error:
        log.warning("the desk's figures cannot be read: %s", type(error).__name__)
        return None


def _add_handlers(app: FastAPI) -> None:
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_bad_parameter)
    for kind in (*DATABASE_AWAY, *POOL_AWAY):
        app.add_exception_handler(kind, _on_database_away)
    app.add_exception_handler(psycopg.errors.ForeignKeyViolation, _on_shop_gone)
    app.add_exception_handler(DBAPIError, _on_database_error)
    app.add_exception_handler(Exception, _on_failure)


async def _on_problem(request: Request, error: Exception) -> Response:
    if not isinstance(error, Problem):
        raise error
    return problem_response(error, request)


async def _on_http_error(request: Request, error: Exception) -> Response:
    """Say in a problem what the framework refuses: unknown paths, wrong methods, unreadable requests."""
    if not isinstance(error, HTTPException):
        raise error
    headers = dict(error.headers or {})
    path = request.url.path[:200]
    if error.status_code == 404:
        return problem_response(Problem("not-found", f"there is nothing at {path}", headers=headers), request)
    if error.status_code == 405:
        detail = (
            f"{path} does not take {request.method[:20]}; it takes {headers.get('Allow', headers.get('allow', '?'))}"
        )
        return problem_response(Problem("method-not-allowed", detail, headers=headers), request)
    slug = {401: "unauthorized", 403: "forbidden", 409: "conflict", 503: "unavailable"}.get(error.status_code)
    return problem_response(Problem(slug or "bad-request", str(error.detail), headers=headers), request)


async def _on_bad_parameter(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    errors = [_parameter_error(one) for one in error.errors()]
    detail = f"{errors[0].field}: {errors[0].detail}"
    return problem_response(Problem("bad-parameter", detail, errors=errors), request)


def _parameter_error(found: dict[str, Any]) -> FieldError:
    place, *names = found["loc"]
    field = ".".join(str(name) for name in names)[:100] or str(place)
    expected = found.get("ctx", {}).get("expected")
    remedy = f"Send one of {expected}." if expected else f"Correct the {place} parameter."
    return FieldError(field, str(found["msg"]), remedy)


async def _on_database_away(request: Request, _error: Exception) -> Response:
    return problem_response(database_away(), request)


async def _on_shop_gone(request: Request, _error: Exception) -> Response:
    """Intake names one row that may be missing: the caller's own shop."""
    return problem_response(shop_gone(), request)


async def _on_database_error(request: Request, error: Exception) -> Response:
    """Take a connection that broke in mid-statement for the database's absence; any other refusal is our failure."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return problem_response(database_away(), request)
    raise error


async def _on_failure(request: Request, _error: Exception) -> Response:
    """Answer for what nobody expected. The server logs the stack; the client learns that and what to do."""
    response = problem_response(Problem("internal-error", "the server failed; its log says why"), request)
    # This answer is made outside of `Edge`, which adds these to all others.
    for name, value in SECURITY_HEADERS:
        response.headers[name.decode()] = value.decode()
    return response
