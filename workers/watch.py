"""Periodic looks at what was released and at what failed: rolls a bad canary back, and gives failures their owners.

The rules are pure (`domain.canary`, `domain.failures`); two of these at once do no harm.
"""

from infra.logs import get_logger
from infra.queue import TaskName
from services.domain.canary import CanaryRuling, CanaryVerdict, rule_on
from services.domain.releases import NotReleased, Release
from services.store.candidate_runs import arms
from services.store.releases import Signed, withdraw
from workers.app import task
from workers.failure_desk import FailureDesk
from workers.releasing import Releasing
from workers.wiring import Desk, desk

log = get_logger(__name__)

WHO = "canary watch"
_desks: list[FailureDesk] = []


@task(TaskName.WATCH_CANARY)
def watch_canary() -> bool:
    """Look once; say whether a canary was rolled back."""
    ruling = look_at_canary(desk())
    return ruling is not None and ruling.verdict is CanaryVerdict.ROLL_BACK


@task(TaskName.ROUTE_FAILURES)
def route_failures() -> int:
    """Give new failures their owners; return how many. This process remembers how far it came."""
    parts = desk()
    if not _desks:
        _desks.append(FailureDesk(parts.settings, parts.sessions, parts.clock))
    _desks[0].catalog = parts.policies.catalog
    return _desks[0].route()


def look_at_canary(parts: Desk) -> CanaryRuling | None:
    """Rule on the canary's live figures and withdraw it where they are surely worse. None where there is none."""
    shown = Releasing(parts.settings, parts.sessions, parts.clock).shown()
    release = shown.rollout.candidate
    if release is None or not release.share:
        return None
    with parts.sessions() as session:
        ours, theirs = arms(session, release, shown.champion.trace_id)
    ruling = rule_on(ours, theirs)
    if ruling.verdict is CanaryVerdict.ROLL_BACK:
        _roll_back(parts, release, ruling)
    return ruling


def _roll_back(parts: Desk, release: Release, ruling: CanaryRuling) -> None:
    figures = {one.name: {"champion": one.champion, "candidate": one.candidate} for one in ruling.measures}
    why = "; ".join(ruling.reasons)
    try:
        with parts.sessions() as session:
            withdraw(session, Signed(WHO, why, parts.clock.now()), figures, only=release.id)
    except NotReleased:
        return  # An operator, or another watch, was quicker.
    log.error("canary rolled back", checkpoint=release.checkpoint, why=why)
