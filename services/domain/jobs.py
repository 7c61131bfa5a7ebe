"""Jobs: what a worker holds while it works, and how long patience lasts. Keeping them is the store's business."""

from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple


class JobKind(StrEnum):
    """`triage` decides a return; `nightly` retrains, gates and releases; its subject is the day.

    `sample` draws a second answer for a review item, so that a reviewer can compare. `shadow` lets a candidate decide
    a return that the champion has decided; nothing of it leaves.
    """

    TRIAGE = "triage"
    NIGHTLY = "nightly"
    SAMPLE = "sample"
    SHADOW = "shadow"


class Lease(NamedTuple):
    """The right to work on a job for a while. `token` goes into every write, so a worker that lost it changes nothing.

    `attempt` counts starts, this one included; `crashes` those that ended without a word.
    """

    job_id: str
    kind: JobKind
    subject_id: str
    token: str
    attempt: int
    crashes: int


class LeaseLost(Exception):
    """Another worker holds the job, or it has ended; whatever was about to be written must not be."""


class Patience(NamedTuple):
    """When to try again, and when to stop and call a person.

    `attempts` bounds unexpected errors, `outage_attempts` waits for a system that is down, `crashes` the starts that
    took their worker with them. Delays double from `backoff` up to `longest`.
    """

    attempts: int = 3
    outage_attempts: int = 9
    crashes: int = 3
    backoff: timedelta = timedelta(seconds=5)
    longest: timedelta = timedelta(minutes=5)

    def delay(self, failures: int) -> timedelta:
        """Return how long to wait after the given number of failures (1 is the first)."""
        doublings = max(0, min(failures, 20) - 1)
        return min(self.backoff * (1 << doublings), self.longest)
