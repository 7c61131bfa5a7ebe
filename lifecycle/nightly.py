"""A night of the model loop, told from top to bottom: labels become a candidate, the gate ships or blocks it.

Every stage is resumable: what it has finished stands in the book, and a stage that was killed goes on from its files.
Tables, aliases and the choice of labels are others' business and come in as `Night`'s parts.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from lifecycle.night_plan import NightPlan
from lifecycle.snapshot import ChosenLabel, Written
from lifecycle.suites import Case, RunCases, Suites
from services.domain.gate import GateReport
from services.domain.nights import NightStatus
from services.flows.pipeline import RunTool

Curve = Sequence[Mapping[str, Any]]
"""Points of a loss curve: `step`, and what was measured at it."""


class Done(NamedTuple):
    """What a stage leaves behind. `ending` ends the night here; `skipped` says that the stage was not needed."""

    figures: Mapping[str, Any]
    note: str
    skipped: bool = False
    ending: NightStatus | None = None


class Book(Protocol):
    """Where a night is put on record while it runs; each call is one short transaction, fenced by the night's lease."""

    def finished(self, stage: str) -> Done | None:
        """Return what a stage left behind that was finished before, None where it is still to do."""

    def begin(self, stage: str) -> None: ...

    def progress(self, stage: str, done: int, total: int, note: str, curve: Callable[[], Curve | None]) -> None:
        """Say how far a stage is; may leave out calls that come too fast, and then asks for no curve."""

    def say(self, stage: str, line: str) -> None: ...

    def finish(self, stage: str, done: Done) -> None: ...

    def fail(self, stage: str, why: str) -> None: ...

    def remember(self, name: str, value: Any) -> Any:
        """Keep a choice of this night unless one is kept already; return the one that counts."""

    def recall(self, name: str) -> Any:
        """Return a kept choice, None where there is none."""

    def seconds_spent(self) -> float:
        """Return how long the night's stages have run, over all attempts."""


@dataclass(frozen=True)
class Night:
    """One night and the world around it."""

    id: str
    plan: NightPlan
    folder: Path
    datasets: Path
    roots: Sequence[Path]
    champion: str
    """Digest of the checkpoint to improve on, fixed when the night began."""
    code: str
    labels: Callable[[], Iterable[ChosenLabel]]
    new_among: Callable[[Sequence[str]], int]
    """How many of these labels no earlier night has trained on."""
    gold: Callable[[], Mapping[str, tuple[int, int]]]
    """(right, answered) gold items by reviewer."""
    regressions: Callable[[], Sequence[Case]]
    suites: Callable[[Sequence[Path]], Suites]
    run_cases: RunCases
    run_tool: RunTool
    keep_dataset: Callable[[Written, Mapping[str, Any]], None]
    """Put a dataset and the signs in it on record."""
    keep_checkpoint: Callable[[Path], None]
    keep_report: Callable[[GateReport], None]
    promote: Callable[[str, str], str]
    """Move the champion to this digest, for this reason; return what to say of it."""
    now: Callable[[], datetime]


Stage = Callable[[Night, Book], Done]


def run_night(night: Night, book: Book) -> Done:
    """Run or go on with a night; return how it ended. Raises what a stage raises, after putting it on record."""
    from lifecycle import night_stages as stages  # noqa: PLC0415 - torch takes seconds to import
    from lifecycle import night_verdict as verdict  # noqa: PLC0415

    told: tuple[tuple[str, Stage], ...] = (
        ("snapshot", stages.take_snapshot),
        ("sft", stages.fine_tune),
        ("dpo", stages.prefer),
        ("rlvr", stages.reward),
        ("evaluate", verdict.evaluate_both),
        ("gate", verdict.pass_judgement),
        ("release", verdict.release),
    )
    last = Done({}, "nothing to do")
    for name, stage in told:
        last = book.finished(name) or _attempt(night, book, name, stage)
        if last.ending is not None:
            return last
    return last


def _attempt(night: Night, book: Book, name: str, stage: Stage) -> Done:
    from lifecycle.night_support import listen  # noqa: PLC0415

    book.begin(name)
    try:
        with listen(night, book, name):
            done = stage(night, book)
    except BaseException as error:
        said = str(error).splitlines()[0] if str(error) else "no message"
        book.fail(name, f"{type(error).__name__}: {said}")
        raise
    book.finish(name, done)
    return done
