"""What happens around every request: limit of the body, security headers, request id, metrics. Plain ASGI.

Also serves pages of others (review, operators), so headers that a page set itself are left as they are.
"""

import asyncio
import re
import secrets
import time
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.metrics import HttpMetrics
from services.api.problems import Problem, problem_response

CONTENT_POLICY = (
    b"default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
    b"form-action 'self'"
)
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", CONTENT_POLICY),
)
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

DRAIN_BYTES = 16 * 1024 * 1024
DRAIN_SECONDS = 2.0
"""A client that is still sending cannot read an answer, so a refused body is read and thrown away, up to these."""


class BodyLimit:
    """Refuses bodies above the limit of their path while they stream in, whatever Content-Length said."""

    def __init__(self, app: ASGIApp, limit_of: Callable[[str], int]) -> None:
        self._app = app
        self._limit_of = limit_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit_of(scope["path"])
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limit:
            await _drain(receive)
            await problem_response(_too_large(limit))(scope, receive, send)
            return
        seen = 0

        async def limited() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > limit:
                    if message.get("more_body"):
                        await _drain(receive)
                    raise _too_large(limit)
            return message

        await self._app(scope, limited, send)


def _too_large(limit: int) -> Problem:
    return Problem("body-too-large", f"the body has more than {limit} bytes", extra={"limit_bytes": limit})


async def _drain(receive: Receive) -> None:
    drained = 0
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            while drained < DRAIN_BYTES:
                message = await receive()
                drained += len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body"):
                    return
    except TimeoutError:
        return


class Edge:
    """Adds headers and counts. The outermost layer, so refusals of the inner ones are counted and secured too."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        started = time.perf_counter()
        status = 500

        async def secured(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = list(message.get("headers", ()))
                present = {name.lower() for name, _ in headers}
                headers += [header for header in SECURITY_HEADERS if header[0] not in present]
                headers.append((b"x-request-id", request_id))
                message["headers"] = headers
            await send(message)

        try:
            await self._app(scope, receive, secured)
        finally:
            self._metrics.observe(scope["method"], _template(scope), status, time.perf_counter() - started)


def _request_id(scope: Scope) -> bytes:
    """Return the caller's request id where it is harmless in headers and logs, else a fresh one."""
    given: bytes = dict(scope["headers"]).get(b"x-request-id", b"")
    return given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8).encode()


def _template(scope: Scope) -> str:
    """Return the route's pattern, never the raw path: labels must stay few whatever addresses people try."""
    route: Any = scope.get("route")
    return getattr(route, "path", None) or "unmatched"
