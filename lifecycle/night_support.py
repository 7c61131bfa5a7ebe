"""What the stages of a night share: their folders, what earlier stages left behind, who hears of their progress."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from lifecycle.night_plan import Steps
from lifecycle.nightly import Book, Night
from lifecycle.progress import listening
from lifecycle.runs import RunError
from services.inference.checkpoint import TOKENIZER, read_card, resolve
from services.inference.tokenizer import Tokenizer

REGRESSIONS, HOLDOUT_CASES = "regressions.jsonl", "holdout.jsonl"
CURVE_POINTS = 300


@contextmanager
def listen(night: Night, book: Book, stage: str) -> Iterator[None]:
    """Put the steps of whatever runs in the block on record, with the loss curve where the stage has one."""

    def heard(title: str, done: int, total: int, note: str) -> None:
        curve = partial(curve_of, run_folder(night, stage))
        book.progress(stage, done, total, f"{title}: {note}" if note else title, curve)

    with listening(heard):
        yield


def curve_of(run: Path) -> list[dict[str, Any]] | None:
    """Return a run's metrics thinned out to a few hundred points, None where it has none yet."""
    path = run / "metrics.jsonl"
    if not path.exists():
        return None
    rows = {row["step"]: row for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())}
    steps = sorted(rows)
    every = max(1, len(steps) // CURVE_POINTS)
    kept = {*steps[::every], *steps[-1:]}
    return [{name: rows[step][name] for name in rows[step] if name != "at"} for step in sorted(kept)]


def kept_rows(path: Path, make: Callable[[], Iterable[Mapping[str, Any]]]) -> list[Mapping[str, Any]]:
    """Return rows written by an earlier attempt, or make and write them: a resumed night judges with the same cases."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        work = path.with_suffix(".writing")
        work.write_text("".join(json.dumps(dict(row), default=str) + "\n" for row in make()), encoding="utf-8")
        work.replace(path)
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def dataset_of(book: Book) -> tuple[Path, str, Steps]:
    found = figures_of(book, "snapshot")
    return Path(found["folder"]), found["dataset"], Steps(**found["steps"])


def figures_of(book: Book, stage: str) -> Mapping[str, Any]:
    done = book.finished(stage)
    if done is None:
        raise RunError(f"stage {stage}: it is not finished; a night runs its stages in order")
    return done.figures


def checkpoint_after(book: Book, stage: str) -> str:
    return str(figures_of(book, stage)["checkpoint"])


def run_folder(night: Night, stage: str) -> Path:
    return night.folder / stage


def tokenizer_of(night: Night) -> Tokenizer:
    folder = resolve(night.champion, night.roots)
    card = read_card(folder)
    return Tokenizer((resolve(card.base_digest, night.roots) if card.base_digest else folder) / TOKENIZER)
