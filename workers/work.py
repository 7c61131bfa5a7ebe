"""One poke from claim to end: take jobs, keep their leases alive, hand them to a handler, give back what failed.

What a job does is the handler's business; when it is tried again is the ledger's.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from datetime import timedelta
from types import TracebackType
from typing import Any, Protocol, Self

from celery.exceptions import SoftTimeLimitExceeded
from sqlalchemy.exc import OperationalError

from infra.identity import process_name
from infra.logs import bound, get_logger
from services.domain.jobs import JobKind, Lease, LeaseLost
from services.flows.triage import Failed
from services.store.job_ledger import JobLedger
from workers.app import guarded

log = get_logger(__name__)

ROOM_SECONDS = 0.1
"""How long a new job may wait to be noticed while others run and there is room: its poke meets a busy process."""

GIVE_BACK_TRIES = 8
CLAIM_TRIES = 6


class Handler(Protocol):
    """Does the work of some jobs; returns those to be tried again, by job id. Called from several threads at once."""

    def __call__(self, leases: Sequence[Lease]) -> Mapping[str, Failed]: ...


class Heartbeat:
    """Extends leases from a thread while the block runs. A database that does not answer is asked again next time."""

    def __init__(self, ledger: JobLedger, every: timedelta) -> None:
        self._ledger = ledger
        self._leases: list[Lease] = []
        self._every = every.total_seconds()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def keep(self, leases: Iterable[Lease]) -> None:
        """Extend these from now on, and no others."""
        self._leases = list(leases)

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
            leases = self._leases
            if not leases:
                continue
            try:
                self._ledger.extend(leases)
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

    Up to `batch` jobs are under way at once, each on a thread of its own: one that ends makes room for the next, and a
    late one joins those that run instead of waiting for them. More stay with the database, where their age shows.
    Draining means that a lost poke costs nothing while others arrive.
    """
    done, stop_at, prefer = 0, time.monotonic() + longest.total_seconds(), job_id
    running: dict[Future[None], Lease] = {}
    with Heartbeat(ledger, heartbeat) as pulse, _pool(kind, batch) as pool:
        try:
            while True:
                # A job that took a process down before runs alone: nobody else shall be under way when it does.
                open_ = (not done or time.monotonic() <= stop_at) and not any(one.crashes for one in running.values())
                leases = _claim(ledger, kind, prefer, batch - len(running)) if open_ else ()
                prefer = None
                pulse.keep([*running.values(), *leases])
                for lease in leases:
                    if lease.crashes:
                        wait(running)
                    running[pool.submit(_attempt, ledger, kind, handler, lease)] = lease
                done += len(leases)
                if not running:
                    return done
                look_again = open_ and not leases and len(running) < batch
                for future in wait(running, ROOM_SECONDS if look_again else None, FIRST_COMPLETED).done:
                    del running[future]
                    future.result()
        except SoftTimeLimitExceeded as error:
            # Whoever is stuck keeps its thread until the hard limit ends this process; its job goes to another.
            for lease in running.values():
                _give_back(ledger, lease, _failed(error))
            raise


def _pool(kind: JobKind, batch: int) -> Executor:
    """Return threads for several jobs at once; one at a time runs here, where a time limit can interrupt it."""
    return ThreadPoolExecutor(batch, thread_name_prefix=kind.value) if batch > 1 else _Here()


class _Here(Executor):
    """Runs what it is given at once, in the thread that gives it."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def _claim(ledger: JobLedger, kind: JobKind, prefer: str | None, limit: int) -> Sequence[Lease]:
    """Claim, waiting for a database that is away: the poke that brought us here may be the last for a while."""
    if limit == 0:
        return ()
    for attempt in range(CLAIM_TRIES):
        try:
            return ledger.claim(kind, process_name(), prefer=prefer, limit=limit)
        except OperationalError as error:
            log.warning("the database does not answer", error=str(error).splitlines()[0], attempt=attempt)
            time.sleep(min(0.25 * 2**attempt, 5))
    return ledger.claim(kind, process_name(), prefer=prefer, limit=limit)


def _attempt(ledger: JobLedger, kind: JobKind, handler: Handler, lease: Lease) -> None:
    """Run one job; give it back where it failed."""
    with bound(jobs=[lease.job_id]):
        started = time.monotonic()
        failures, error = guarded(lambda: handler([lease]))
        failed = (failures or {}).get(lease.job_id) if error is None else _failed(error)
        if failed is not None:
            _give_back(ledger, lease, failed)
        seconds = round(time.monotonic() - started, 3)
        log.info("job worked on", kind=kind.value, seconds=seconds, tried_again=failed is not None)


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
