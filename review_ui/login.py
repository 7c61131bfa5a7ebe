"""Log in, log out, change one's own password. Throttled; a wrong name costs as much time as a wrong password."""

from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from review_ui.access import AnyWriter, Form, check_origin, cookie_name, logged_in, text_of
from review_ui.pages import HEADERS, PageRoute, page
from review_ui.parts import parts_of
from services.store import accounts

router = APIRouter(prefix="/review", route_class=PageRoute, include_in_schema=False)

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 200


@lru_cache(maxsize=1)
def hasher() -> PasswordHasher:
    """Return argon2id with RFC 9106's low-memory parameters: 64 MiB, 3 passes, 4 lanes."""
    return PasswordHasher()


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return hasher().hash("a password that no account has")


@router.get("/login")
def login_page(request: Request, next: str = "/review") -> Response:  # noqa: A002 - the address names it so
    return page("login.html", request, next=_own_path(next), name="", problem=None)


@router.post("/login")
def log_in(request: Request, form: Form) -> Response:
    check_origin(request)
    parts, now = parts_of(request), parts_of(request).clock.now()
    name, password = text_of(form, "name", 64).lower(), str(form.get("password", ""))[:LONGEST_PASSWORD]
    target, address = _own_path(text_of(form, "next")), request.client.host if request.client else "unknown"
    with parts.sessions() as session:
        throttled = accounts.too_many_failures(session, name, address, now)
        found = None if throttled else accounts.find_password(session, name)
    if throttled:
        return page("login.html", request, 429, next=target, name=name, problem="throttled")
    if not _fits(found[1] if found else _nobodys_hash(), password) or found is None:
        with parts.sessions() as session:
            accounts.note_failure(session, name, address, now)
        return page("login.html", request, 401, next=target, name=name, problem="wrong")
    with parts.sessions() as session:
        accounts.forget_failures(session, name)
        token = accounts.open_session(session, name, now)
    answer = RedirectResponse("/review/account" if found[0].must_change else target, status_code=303, headers=HEADERS)
    secure = parts.secure_cookies
    answer.set_cookie(
        cookie_name(secure=secure),
        token,
        max_age=int(accounts.SESSION_LIFETIME.total_seconds()),
        secure=secure,
        httponly=True,
        samesite="lax",
        path="/",
    )
    return answer


@router.post("/logout")
def log_out(request: Request, login: AnyWriter) -> Response:
    parts = parts_of(request)
    with parts.sessions() as session:
        accounts.close_session(session, login.token_sha256)
    answer = RedirectResponse("/review/login", status_code=303, headers=HEADERS)
    answer.delete_cookie(cookie_name(secure=parts.secure_cookies), secure=parts.secure_cookies, httponly=True, path="/")
    return answer


@router.get("/account")
def account_page(request: Request) -> Response:
    logged_in(request)
    return page("account.html", request, problem=None, done=False)


@router.post("/account")
def change_password(request: Request, login: AnyWriter, form: Form) -> Response:
    parts, name = parts_of(request), login.account.name
    old, new = str(form.get("old", ""))[:LONGEST_PASSWORD], str(form.get("new", ""))
    with parts.sessions() as session:
        found = accounts.find_password(session, name)
    if found is None or not _fits(found[1], old):
        return page("account.html", request, 422, problem="old", done=False)
    if not SHORTEST_PASSWORD <= len(new) <= LONGEST_PASSWORD or new == old:
        return page("account.html", request, 422, problem="new", done=False)
    with parts.sessions() as session:
        accounts.set_password(session, name, hasher().hash(new), actor=name, now=parts.clock.now())
    return RedirectResponse("/review/login", status_code=303, headers=HEADERS)


def _fits(password_hash: str, password: str) -> bool:
    try:
        return hasher().verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _own_path(address: str) -> str:
    """Return the address if it is a path of these pages: a login never sends anybody to another site."""
    own = address == "/ops" or (address.startswith("/review") and not address.startswith("/review//"))
    return address if own else "/review"
