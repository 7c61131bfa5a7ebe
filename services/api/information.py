"""What a customer adds to a return under way: `POST /v1/returns/{id}/information`. Wakes the item that waits for it."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from services.api import examples
from services.api.auth import CallerDep
from services.api.bodies import parse, read_object, require_content_type
from services.api.problems import Problem
from services.api.resources import Resources, resources_of
from services.api.returns import known_id, no_such_return
from services.api.schemas import Information, InformationBody
from services.store.information import Received, ReturnClosed, add_information

router = APIRouter(prefix="/v1/returns", tags=["returns"])


@router.post(
    "/{return_id}/information",
    summary="Add what the customer said later",
    responses=examples.INFORMATION_RESPONSES,
    openapi_extra=examples.INFORMATION_EXTRA,
)
async def add(request: Request, caller: CallerDep, return_id: str) -> InformationBody:
    """Store a customer's answer to `return.needs_information`, or what they added by themselves, for the reviewer.

    An item that waits for it goes back to reviewers at once. The same words sent again are stored once, so repeating
    is safe. A closed return takes no more: submit a new one.
    """
    resources = resources_of(request)
    require_content_type(request, "application/json")
    information = parse(Information, read_object(await request.body()))
    try:
        received = await run_in_threadpool(_store, resources, caller.shop_id, known_id(return_id), information.text)
    except ReturnClosed as error:
        raise Problem(
            "conflict", f"return {return_id} is closed", remedy="Submit a new return with the new words."
        ) from error
    if received is None:
        raise no_such_return(return_id)
    return InformationBody.model_validate({"id": return_id, **received._asdict()})


def _store(resources: Resources, shop_id: str, return_id: str, text: str) -> Received | None:
    with resources.sessions() as session:
        return add_information(session, shop_id, return_id, text, datetime.now(UTC))
