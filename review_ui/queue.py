"""The queue page: filters, saved views, counts, paging, and the one key that takes the next item."""

from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, Query, Request, Response

from review_ui.access import AnyWriter, Form, Labeller, Seer, offset_of, text_of
from review_ui.pages import PageRoute, page, see_other, wants_fragment
from review_ui.parts import ReviewParts, parts_of
from services.domain.review import Ability, Refused, may
from services.store import review_views
from services.store.accounts import LoggedIn
from services.store.review_leases import Taker
from services.store.review_queue import FACETS, QueueFilter, conditions, count_up_to, facet_counts, queue_page

router = APIRouter(prefix="/review", route_class=PageRoute, include_in_schema=False)

PAGE_ROWS = 40
STATES = ("open", "mine", "done")


def filter_of(values: dict[str, str]) -> QueueFilter:
    """Return the filter that a query string asks for; what it cannot mean is left out, as an old bookmark may hold."""
    hours = values.get("older_than_hours", "")
    return QueueFilter(
        state=values.get("state") if values.get("state") in STATES else "open",  # type: ignore[arg-type]
        **{name: values.get(name) or None for name in (*FACETS, "reviewer")},
        older_than_hours=int(hours) if hours.isdigit() and len(hours) < 6 else None,
        text=(values.get("text") or "").strip()[:200] or None,
    )


def _asked(request: Request) -> QueueFilter:
    return filter_of(dict(request.query_params))


Asked = Annotated[QueueFilter, Depends(_asked)]


@router.get("")
def queue(  # noqa: PLR0913, PLR0917 - the page's query parameters
    request: Request,
    login: Seer,
    asked: Asked,
    after: Annotated[str | None, Query(max_length=80)] = None,
    said: str = "",
    label: str = "",
) -> Response:
    parts, now = parts_of(request), parts_of(request).clock.now()
    narrowed = conditions(asked, login.account.name, now)
    with parts.sessions() as session:
        found = queue_page(session, narrowed, done=asked.state == "done", after=after, limit=PAGE_ROWS)
        values: dict[str, Any] = {"page": found, "asked": asked, "filters": asked._asdict(), "now": now, "more": after}
        if not wants_fragment(request) or after is None:
            values["count"] = count_up_to(session, narrowed)
            values["facets"] = parts.cached_facets(lambda: facet_counts(session))
            values["views"] = review_views.views_of(session, login.account.name)
            values["day"] = review_views.day_of(session, login.account.name, now, offset_of(request))
    if wants_fragment(request):
        return page("_rows_more.html" if after else "_queue.html", request, **values)
    return page("queue.html", request, **values, done=_done(parts, label, said))


@router.post("/next")
def take_next(request: Request, login: Labeller, form: Form) -> Response:
    """Take the most urgent item of the filter the reviewer works in."""
    return go_on(request, login, text_of(form, "within", 1_000))


def go_on(request: Request, login: LoggedIn, within: str, label: str = "") -> Response:
    """Lease the next item and go there; to the queue where none is left. `within` is the filter as a query string."""
    parts = parts_of(request)
    asked = filter_of(dict(parse_qsl(within)))
    narrowed = conditions(asked._replace(state="open"), login.account.name, parts.clock.now()) if within else []
    try:
        hold = parts.records.next(
            taker_of(login), narrowed, daily_cap=login.account.daily_cap, gold_share=parts.settings.review_gold_share
        )
    except Refused as error:
        return see_other(request, "/review?" + _query_of(within, said=str(error), label=label))
    if hold is None:
        return see_other(request, "/review?" + _query_of(within, said="none", label=label))
    return see_other(request, f"/review/items/{hold.item_id}?" + _query_of("", within=within, label=label))


def taker_of(login: LoggedIn, *, force: bool = False) -> Taker:
    return Taker(login.account.name, adjudicates=may(login.account.role, Ability.ADJUDICATE), force=force)


@router.post("/views")
def save_view(request: Request, login: AnyWriter, form: Form) -> Response:
    parts, name, query = parts_of(request), text_of(form, "name", 60), text_of(form, "within", 1_000)
    if not name:
        raise Refused("give the view a name")
    with parts.sessions() as session:
        review_views.save_view(session, login.account.name, name, query, parts.clock.now())
    return see_other(request, f"/review?{query}")


@router.post("/views/{view_id}/delete")
def delete_view(request: Request, login: AnyWriter, view_id: str) -> Response:
    parts = parts_of(request)
    with parts.sessions() as session:
        review_views.delete_view(session, login.account.name, view_id)
    return see_other(request, "/review")


def _done(parts: ReviewParts, label: str, said: str) -> dict[str, Any] | None:
    """Return what the bar says after a label: what was done, and until when it can be undone."""
    if not label and not said:
        return None
    with parts.sessions() as session:
        found = (
            review_views.label_bar(session, label, parts.records.patience.undo, parts.clock.now()) if label else None
        )
    return {"label": found, "said": said[:300]}


done_bar = _done


def _query_of(within: str, /, **more: str) -> str:
    return urlencode([*parse_qsl(within), *((name, value) for name, value in more.items() if value)])
