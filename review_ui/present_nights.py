"""Prepares nights and gate reports as plain values: progress, time left, loss curves, checks side by side. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from review_ui import words
from review_ui.present_operations import Cell, Chart, Row, Tile, written
from services.domain.gate import Check
from services.domain.nights import StageStatus
from services.store.nightly import Night, NightStage, StoredReport

MOST_POINTS = 120
CURVES: Mapping[str, str] = {"loss": "number", "prefers": "share", "chosen_change": "number", "reward": "number"}
"""What of a curve is drawn, and its unit; each stands in a chart of its own, since their scales differ."""


class StageShown(NamedTuple):
    """One stage on the page. `share` is 0 to 100; `spent` and `left` are lengths of time, None where not known."""

    name: str
    title: str
    status: str
    share: int
    progress: str
    note: str
    spent: timedelta | None
    left: timedelta | None
    attempts: int


class TimeLeft(NamedTuple):
    """How long a night still takes; `whole` tells whether later stages are in it, as an earlier night took."""

    span: timedelta
    whole: bool


class CheckCell(NamedTuple):
    """One check in one report; `text` is a dash where the report has no such check."""

    text: str
    limit: str
    champion: str
    why: str
    state: str


class CheckRow(NamedTuple):
    title: str
    group: str
    cells: Sequence[CheckCell]
    differs: bool


def shown(stages: Sequence[NightStage], now: datetime) -> Sequence[StageShown]:
    return [_stage(stage, now) for stage in stages]


def _stage(stage: NightStage, now: datetime) -> StageShown:
    running = stage.status is StageStatus.RUNNING
    spent = timedelta(seconds=stage.seconds) if stage.seconds else None
    if running and spent is None and stage.started_at is not None:
        spent = now - stage.started_at
    return StageShown(
        name=stage.name,
        title=words.say("stage_of_night", stage.name),
        status=stage.status.value,
        share=round(stage.share * 100),
        progress=f"{stage.done:,} of {stage.total:,}" if stage.total > 1 else "",
        note=stage.note,
        spent=spent,
        left=timedelta(seconds=stage.seconds_left) if stage.seconds_left is not None else None,
        attempts=stage.attempts,
    )


def night_tile(newest: Night | None, stages: Sequence[NightStage]) -> Tile:
    """Return the tile of the newest night: its running stage, or how it ended."""
    if newest is None:
        return Tile("Night", "\N{EN DASH}", "none has run yet")
    address = f"/ops/nights/{newest.id}"
    running = next((stage for stage in stages if stage.status is StageStatus.RUNNING), None)
    if running is not None:
        number = f"{words.say('stage_of_night', running.name)} {round(running.share * 100)} %"
        return Tile("Night", number, f"{newest.id} runs", "", address)
    state = {"shipped": "good", "blocked": "bad", "failed": "bad"}.get(newest.status.value, "")
    return Tile("Night", words.say("night", newest.status.value), newest.id, state, address)


def time_left(stages: Sequence[NightStage], earlier: Sequence[NightStage]) -> TimeLeft | None:
    """Return what a running night still needs: its stage by its own pace, later ones as an earlier night took.

    None where the stage has no pace yet; without an earlier night it is the running stage's alone.
    """
    took = {stage.name: stage.seconds for stage in earlier if stage.status is StageStatus.DONE}
    known_names = {*took, *(stage.name for stage in earlier if stage.status is StageStatus.SKIPPED)}
    seconds, known = 0.0, False
    for stage in stages:
        if stage.status is StageStatus.RUNNING:
            if stage.seconds_left is None:
                return None
            seconds, known = seconds + stage.seconds_left, True
        elif stage.status is StageStatus.WAITING:
            seconds += took.get(stage.name, 0.0)
    waiting = {stage.name for stage in stages if stage.status is StageStatus.WAITING}
    return TimeLeft(timedelta(seconds=seconds), whole=waiting <= known_names) if known else None


def plan_rows(plan: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    """Return the plan as (name, value) in words; what was chosen that night stands after what was set."""
    chosen = plan.get("chosen") or {}
    steps = {name: value for name, value in (chosen.get("steps") or {}).items() if name != "left_out"}
    made = {**{name: value for name, value in chosen.items() if name != "steps"}, **steps}
    rows = [(name, _in_words(made.get(name, value))) for name, value in sorted(plan.items()) if name != "chosen"]
    return [*rows, *((name, _in_words(value)) for name, value in sorted(made.items()) if name not in plan)]


def _in_words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name.replace('_', ' ')} {_in_words(one)}" for name, one in sorted(value.items()))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "not chosen yet" if value is None else str(value)


def curves(stages: Sequence[NightStage]) -> Sequence[Chart]:
    """Return a chart for each measure of each stage that has a curve."""
    return [
        _curve(stage, measure, unit)
        for stage in stages
        if stage.curve
        for measure, unit in CURVES.items()
        if any(point.get(measure) is not None for point in stage.curve)
    ]


def _curve(stage: NightStage, measure: str, unit: str) -> Chart:
    every = max(1, len(stage.curve) // MOST_POINTS)
    points = [*stage.curve[:-1:every], stage.curve[-1]]
    rows = [Row(None, float(point["step"]), [Cell(*written(point.get(measure), unit))]) for point in points]
    title = f"{words.say('stage_of_night', stage.name)}: {words.say('curve', measure)}"
    return Chart(
        key=f"{stage.name}-{measure}",
        title=title,
        explains="by step",
        kind="lines",
        unit=unit,
        names=[(measure, words.say("curve_unit", measure))],
        rows=list(reversed(rows)),
        latest=rows[-1].cells[0].text,
        empty=False,
    )


def side_by_side(reports: Sequence[StoredReport]) -> Sequence[CheckRow]:
    """Return the checks of several reports, a row a check, in the order of the first report that has it."""
    order: dict[str, Check] = {}
    for stored in reports:
        for check in stored.report.checks:
            order.setdefault(check.name, check)
    rows = []
    for name, first in order.items():
        found = [next((c for c in stored.report.checks if c.name == name), None) for stored in reports]
        cells = [_cell(check) for check in found]
        rows.append(CheckRow(first.title, first.group, cells, len({cell.state for cell in cells}) > 1))
    return rows


def _cell(check: Check | None) -> CheckCell:
    if check is None:
        return CheckCell("\N{EN DASH}", "", "", "", "absent")
    limit = f"{words.say('comparison', check.comparison)} {measured(check.limit, check.unit)}"
    return CheckCell(
        measured(check.value, check.unit),
        limit,
        measured(check.champion, check.unit) if check.champion is not None else "",
        check.why,
        "passed" if check.passed else "failed",
    )


def measured(value: float | None, unit: str) -> str:
    """Return a check's value in its unit, in words where it was not measured."""
    if value is None:
        return "not measured"
    if unit == "share":
        return f"{value * 100:.1f} %"
    number = f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 100 else f"{value:,.3g}"
    return f"{number} {unit}"
