"""Releases at `/ops/releases`: what answers customers, the candidate beside it, and the forms that move the aliases.

Every move asks for a reason and a confirmation, and stands in the history under the operator's name.
"""

from typing import Any

from fastapi import APIRouter, Request, Response

from review_ui.access import Form, text_of
from review_ui.operating import Operating, Operator, operations_of
from review_ui.pages import PageRoute, page, see_other
from review_ui.parts import parts_of
from services.domain.canary import rule_on
from services.domain.releases import GateSaid, NotReleased, Release, ReleaseKind, rollback_target
from services.domain.review import Ability, Refused, may
from services.store import nightly, releases
from services.store.accounts import LoggedIn
from services.store.candidate_runs import arms, candidate_runs, shadow_counts

router = APIRouter(prefix="/ops/releases", route_class=PageRoute, include_in_schema=False)
LISTED = 60
OFFERED = 20
WHERE = "/ops/releases"


@router.get("")
def show_releases(request: Request, login: Operator) -> Response:
    return _page(request, login)


def _page(request: Request, login: LoggedIn, *, problem: str = "", why: str = "") -> Response:
    parts = parts_of(request)
    champion = operations_of(request).moves.champion()
    with parts.sessions() as session:
        moves, rollout = releases.history(session, LISTED), releases.rollout(session)
        offered = [one for one in nightly.checkpoints(session, OFFERED) if one.digest != champion.digest]
        beside = rollout.candidate
        canary = beside is not None and beside.kind is ReleaseKind.CANARY
        return page(
            "ops_releases.html",
            request,
            409 if problem else 200,
            champion=champion,
            rollout=rollout,
            moves=moves,
            offered=_best_first([(one, releases.gate_said(session, one.digest)) for one in offered]),
            ruling=rule_on(*arms(session, beside, champion.trace_id)) if beside and canary else None,
            shadow=shadow_counts(session, beside.id) if beside and beside.shadow_share else None,
            differing=candidate_runs(session, beside.id, limit=20) if beside else (),
            back=_target(moves),
            overrides=may(login.account.role, Ability.MANAGE_ACCOUNTS),
            problem=problem,
            why=why,
            now=parts.clock.now(),
        )


@router.post("/{move}")
def move_alias(request: Request, login: Operating, move: str, form: Form) -> Response:
    """Move an alias as the form says. What cannot be released is said on the page, and the reason typed is kept."""
    verb = _VERBS.get(move)
    if verb is None:
        raise Refused(f"there is no move {move[:20]!r}")
    why = text_of(form, "why", 500)
    if text_of(form, "confirm", 3) != "yes":
        return _page(request, login, problem="Nothing was moved: tick the box to confirm.", why=why)
    if text_of(form, "override", 3) == "yes" and not may(login.account.role, Ability.MANAGE_ACCOUNTS):
        raise Refused("only an administrator releases against the gate")
    try:
        verb(operations_of(request).moves, login.account.name, why, form)
    except NotReleased as error:
        return _page(request, login, problem=f"Nothing was moved: {error}", why=why)
    return see_other(request, WHERE)


def _promote(moves: Any, who: str, why: str, form: Any) -> None:
    moves.promote(text_of(form, "checkpoint", 100), who, why, override_gate=text_of(form, "override", 3) == "yes")


def _rollback(moves: Any, who: str, why: str, _form: Any) -> None:
    moves.rollback(who, why)


def _try_out(moves: Any, who: str, why: str, form: Any) -> None:
    share = text_of(form, "share", 5)
    try:
        percent = float(share)
    except ValueError as error:
        raise NotReleased(f"the share {share!r} is no number of percent") from error
    verb = moves.canary if text_of(form, "mode", 6) == "canary" else moves.shadow
    verb(text_of(form, "checkpoint", 100), percent / 100, who, why)


def _withdraw(moves: Any, who: str, why: str, _form: Any) -> None:
    moves.withdraw(who, why)


_VERBS = {"promote": _promote, "rollback": _rollback, "try": _try_out, "withdraw": _withdraw}


def _best_first(offered: list[tuple[nightly.Checkpoint, GateSaid | None]]) -> list[Any]:
    """Put what the gate lets go before the rest, so that the first choice in a hurry is a safe one."""
    return sorted(offered, key=lambda pair: pair[1] is None or pair[1].verdict != "ship")


def _target(moves: list[Release]) -> str | None:
    """Return what a rollback would lead to, None where there is nothing to go back to."""
    try:
        return rollback_target(moves).trace_id
    except NotReleased:
        return None
