"""Who is at the page, whether a write comes from our own page, and what this account may do. Logging in is `login`."""

import hmac
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.datastructures import FormData

from review_ui.pages import Forbidden, LogInFirst
from review_ui.parts import parts_of
from services.domain.review import Ability, may
from services.store import accounts
from services.store.accounts import LoggedIn

ACCOUNT_PATH = "/review/account"
COOKIE = "returns-desk-review"
OFFSET_COOKIE = "returns-desk-offset"
"""Set by the pages' script; it only moves the midnight from which a day is counted."""


def cookie_name(*, secure: bool) -> str:
    """Return the cookie's name: the `__Host-` prefix binds it to this host, and browsers take it over HTTPS only."""
    return f"__Host-{COOKIE}" if secure else COOKIE


def logged_in(request: Request) -> LoggedIn:
    """Return who is logged in. Raises LogInFirst; Forbidden where a given password must be changed first."""
    parts = parts_of(request)
    token = request.cookies.get(cookie_name(secure=parts.secure_cookies))
    if not token:
        raise LogInFirst
    with parts.sessions() as session:
        found = accounts.find_session(session, token, parts.clock.now())
    if found is None:
        raise LogInFirst
    request.state.login = found
    if found.account.must_change and request.url.path != ACCOUNT_PATH and not request.url.path.endswith("/logout"):
        raise Forbidden("Your password was given to you by someone else: change it first, under Account.")
    return found


async def form_of(request: Request) -> FormData:
    return await request.form(max_files=0)


def check_origin(request: Request) -> None:
    """Refuse a write that another site's page sends. Raises Forbidden.

    Browsers say where a request comes from (Fetch Metadata); for those that do not, `Origin` must be our host.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in {"same-origin", "none"}:
            raise Forbidden("This write did not come from a page of this desk.")
        return
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise Forbidden("This write did not come from a page of this desk.")


def poster(
    request: Request,
    login: Annotated[LoggedIn, Depends(logged_in)],
    form: Annotated[FormData, Depends(form_of)],
) -> LoggedIn:
    """Return who writes, after the origin and the session's own token were checked. Raises Forbidden."""
    check_origin(request)
    token = request.headers.get("x-csrf-token") or form.get("csrf")
    if not isinstance(token, str) or not hmac.compare_digest(token, login.csrf):
        raise Forbidden("This form is too old, or came from elsewhere: load the page again and repeat.")
    return login


def reads(ability: Ability) -> Callable[[LoggedIn], LoggedIn]:
    """Return the dependency of a page that needs an ability."""

    def check(login: Annotated[LoggedIn, Depends(logged_in)]) -> LoggedIn:
        return _checked(login, ability)

    return check


def writes(ability: Ability) -> Callable[[LoggedIn], LoggedIn]:
    """Return the dependency of a write that needs an ability."""

    def check(login: Annotated[LoggedIn, Depends(poster)]) -> LoggedIn:
        return _checked(login, ability)

    return check


def _checked(login: LoggedIn, ability: Ability) -> LoggedIn:
    if not may(login.account.role, ability):
        raise Forbidden(f"The role {login.account.role.value} may not do this. Ask an administrator if it should.")
    return login


Seer = Annotated[LoggedIn, Depends(reads(Ability.SEE))]
Labeller = Annotated[LoggedIn, Depends(writes(Ability.LABEL))]
ToolUser = Annotated[LoggedIn, Depends(writes(Ability.RUN_TOOLS))]
AnyWriter = Annotated[LoggedIn, Depends(poster)]
Form = Annotated[FormData, Depends(form_of)]


def offset_of(request: Request) -> timedelta:
    """Return how far the reader's clock is ahead of UTC, as their browser told; zero where it told nothing usable."""
    told = request.cookies.get(OFFSET_COOKIE, "")
    minutes = int(told) if re.fullmatch(r"-?[0-9]{1,3}", told) else 0
    return timedelta(minutes=minutes) if abs(minutes) <= 14 * 60 else timedelta(0)


def text_of(form: FormData, name: str, most: int = 10_000) -> str:
    """Return a text field with Unix line ends, trimmed and bounded; empty where it is missing."""
    value = form.get(name)
    return value.replace("\r\n", "\n").strip()[:most] if isinstance(value, str) else ""
