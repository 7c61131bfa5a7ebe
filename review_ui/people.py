"""People and what they did: figures, agreement, check items, caps, quarantine, accounts; and the audit log."""

import secrets
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from review_ui.access import Form, reads, text_of, writes
from review_ui.login import hasher
from review_ui.pages import Gone, PageRoute, page, see_other
from review_ui.parts import parts_of
from services.domain.review import Ability, Refused, Role, may
from services.store import accounts, audit, quarantine, review_statistics
from services.store.accounts import LoggedIn
from services.store.review_gold import gold_scores, mark_gold

router = APIRouter(prefix="/review", route_class=PageRoute, include_in_schema=False)

AGREEMENT_DAYS = 90
NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-_")

PeopleReader = Annotated[LoggedIn, Depends(reads(Ability.SEE_PEOPLE))]
AuditReader = Annotated[LoggedIn, Depends(reads(Ability.SEE_AUDIT))]
Quarantiner = Annotated[LoggedIn, Depends(writes(Ability.QUARANTINE))]
Administrator = Annotated[LoggedIn, Depends(writes(Ability.MANAGE_ACCOUNTS))]
Adjudicator = Annotated[LoggedIn, Depends(writes(Ability.ADJUDICATE))]


@router.get("/people")
def people(request: Request, login: PeopleReader) -> Response:
    return _people(request, login)


def _people(
    request: Request, login: LoggedIn, *, created: tuple[str, str] | None = None, problem: str = ""
) -> Response:
    parts, now = parts_of(request), parts_of(request).clock.now()
    with parts.sessions() as session:
        return page(
            "people.html",
            request,
            422 if problem else 200,
            accounts=accounts.list_accounts(session),
            figures={one.reviewer: one for one in review_statistics.reviewer_figures(session)},
            gold={one.reviewer: one for one in gold_scores(session)},
            agreement=review_statistics.agreement(session, now - timedelta(days=AGREEMENT_DAYS)),
            quarantined=quarantine.standing(session),
            manages=may(login.account.role, Ability.MANAGE_ACCOUNTS),
            days=AGREEMENT_DAYS,
            roles=list(Role),
            created=created,
            problem=problem,
            now=now,
        )


@router.post("/people")
def add_person(request: Request, login: Administrator, form: Form) -> Response:
    """Add an account with a password shown once."""
    parts = parts_of(request)
    name, role = text_of(form, "name", 64).lower(), text_of(form, "role", 20)
    if not name or set(name) - NAME_CHARACTERS or role not in set(Role):
        return _people(request, login, problem="Give a name of small letters, digits, dots or dashes, and a role.")
    password = secrets.token_urlsafe(12)
    try:
        with parts.sessions() as session:
            accounts.add_account(
                session,
                name,
                Role(role),
                hasher().hash(password),
                actor=login.account.name,
                now=parts.clock.now(),
                shown_name=text_of(form, "shown_name", 80),
            )
    except accounts.NameTaken as error:
        return _people(request, login, problem=str(error))
    return _people(request, login, created=(name, password))


@router.get("/people/{name}")
def person(request: Request, login: PeopleReader, name: str) -> Response:
    parts = parts_of(request)
    with parts.sessions() as session:
        found = next((one for one in accounts.list_accounts(session) if one.name == name), None)
        if found is None:
            raise Gone("There is no such account.")
        return page(
            "person.html",
            request,
            person=found,
            figures=next((one for one in review_statistics.reviewer_figures(session) if one.reviewer == name), None),
            gold=next(iter(gold_scores(session, name)), None),
            learners=review_statistics.learners(session, name),
            quarantine=quarantine.standing(session).get(name),
            story=quarantine.story(session, name),
            manages=may(login.account.role, Ability.MANAGE_ACCOUNTS),
            may_quarantine=may(login.account.role, Ability.QUARANTINE),
            roles=list(Role),
            now=parts.clock.now(),
        )


@router.post("/people/{name}")
def change_person(request: Request, login: Administrator, name: str, form: Form) -> Response:
    parts, role, cap = parts_of(request), text_of(form, "role", 20), text_of(form, "daily_cap", 6)
    disabled = text_of(form, "disabled", 4) == "yes"
    if role not in set(Role) or (cap and not cap.isdigit()):
        raise Refused("choose a role; the cap is a whole number or empty")
    if name == login.account.name and (disabled or role != Role.ADMIN.value):
        raise Refused("you cannot take your own administration away: ask another administrator")
    with parts.sessions() as session:
        accounts.change_account(
            session,
            name,
            role=Role(role),
            daily_cap=int(cap) if cap else None,
            disabled=disabled,
            actor=login.account.name,
            now=parts.clock.now(),
        )
    return see_other(request, f"/review/people/{name}")


@router.post("/people/{name}/password")
def new_password(request: Request, login: Administrator, name: str) -> Response:
    """Give a fresh password, shown once; it must be changed at the next login."""
    parts, password = parts_of(request), secrets.token_urlsafe(12)
    with parts.sessions() as session:
        accounts.set_password(session, name, hasher().hash(password), actor=login.account.name, now=parts.clock.now())
    return _people(request, login, created=(name, password))


@router.post("/people/{name}/quarantine")
def set_quarantine(request: Request, login: Quarantiner, name: str, form: Form) -> Response:
    """Keep this person's labels out of every dataset from now on, or let them in again."""
    parts, reason = parts_of(request), text_of(form, "reason_text", 500)
    if len(reason) < 10:
        raise Refused("say why, in ten characters or more: it goes into the audit log")
    with parts.sessions() as session:
        quarantine.change(
            session,
            name,
            lift=text_of(form, "do", 5) == "lift",
            reason=reason,
            actor=login.account.name,
            now=parts.clock.now(),
        )
    return see_other(request, f"/review/people/{name}")


@router.post("/items/{item_id}/gold")
def add_gold(request: Request, login: Adjudicator, item_id: str) -> Response:
    """Make a finished item a check item."""
    parts = parts_of(request)
    with parts.sessions() as session:
        mark_gold(session, item_id, login.account.name, parts.clock.now())
    return see_other(request, f"/review/items/{item_id}")


@router.get("/audit")
def audit_log(request: Request, _: AuditReader, subject: str = "") -> Response:
    parts = parts_of(request)
    with parts.sessions() as session:
        return page(
            "audit.html",
            request,
            entries=audit.latest_entries(session, 200, subject[:80] or None),
            subject=subject[:80],
            now=parts.clock.now(),
        )
