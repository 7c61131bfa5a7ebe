"""Submitting a return and reading returns: `/v1/returns`. What an Idempotency-Key promises is `flows.intake`."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse

from services.api import examples
from services.api.auth import CallerDep
from services.api.bodies import parse, read_object, require_content_type
from services.api.cursors import read_cursor, write_cursor
from services.api.keyring import Caller
from services.api.problems import Problem, field_problem
from services.api.resources import Resources, resources_of
from services.api.schemas import AcceptedBody, ReturnBody, ReturnListItem, ReturnPage, TraceBody
from services.domain.decision import Outcome
from services.domain.returns import ReturnStatus
from services.domain.trace import RouteName
from services.flows.intake import (
    Accepted,
    Intake,
    KeyInFlight,
    KeyReused,
    KeyUnusable,
    Submission,
    Taken,
    UnknownOrder,
    conclude,
    links,
    prepare,
    read_key,
)
from services.store import returns_view

router = APIRouter(prefix="/v1/returns", tags=["returns"])

RETURN_ID = re.compile(r"ret_[0-9a-f]{32}")
IN_FLIGHT_RETRY_SECONDS = 1


@router.post(
    "",
    status_code=202,
    response_model=AcceptedBody,
    summary="Submit a return",
    responses=examples.SUBMIT_RESPONSES,
    openapi_extra=examples.SUBMIT_EXTRA,
)
async def submit(request: Request, caller: CallerDep) -> JSONResponse:
    """Accept one customer's request. The answer comes after the request is stored for good; the decision comes later.

    `Idempotency-Key` makes repeating safe: for 24 hours (unless this desk sets another time) the same key with the
    same body gives the stored answer (`Idempotent-Replayed: true`), with another body 422, and while the first is
    still being stored 409. After that a key may be used anew. Keys are compared within your shop only. Requests that
    were refused store nothing.
    """
    resources = resources_of(request)
    require_content_type(request, "application/json")
    key = idempotency_key(request)
    submission = read_submission(resources, read_object(await request.body()))
    intake = prepare(caller.shop_id, key, submission, datetime.now(UTC), resources.key_lifetime)
    accepted = concluded(intake, await resources.writer.take(intake))
    if not accepted.replayed:
        resources.poke()
    return JSONResponse(ordered(accepted.answer), status_code=202, headers=_accepted_headers(accepted))


def _accepted_headers(accepted: Accepted) -> dict[str, str]:
    headers = {"Location": accepted.answer["links"]["self"]}
    return headers | {"Idempotent-Replayed": "true"} if accepted.replayed else headers


def ordered(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer with its fields in one order, so that a replay equals the first answer byte for byte."""
    return {"id": answer["id"], "status": answer["status"], "links": links(answer["id"])}


def idempotency_key(request: Request) -> str:
    """Return the request's key. Raises Problem missing-idempotency-key or bad-idempotency-key."""
    headers = request.headers.getlist("idempotency-key")
    if not headers:
        raise field_problem(
            "missing-idempotency-key", "Idempotency-Key", "is missing", "Send a fresh UUID as Idempotency-Key."
        )
    if len(headers) > 1:
        raise field_problem("bad-idempotency-key", "Idempotency-Key", "is given twice", "Send it once.")
    return usable_key(headers[0], "Idempotency-Key")


def usable_key(given: str, field: str) -> str:
    try:
        return read_key(given)
    except KeyUnusable as error:
        remedy = "Send 1 to 255 visible ASCII characters, such as a UUID."
        raise field_problem("bad-idempotency-key", field, str(error), remedy) from error


def read_submission(resources: Resources, body: Mapping[str, Any]) -> Submission:
    submission = parse(Submission, body)
    limit = resources.settings.max_message_characters
    if len(submission.message) > limit:
        detail = f"has {len(submission.message)} characters; at most {limit} are accepted"
        raise field_problem("invalid-body", "message", detail, "Shorten it.")
    return submission


def concluded(intake: Intake, taken: Taken) -> Accepted:
    """Return the answer, or say what became of the request in the words of HTTP."""
    try:
        return conclude(intake, taken)
    except KeyReused as error:
        raise field_problem(
            "key-reused",
            "Idempotency-Key",
            "came before with another body",
            "Send a new key for a new request, or the first body again.",
        ) from error
    except KeyInFlight as error:
        raise Problem(
            "key-in-flight",
            "a request with this Idempotency-Key is being stored right now",
            headers={"Retry-After": str(IN_FLIGHT_RETRY_SECONDS)},
        ) from error
    except UnknownOrder as error:
        order_id = intake.request.order_id
        raise field_problem(
            "unknown-order",
            "order_id",
            f"the shop has no order {order_id!r}",
            "Check it; orders are known by the shop's own ids. A new order must reach the desk before its return.",
        ) from error


def _at(name: str, value: datetime | None) -> datetime | None:
    if value is not None and value.tzinfo is None:
        raise field_problem("bad-parameter", name, "names no time zone", "Send it like 2025-03-13T08:00:00Z.")
    return value


@router.get("", summary="List returns", responses=examples.READ_RESPONSES)
def list_returns(  # noqa: PLR0913 - one parameter a filter
    request: Request,
    caller: CallerDep,
    *,
    order_id: Annotated[str | None, Query(max_length=100, pattern=r"^[^\x00]*$")] = None,
    status: ReturnStatus | None = None,
    decision: Outcome | None = None,
    route: RouteName | None = None,
    received_from: datetime | None = None,
    received_until: datetime | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=300)] = None,
) -> ReturnPage:
    """Return one page of your shop's returns, newest first. Follow `next` for the following page.

    Pages are keyed by time and id, so returns that arrive meanwhile neither shift nor repeat anything.
    """
    filters = returns_view.Filters(
        order_id, status, decision, route, _at("received_from", received_from), _at("received_until", received_until)
    )
    with resources_of(request).sessions() as session:
        found = returns_view.page(session, caller.shop_id, filters, read_cursor(cursor), limit)
        items = [ReturnListItem.model_validate(row.model_dump() | {"links": links(row.id)}) for row in found.rows]
    following = None
    if found.last is not None:
        following = str(request.url.include_query_params(cursor=write_cursor(found.last)).replace(scheme="", netloc=""))
    return ReturnPage(returns=items, next=following)


@router.get("/{return_id}", summary="Read one return and its outcome", responses=examples.READ_RESPONSES)
def read_return(request: Request, caller: CallerDep, return_id: str) -> ReturnBody:
    """Return status, decision, evidence, findings, actions and reply, as far as the desk has come."""
    with resources_of(request).sessions() as session:
        known = known_id(return_id)
        found = returns_view.return_document(session, caller.shop_id, known)
    if found is None:
        raise no_such_return(return_id)
    return ReturnBody.model_validate(found | {"links": links(return_id)})


@router.get("/{return_id}/trace", summary="Read the whole trace", responses=examples.READ_RESPONSES)
def read_trace(request: Request, caller: CallerDep, return_id: str) -> TraceBody:
    """Return all that the judge saw: facts, clauses, prompt digest, checkpoint, raw output, actions, verdict."""
    with resources_of(request).sessions() as session:
        known = known_id(return_id)
        row = returns_view.deciding_trace(session, caller.shop_id, known)
        status = returns_view.status_of(session, caller.shop_id, known) if row is None else None
    if row is None:
        if status is None:
            raise no_such_return(return_id)
        raise Problem(
            "not-found",
            f"return {return_id} has no trace: it is {status} and nothing has been decided by a checkpoint",
            remedy=f"Wait for its outcome at /v1/returns/{return_id}/events.",
        )
    return TraceBody(
        id=row.id,
        return_id=row.return_id,
        attempt=row.attempt,
        checkpoint=row.checkpoint,
        created_at=row.created_at,
        trace=row.document,
        replay=f"returns-desk decide --replay {row.id}",
    )


def known_id(return_id: str) -> str:
    """Return the id if it looks like one of ours. Raises Problem not-found."""
    if not RETURN_ID.fullmatch(return_id):
        raise no_such_return(return_id)
    return return_id


def require_return(request: Request, caller: Caller, return_id: str) -> str:
    """Return the status of the caller's return. Raises Problem not-found, also for another shop's."""
    with resources_of(request).sessions() as session:
        status = returns_view.status_of(session, caller.shop_id, known_id(return_id))
    if status is None:
        raise no_such_return(return_id)
    return status


def no_such_return(return_id: str) -> Problem:
    """Return the answer for a return that is not there, or is another shop's."""
    return Problem(
        "not-found",
        f"your shop has no return {return_id[:60]!r}",
        remedy="Use the id that the submission's answer gave; GET /v1/returns lists your shop's.",
    )
