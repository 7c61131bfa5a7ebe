"""Setting up webhooks and looking after deliveries: `/v1/webhooks`. Sending is the worker's task."""

import re
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from services.adapters.webhooks import AddressRefused, guard_of, new_secret
from services.api import examples
from services.api.auth import CallerDep
from services.api.bodies import parse, read_object, require_content_type
from services.api.problems import Problem, field_problem
from services.api.resources import resources_of
from services.api.schemas import (
    AttemptBody,
    DeliveryBody,
    DeliveryPage,
    EndpointBody,
    EndpointChange,
    EndpointCreated,
    EndpointIn,
)
from services.store import webhooks as store
from services.store.tables import WebhookDeliveryRow, WebhookEndpointRow

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], responses=examples.READ_RESPONSES)

MOST_ENDPOINTS = 20
ENDPOINT_ID = re.compile(r"whe_[0-9a-f]{32}")
DELIVERY_ID = re.compile(r"whd_[0-9a-f]{32}")


async def _raw_body(request: Request) -> bytes:
    require_content_type(request, "application/json")
    return await request.body()


RawBody = Annotated[bytes, Depends(_raw_body)]


def _checked_url(request: Request, url: str) -> str:
    try:
        guard_of(resources_of(request).settings).check_url(url)
    except AddressRefused as error:
        detail, _, remedy = str(error).partition("; ")
        raise field_problem("invalid-body", "url", detail, remedy or "Send a public https:// address.") from error
    return url


@router.post("", status_code=201, summary="Set up a webhook", openapi_extra=examples.ENDPOINT_EXTRA)
def create(request: Request, caller: CallerDep, raw: RawBody) -> EndpointCreated:
    """Register an address. Deliveries are signed as Standard Webhooks say, with the `secret` shown only here.

    A delivery is tried at once, then after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h and 14 h; 2xx takes it, 410 disables the
    endpoint, redirects are not followed. The same `webhook-id` may come more than once.
    """
    wanted = parse(EndpointIn, read_object(raw))
    url = _checked_url(request, wanted.url)
    with resources_of(request).sessions() as session:
        if len(store.list_endpoints(session, caller.shop_id)) >= MOST_ENDPOINTS:
            raise Problem("conflict", f"your shop has {MOST_ENDPOINTS} webhooks already", remedy="Remove one first.")
        row = store.add_endpoint(session, caller.shop_id, url, wanted.kinds, secret=new_secret(), now=datetime.now(UTC))
        return EndpointCreated.model_validate(row.model_dump())


@router.get("", summary="List webhooks")
def list_all(request: Request, caller: CallerDep) -> list[EndpointBody]:
    with resources_of(request).sessions() as session:
        rows = store.list_endpoints(session, caller.shop_id)
        return [EndpointBody.model_validate(row.model_dump()) for row in rows]


@router.get("/{endpoint_id}", summary="Read one webhook")
def read(request: Request, caller: CallerDep, endpoint_id: str) -> EndpointBody:
    with resources_of(request).sessions() as session:
        row = _found(endpoint_id, store.find_endpoint(session, caller.shop_id, _endpoint_id(endpoint_id)))
        return EndpointBody.model_validate(row.model_dump())


@router.patch("/{endpoint_id}", summary="Change a webhook", openapi_extra=examples.ENDPOINT_CHANGE_EXTRA)
def change(request: Request, caller: CallerDep, endpoint_id: str, raw: RawBody) -> EndpointBody:
    """Change address, kinds or whether it is enabled. Enabling goes on with what was pending."""
    wanted = parse(EndpointChange, read_object(raw))
    if wanted.url is not None:
        _checked_url(request, wanted.url)
    with resources_of(request).sessions() as session:
        known = _endpoint_id(endpoint_id)
        row = _found(endpoint_id, store.find_endpoint(session, caller.shop_id, known, for_change=True))
        for name, value in wanted.model_dump(exclude_none=True).items():
            setattr(row, name, value)
        if wanted.enabled:
            row.disabled_reason = None
        elif wanted.enabled is False:
            row.disabled_reason = "the shop disabled it"
        session.add(row)
        return EndpointBody.model_validate(row.model_dump())


@router.delete("/{endpoint_id}", status_code=204, summary="Remove a webhook", response_class=Response)
def remove(request: Request, caller: CallerDep, endpoint_id: str) -> Response:
    """Remove the endpoint with its deliveries; what was pending is not sent any more."""
    with resources_of(request).sessions() as session:
        known = _endpoint_id(endpoint_id)
        row = _found(endpoint_id, store.find_endpoint(session, caller.shop_id, known, for_change=True))
        store.remove_endpoint(session, row)
    return Response(status_code=204)


@router.post("/{endpoint_id}/rotate-secret", summary="Rotate the signing secret")
def rotate(request: Request, caller: CallerDep, endpoint_id: str) -> EndpointCreated:
    """Return a new secret. For 24 hours deliveries carry two signatures, by the new and by the old secret."""
    with resources_of(request).sessions() as session:
        known = _endpoint_id(endpoint_id)
        row = _found(endpoint_id, store.find_endpoint(session, caller.shop_id, known, for_change=True))
        store.rotate_secret(row, new_secret(), datetime.now(UTC))
        session.add(row)
        return EndpointCreated.model_validate(row.model_dump())


@router.get("/{endpoint_id}/deliveries", summary="List deliveries")
def deliveries(  # noqa: PLR0913 - one parameter a filter
    request: Request,
    caller: CallerDep,
    endpoint_id: str,
    *,
    state: Literal["pending", "delivered", "failed"] | None = None,
    before: Annotated[str | None, Query(pattern=DELIVERY_ID.pattern, max_length=36)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> DeliveryPage:
    """Return deliveries, newest first; `next` leads to older ones."""
    with resources_of(request).sessions() as session:
        endpoint = _found(endpoint_id, store.find_endpoint(session, caller.shop_id, _endpoint_id(endpoint_id)))
        rows = store.list_deliveries(session, endpoint.id, state, before, limit + 1)
        shown = [DeliveryBody.model_validate(row.model_dump()) for row in rows[:limit]]
    following = None
    if len(rows) > limit:
        following = str(request.url.include_query_params(before=shown[-1].id).replace(scheme="", netloc=""))
    return DeliveryPage(deliveries=shown, next=following)


@router.get("/deliveries/{delivery_id}/attempts", summary="List the attempts of a delivery")
def attempts(request: Request, caller: CallerDep, delivery_id: str) -> list[AttemptBody]:
    with resources_of(request).sessions() as session:
        row = _delivery(delivery_id, store.find_delivery(session, caller.shop_id, _delivery_id(delivery_id)))
        return [AttemptBody.model_validate(one.model_dump()) for one in store.list_attempts(session, row.id)]


@router.post("/deliveries/{delivery_id}/replay", status_code=202, summary="Send a delivery again")
def send_again(request: Request, caller: CallerDep, delivery_id: str) -> DeliveryBody:
    """Make the delivery due now, whatever its state. Its `webhook-id` stays, so receivers can drop what they know."""
    resources = resources_of(request)
    with resources.sessions() as session:
        row = _delivery(delivery_id, store.find_delivery(session, caller.shop_id, _delivery_id(delivery_id)))
        endpoint = store.find_endpoint(session, caller.shop_id, row.endpoint_id)
        if endpoint is None or not endpoint.enabled:
            remedy = f"Enable it first: PATCH /v1/webhooks/{row.endpoint_id} with enabled true."
            raise Problem("conflict", f"webhook {row.endpoint_id} is disabled", remedy=remedy)
        store.replay(row, datetime.now(UTC))
        session.add(row)
        body = DeliveryBody.model_validate(row.model_dump())
    resources.poke()
    return body


def _endpoint_id(given: str) -> str:
    if not ENDPOINT_ID.fullmatch(given):
        raise _nothing("webhook", given)
    return given


def _delivery_id(given: str) -> str:
    if not DELIVERY_ID.fullmatch(given):
        raise _nothing("delivery", given)
    return given


def _found(given: str, row: WebhookEndpointRow | None) -> WebhookEndpointRow:
    if row is None:
        raise _nothing("webhook", given)
    return row


def _delivery(given: str, row: WebhookDeliveryRow | None) -> WebhookDeliveryRow:
    if row is None:
        raise _nothing("delivery", given)
    return row


def _nothing(what: str, given: str) -> Problem:
    return Problem(
        "not-found", f"your shop has no {what} {given[:60]!r}", remedy="GET /v1/webhooks lists your shop's webhooks."
    )
