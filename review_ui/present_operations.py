"""Prepares the operators' figures as plain values: charts with their tables, tiles with their state. Reads no table."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from review_ui import words
from review_ui.present_time import ago, span
from services.store.desk_history import History
from services.store.desk_state import DeskState

MIB = 1024 * 1024
LATEST_SHOWN = 2


class Cell(NamedTuple):
    """A number for the chart and what the table says; the number is empty where nothing was measured."""

    value: str
    text: str


class Row(NamedTuple):
    """One place on the axis: a moment, or a step of training where that is None."""

    moment: datetime | None
    step: float
    cells: Sequence[Cell]


class Chart(NamedTuple):
    """A chart and its table in one. `kind` is lines, steps or stack; rows are newest first, as people read them."""

    key: str
    title: str
    explains: str
    kind: str
    unit: str
    names: Sequence[tuple[str, str]]
    rows: Sequence[Row]
    latest: str
    empty: bool


class Tile(NamedTuple):
    """One number at the top: `state` is good, warn, bad or nothing, and `detail` says in words what it means."""

    title: str
    number: str
    detail: str
    state: str = ""
    address: str = ""


class Limits(NamedTuple):
    """When a tile turns: the same limits that raise alerts."""

    review_age: timedelta
    queue_age: timedelta


def chart(key: str, kind: str, unit: str, history: History) -> Chart:
    title, explains = words.operations.CHARTS[key]
    columns = [one.values for one in history.series]
    rows = [
        Row(moment, 0, [Cell(*written(value, unit)) for value in values])
        for moment, *values in zip(history.moments, *columns, strict=True)
    ]
    newest = list(reversed(rows))
    names = [(one.name, words.say("series", one.name)) for one in history.series]
    latest = ""
    if not history.empty and newest:
        latest = ", ".join(
            f"{cell.text} {name}" if len(names) > 1 else cell.text
            for (_, name), cell in list(zip(names, newest[0].cells, strict=True))[:LATEST_SHOWN]
            if cell.value
        )
    return Chart(key, title, explains, kind, unit, names, newest, latest, history.empty)


def written(value: float | None, unit: str) -> tuple[str, str]:
    """Return a number for the chart and the same for people, in its unit."""
    return _WRITTEN[unit](value) if value is not None else ("", "\N{EN DASH}")


_WRITTEN: Mapping[str, Callable[[float], tuple[str, str]]] = {
    "bytes": lambda value: (f"{value / MIB:.2f}", f"{value / MIB:,.0f} MiB"),
    "ms": lambda value: (f"{value:.1f}", f"{value:,.0f} ms" if value < 10_000 else f"{value / 1000:,.0f} s"),
    "s": lambda value: (f"{value:.3f}", f"{value:,.1f} s" if value < 120 else span(timedelta(seconds=value))),
    "share": lambda value: (f"{value:.4f}", f"{value * 100:.1f} %"),
    "number": lambda value: (f"{value:.5g}", f"{value:,.4g}"),
    "count": lambda value: (f"{value:g}", f"{value:,.0f}"),
}


def tiles(state: DeskState, limits: Limits, now: datetime) -> Sequence[Tile]:
    """Return what matters most, in the order in which an operator asks."""
    return [
        _waiting(
            "In the queue", state.jobs_ready, state.oldest_job_at, limits.queue_age, now, "no return waits for a worker"
        ),
        Tile(
            "Failed jobs",
            f"{state.jobs_failed:,}",
            "need a person" if state.jobs_failed else "none",
            "bad" if state.jobs_failed else "good",
            "#failed" if state.jobs_failed else "",
        ),
        _waiting(
            "Awaiting review", state.review_open, state.oldest_review_at, limits.review_age, now, "nothing waits"
        )._replace(address="/review"),
        Tile(
            "Closed by itself, 24 h",
            _share(state.closed_alone, state.decided),
            f"{state.closed_alone:,} of {state.decided:,} decisions",
        ),
        Tile("Blocked, 24 h", _share(state.blocked, state.decided), f"{state.blocked:,} by the verifier"),
        Tile(
            "First token, 24 h",
            f"{state.first_token_ms:,.0f} ms" if state.first_token_ms is not None else "\N{EN DASH}",
            "95 % were faster" if state.first_token_ms is not None else "no run yet",
            "bad" if (state.first_token_ms or 0) > 1000 else "",
        ),
        Tile(
            "People agreed, 24 h",
            _share(state.labels_agreed, state.labels),
            f"{state.labels_agreed:,} of {state.labels:,} answers",
        ),
    ]


def _waiting(  # noqa: PLR0913, PLR0917 - one tile's parts
    title: str, count: int, oldest: datetime | None, limit: timedelta, now: datetime, nothing: str
) -> Tile:
    if oldest is None:
        return Tile(title, f"{count:,}", nothing if not count else "none is due yet", "good")
    late = now - oldest > limit
    return Tile(title, f"{count:,}", f"oldest {ago(oldest, now)}", "bad" if late else "")


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}".replace("%", " %") if whole else "\N{EN DASH}"
