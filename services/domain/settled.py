"""Where a return comes to rest. Getting it there is a flow's job, keeping it the store's."""

from typing import NamedTuple

from services.domain.trace import Route, Trace


class Settled(NamedTuple):
    """The outcome of triage. `trace` is None where no checkpoint ran; `detail` is for the reviewer."""

    trace: Trace | None
    route: Route
    detail: str = ""
