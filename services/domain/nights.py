"""A night of the model loop as rules: how it can stand, and how its stages can. What stages do is lifecycle's."""

from enum import StrEnum


class NightStatus(StrEnum):
    """`skipped`: too few new labels, so nothing was trained. `rehearsed`: a dry run, which moves no alias."""

    RUNNING = "running"
    SHIPPED = "shipped"
    BLOCKED = "blocked"
    SKIPPED = "skipped"
    REHEARSED = "rehearsed"
    FAILED = "failed"


class StageStatus(StrEnum):
    """`skipped`: not needed this night; the note says why."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


STAGES = ("snapshot", "sft", "dpo", "rlvr", "evaluate", "gate", "release")
"""The stages of a night, in order."""
