"""Who calls, and whether the shop may call this often. What a key is, is `keyring`."""

import ipaddress
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from infra.settings import Environment, Settings
from services.api.keyring import Caller, digest_of_key
from services.api.problems import Problem
from services.api.rate import Rate, retry_after
from services.api.resources import Resources, resources_of

FAILED_LOOKUPS = Rate(per_second=5, burst=50)
"""How many unknown keys one address may try; keys cannot be guessed, but each guess costs the database a question."""


_BEARER = HTTPBearer(
    auto_error=False,
    description="A key of one shop, from `returns-desk keys create --shop SHOP`. In development, requests from this "
    "machine without a key act as the sample shop.",
)


async def caller_of(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]
) -> Caller:
    """Return who calls, and count the call against the shop's rate. Raises Problem unauthorized or rate-limited."""
    resources = resources_of(request)
    caller = await _identify(request, resources, credentials)
    wait = await resources.limiter.wait_seconds(f"shop:{caller.shop_id}", resources.rate)
    if wait:
        raise _limited(wait, f"shop {caller.shop_id} sends more than {resources.rate.per_second:g} requests a second")
    return caller


CallerDep = Annotated[Caller, Depends(caller_of)]


async def _identify(request: Request, resources: Resources, credentials: HTTPAuthorizationCredentials | None) -> Caller:
    if credentials is None:
        if "authorization" not in request.headers and _may_act_as_sample_shop(request, resources.settings):
            return Caller(resources.settings.sample_shop_id, "development")
        raise _unauthorized("there is no `Authorization: Bearer` header")
    digest = digest_of_key(credentials.credentials)
    caller = resources.keys.remembered(digest)
    if caller is not None:
        return caller
    address = request.client.host if request.client else "?"
    wait = await resources.limiter.wait_seconds(f"address:{address}", FAILED_LOOKUPS)
    if wait:
        raise _limited(wait, "too many different API keys were tried from this address")
    caller = await resources.keys.ask(digest)
    if caller is None:
        raise _unauthorized("the API key is unknown or was revoked")
    return caller


def _may_act_as_sample_shop(request: Request, settings: Settings) -> bool:
    """Only in development, and only straight from this machine: a proxy in front would make everyone look local."""
    if settings.environment is not Environment.DEVELOPMENT or request.client is None:
        return False
    if "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _unauthorized(detail: str) -> Problem:
    return Problem(
        "unauthorized",
        detail,
        remedy="Send `Authorization: Bearer <API key>`; `returns-desk keys create --shop SHOP` makes one.",
        headers={"WWW-Authenticate": 'Bearer realm="returns-desk"'},
    )


def _limited(wait: float, detail: str) -> Problem:
    seconds = retry_after(wait)
    return Problem(
        "rate-limited", detail, headers={"Retry-After": seconds}, extra={"retry_after_seconds": int(seconds)}
    )
