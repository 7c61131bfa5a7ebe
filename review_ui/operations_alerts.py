"""Alerts at `/ops/alerts`: what rings, what rang, who was told, and who has taken it on."""

from fastapi import APIRouter, Request, Response

from review_ui.access import Form, text_of
from review_ui.operating import Operating, Operator
from review_ui.pages import PageRoute, page, see_other
from review_ui.parts import parts_of
from services.domain.review import Conflict
from services.store.alerts import acknowledge, limits_of, notices_of, open_alerts, past_alerts

router = APIRouter(prefix="/ops/alerts", route_class=PageRoute, include_in_schema=False)


@router.get("")
def alerts(request: Request, _: Operator) -> Response:
    """Show the episodes that go on, and those that are over."""
    parts = parts_of(request)
    settings = parts.settings
    with parts.sessions() as session:
        standing, over = open_alerts(session), past_alerts(session)
        return page(
            "ops_alerts.html",
            request,
            standing=standing,
            over=over,
            notices=notices_of(session, [one.id for one in (*standing, *over)]),
            limits=limits_of(settings),
            told=bool(settings.alert_webhook_url or settings.alert_mail_to),
            now=parts.clock.now(),
        )


@router.post("/{alert_id}/acknowledge")
def take_on(request: Request, login: Operating, alert_id: str, form: Form) -> Response:
    """Note that this operator knows of it. The alert goes on until its condition is over."""
    parts = parts_of(request)
    with parts.sessions() as session:
        if not acknowledge(session, alert_id, login.account.name, text_of(form, "note", 300), parts.clock.now()):
            raise Conflict("Someone acknowledged this alert before, or it does not exist: load the page again.")
    return see_other(request, "/ops/alerts")
