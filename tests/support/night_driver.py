"""Runs a night again and again, each attempt in a process that kills itself with SIGKILL at one point, until one ends.

`python -m tests.support.night_driver DATABASE_URL VAR_DIR CHAMPION NIGHT POINT...` prints a line of JSON. A POINT is
`STAGE:WORD`, where WORD is what the night does there: `begin`, `progress` (its second step), `keep`, `promote`, `end`.
"""

import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from infra.database import engine_from
from services.store.sessions import sessions
from tests.support import night_world, tiny_desk
from workers import nightly_parts
from workers.nightly_parts import DeskBook, NightDesk


def main() -> None:
    url, var_dir, champion, night_id, *points = sys.argv[1:]
    tiny_desk.champion = night_world.champion = lambda: Path(champion)
    for module in ("lifecycle.night_stages", "lifecycle.night_verdict", "matplotlib.pyplot", "policies.rules"):
        importlib.import_module(module)  # Once here instead of once in every child.
    died = [_in_child(lambda point=point: _night(url, var_dir, night_id, point)) for point in points]
    last = _in_child(lambda: _night(url, var_dir, night_id, ""))
    print(json.dumps({"died": died, "last": last}))


def _in_child(work: Callable[[], None]) -> int:
    """Return the signal that ended the child, 0 where it ended well."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - the child must not go on as its parent
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _night(url: str, var_dir: str, night_id: str, point: str) -> None:
    stage, _, word = point.partition(":")

    def die_at(here: str, what: str) -> None:
        if (here, what) == (stage, word):
            os.kill(os.getpid(), signal.SIGKILL)

    settings = night_world.settings_for(url, Path(var_dir))
    desk = night_world.night_desk(settings, sessions(engine_from(settings)))
    nightly_parts.DeskBook = _book(die_at)
    plan = replace(night_world.PLAN, min_labels=0)
    mortal = _desk(desk, die_at)
    mortal.run(night_id, None, lambda *_: None, desk.first(night_id, night_world.NOW.date(), "test", plan))


def _book(die_at: Callable[[str, str], None]) -> type[DeskBook]:
    class Mortal(DeskBook):
        def begin(self, stage):
            super().begin(stage)
            die_at(stage, "begin")

        def progress(self, stage, done, total, note, curve):
            super().progress(stage, done, total, note, curve)
            if done >= 3:
                die_at(stage, "progress")

        def finish(self, stage, done):
            die_at(stage, "end")
            super().finish(stage, done)

    return Mortal


def _desk(desk: NightDesk, die_at: Callable[[str, str], None]) -> NightDesk:
    class Mortal(NightDesk):
        def night(self, stored, kept):
            made = super().night(stored, kept)
            return replace(
                made,
                keep_dataset=lambda written, signs: (die_at("snapshot", "keep"), made.keep_dataset(written, signs)),
                keep_checkpoint=lambda folder: (
                    die_at(folder.name.split("-")[-2], "keep"),
                    made.keep_checkpoint(folder),
                ),
                keep_report=lambda report: (made.keep_report(report), die_at("gate", "keep")),
            )

    return Mortal(desk.settings, desk.sessions, desk.clock, desk.releases, desk.suites)


if __name__ == "__main__":
    main()
