"""One poke from claim to end: take jobs, keep their leases alive, hand them to a handler, give back what failed.

What a job does is the handler's business; when it is tried again is the ledger's.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import TracebackType
from typing import Protocol, Self

from celery.exceptions import SoftTimeLimitExceeded
from sqlalchemy.exc import OperationalError

from infra.identity import process_name
from infra.logs import bound, get_logger
from services.domain.jobs import JobKind, Lease, LeaseLost
from services.flows.triage import Failed
from services.store.job_ledger import JobLedger
from workers.app import guarded

log = get_logger(__name__)

GIVE_BACK_TRIES = 8
CLAIM_TRIES = 6


class Handler(Protocol):
    """Does the work of a batch of jobs; returns those to be tried again, by job id."""

    def __call__(self, leases: Sequence[Lease]) -> Mapping[str, Failed]: ...


class Heartbeat:
    """Extends leases from a thread while the block runs. A database that does not answer is asked again next time."""

    def __init__(self, ledger: JobLedger, leases: Sequence[Lease], every: timedelta) -> None:
        self._ledger = ledger
        self._leases = list(leases)
        self._every = every.total_seconds()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(timeout=10)

    def _beat(self) -> None:
        while not self._stop.wait(self._every):
            try:
                self._ledger.extend(self._leases)
            except OperationalError:
                log.warning("no heartbeat: the database does not answer")


def work(  # noqa: PLR0913 - what, how much, and for how long
    ledger: JobLedger,
    kind: JobKind,
    handler: Handler,
    *,
    job_id: str | None,
    batch: int,
    heartbeat: timedelta,
    longest: timedelta = timedelta(seconds=60),
) -> int:
    """Work on the job and on whatever else is ready, until nothing is or `longest` has passed; return how many.

    Draining means that a lost poke costs nothing while others arrive.
    """
    done, stop_at, prefer = 0, time.monotonic() + longest.total_seconds(), job_id
    while leases := _claim(ledger, kind, prefer, batch):
        prefer = None
        with Heartbeat(ledger, leases, heartbeat), bound(jobs=[lease.job_id for lease in leases]):
            started = time.monotonic()
            _attempt(ledger, handler, leases)
            log.info("jobs worked on", kind=kind.value, count=len(leases), seconds=round(time.monotonic() - started, 3))
        done += len(leases)
        if time.monotonic() > stop_at:
            break
    return done


def _claim(ledger: JobLedger, kind: JobKind, prefer: str | None, batch: int) -> Sequence[Lease]:
    """Claim, waiting for a database that is away: the poke that brought us here may be the last for a while."""
    for attempt in range(CLAIM_TRIES):
        try:
            return ledger.claim(kind, process_name(), prefer=prefer, limit=batch)
        except OperationalError as error:
            log.warning("the database does not answer", error=str(error).splitlines()[0], attempt=attempt)
            time.sleep(min(0.25 * 2**attempt, 5))
    return ledger.claim(kind, process_name(), prefer=prefer, limit=batch)


def _attempt(ledger: JobLedger, handler: Handler, leases: Sequence[Lease]) -> None:
    """Run the batch; where it raised, run its jobs one by one, so that one bad case spoils only itself."""
    failures, error = guarded(lambda: handler(leases))
    if error is None:
        for lease in leases:
            failed = (failures or {}).get(lease.job_id)
            if failed is not None:
                _give_back(ledger, lease, failed)
        return
    # A batch that raised may have settled some of its jobs, and the others must be asked for again.
    left, _ = guarded(lambda: ledger.extend(leases))
    remaining = [lease for lease in leases if left is None or lease.job_id in left]
    if len(leases) == 1 or isinstance(error, SoftTimeLimitExceeded):
        for lease in remaining:
            _give_back(ledger, lease, _failed(error))
    else:
        for lease in remaining:
            _attempt(ledger, handler, [lease])


def _failed(error: Exception) -> Failed:
    said = str(error).splitlines()[0] if str(error) else "no message"
    return Failed(f"{type(error).__name__}: {said}", outage=isinstance(error, OperationalError))


def _give_back(ledger: JobLedger, lease: Lease, failed: Failed) -> None:
    """Hand the job back to the ledger; while the database is down, ask again until the lease would have run out."""
    log.warning("job failed", job_id=lease.job_id, attempt=lease.attempt, error=failed.error, outage=failed.outage)
    for attempt in range(GIVE_BACK_TRIES):
        try:
            ledger.retry(lease, failed.error, outage=failed.outage)
        except LeaseLost:
            return
        except OperationalError:
            time.sleep(min(0.25 * 2**attempt, 5))
        else:
            return
