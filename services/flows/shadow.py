"""Shadow mode: a candidate decides what the champion has decided, and nothing of it leaves the desk.

It runs after the return is settled, as a job of its own, so no customer waits for it. Tools are the caller's dry run:
none has an effect. Which returns are looked at, and by whom, the store says.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from services.domain.jobs import Lease, LeaseLost
from services.domain.releases import Release
from services.domain.trace import Trace
from services.domain.verify import VerifyOptions
from services.flows.pipeline import Pipeline, RunTool
from services.flows.triage import Failed
from services.ports import ClaimReader, Clock, Decider


class ShadowCase(NamedTuple):
    """A settled return, with the trace that decided it and the release that wants it looked at."""

    return_id: str
    trace_id: str
    trace: Trace
    release: Release


class Shadowed(NamedTuple):
    """What the candidate made of it: a trace, or why there is none."""

    trace: Trace | None
    error: str | None


class ShadowStore(Protocol):
    """What is read and written; each call is one short transaction, fenced by the lease."""

    def begin(self, leases: Sequence[Lease]) -> Mapping[str, ShadowCase]:
        """Return the cases by job id. Jobs that nobody wants looked at any more end here."""

    def settle(self, lease: Lease, case: ShadowCase, shadowed: Shadowed) -> None:
        """Store the second trace and how it differs, and end the job. Raises LeaseLost."""


class CandidateFailed(Exception):
    """The candidate raised instead of deciding; the message says what."""


@dataclass(frozen=True)
class Shadows:
    """`candidate` returns the checkpoint of a release at work; it and its decider raise CandidateFailed."""

    store: ShadowStore
    candidate: Callable[[Release], Decider]
    reader: ClaimReader
    run_tool: RunTool
    clock: Clock
    options: VerifyOptions = field(default_factory=VerifyOptions)

    def run(self, leases: Sequence[Lease]) -> dict[str, Failed]:
        """Let the candidate decide the returns of these jobs."""
        cases = self.store.begin(leases)
        for lease in leases:
            case = cases.get(lease.job_id)
            if case is None:
                continue
            try:
                self.store.settle(lease, case, self._decide(case))
            except LeaseLost:
                continue
        return {}

    def _decide(self, case: ShadowCase) -> Shadowed:
        try:
            pipeline = Pipeline(self.candidate(case.release), self.reader, self.options)
            return Shadowed(pipeline.run(case.trace.evidence, self.run_tool), None)
        except CandidateFailed as error:
            return Shadowed(None, str(error))
