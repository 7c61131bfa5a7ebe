"""Server-sent events of one return: `/v1/returns/{id}/events`. Following the table for all streams is `feed`."""

import json
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from services.api import examples
from services.api.auth import CallerDep
from services.api.feed import EventFeed, FeedEvent
from services.api.problems import Problem, field_problem
from services.api.resources import resources_of
from services.api.returns import require_return
from services.domain.returns import ReturnStatus
from services.store.feed import events_of_many

router = APIRouter(prefix="/v1/returns", tags=["returns"])

HEARTBEAT_SECONDS = 15.0
MOST_STREAMS = 2000
RECONNECT_MILLISECONDS = 2000
LAST_KIND = "return.closed"
"""After this event nothing more happens to a return, so the stream ends."""


@router.get(
    "/{return_id}/events",
    summary="Follow one return",
    response_class=StreamingResponse,
    responses=examples.EVENTS_RESPONSES,
    openapi_extra=examples.EVENTS_EXTRA,
)
async def follow(request: Request, caller: CallerDep, return_id: str) -> Response:
    """Stream what happens to a return, from the start or from after `Last-Event-ID`, until it is closed.

    A comment line is sent every 15 seconds, so that proxies keep the connection. A client that reconnects after the
    last event gets 204, which tells it to stop.
    """
    resources = resources_of(request)
    after = _last_event_id(request)
    status = await run_in_threadpool(require_return, request, caller, return_id)
    if len(resources.feed) >= MOST_STREAMS:
        raise Problem("unavailable", "this server follows its most streams already", headers={"Retry-After": "5"})
    if status == ReturnStatus.CLOSED and not await events_of_many(resources.pool, {return_id: after}):
        return Response(status_code=204)
    return StreamingResponse(
        _stream(resources.feed, return_id, after),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _last_event_id(request: Request) -> int:
    given = request.headers.get("last-event-id", "").strip()
    if not given:
        return 0
    if not given.isascii() or not given.isdigit() or len(given) > 18:
        raise field_problem(
            "bad-parameter", "Last-Event-ID", "is not an id of ours", "Send the last `id` you received."
        )
    return int(given)


async def _stream(feed: EventFeed, return_id: str, after: int) -> AsyncIterator[bytes]:
    yield f"retry: {RECONNECT_MILLISECONDS}\n\n".encode()
    async with feed.listen(return_id, after) as subscription:
        while True:
            try:
                event = await subscription.next(HEARTBEAT_SECONDS)
            except TimeoutError:
                yield b": still here\n\n"
                continue
            if event is None:
                return
            yield wire_form(event)
            if event.kind == LAST_KIND:
                return


def wire_form(event: FeedEvent) -> bytes:
    """Return one event as the stream carries it. JSON escapes line breaks, so `data` is always one line."""
    data = {"return_id": event.return_id, "type": event.kind, "at": event.at.isoformat(), "data": dict(event.data)}
    return f"id: {event.id}\nevent: {event.kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
