"""What a night does within its budget: how many steps, how many seed examples, how many cases. Trains nothing.

The choice is made once and remembered, so that a night that was killed goes on with the very same numbers.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, Self

from lifecycle.examples import TokenTree

TRAINING_SHARE = 0.5
"""Of the budget, what training may take; judging gets the rest, less a reserve for loading and sealing."""
RESERVE_SHARE = 0.1
PREFERENCE_SHARE = 0.3
SEED_WORLDS_AT_MOST = 600
SEED_PAIRS_AT_LEAST = 8


@dataclass(frozen=True)
class NightPlan:
    """Settings of one night. Numbers left None are chosen from the budget and this machine's pace."""

    budget_minutes: float = 60.0
    seed: int = 17
    min_labels: int = 20
    holdout_share: float = 0.1
    chosen_by: Mapping[str, Any] = field(default_factory=dict)
    """The store's rules for labels: undo window, most per reviewer, two people. For the record."""
    labels_per_reviewer: int = 200
    memory_mib: int = 2048
    release: bool = True
    sft_rate: float = 2e-4
    dpo_rate: float = 5e-5
    batch_worlds: int = 3
    batch_pairs: int = 4
    save_every: int = 10
    seed_worlds: int | None = None
    seed_pairs: int | None = None
    sft_steps: int | None = None
    dpo_steps: int | None = None
    rlvr_steps: int = 0
    cases: Mapping[str, int] | None = None
    fewest_cases: Mapping[str, int] = field(
        default_factory=lambda: {"must_pass": 40, "injection": 25, "regression": 40}
    )
    probe_cases: int = 16

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """Read back a stored plan; what else stands beside it is left alone."""
        return cls(**{name: stored[name] for name in cls.__dataclass_fields__ if name in stored})

    def as_stored(self) -> dict[str, Any]:
        return asdict(self)


class Steps(NamedTuple):
    """How much is trained. 0 steps of a stage mean that it is left out."""

    seed_worlds: int
    seed_pairs: int
    sft_steps: int
    dpo_steps: int
    left_out: tuple[str, ...]


class Material(NamedTuple):
    """What there is to train on, in tokens: labels' own rows, and what a seed world and a pair take on average."""

    demonstrations: int
    demonstration_tokens: int
    pairs: int
    pair_tokens: int
    seed_world_tokens: float
    tokens_per_second: float


def choose_steps(plan: NightPlan, has: Material) -> Steps:
    """Return the steps that fit. Labels come first; seed examples fill what is left, up to a limit."""
    seconds = plan.budget_minutes * 60 * TRAINING_SHARE
    # Preference training also reads every pair once for the reference, which costs a third of a step.
    dpo_seconds = seconds * PREFERENCE_SHARE if has.pairs else 0.0
    sft_tokens = (seconds - dpo_seconds) * has.tokens_per_second
    dpo_tokens = dpo_seconds * has.tokens_per_second / 1.4
    left_out: list[str] = []
    seed_worlds = plan.seed_worlds
    if seed_worlds is None:
        room = (sft_tokens - has.demonstration_tokens) / max(1.0, has.seed_world_tokens)
        seed_worlds = max(0, min(SEED_WORLDS_AT_MOST, math.floor(room)))
        if seed_worlds < SEED_WORLDS_AT_MOST:
            left_out.append(f"{SEED_WORLDS_AT_MOST - seed_worlds} of {SEED_WORLDS_AT_MOST} seed worlds did not fit")
    whole = math.ceil((has.demonstrations + seed_worlds) / plan.batch_worlds)
    sft_steps = plan.sft_steps
    if sft_steps is None:
        tokens = has.demonstration_tokens + seed_worlds * has.seed_world_tokens
        sft_steps = min(whole, max(1, math.floor(whole * sft_tokens / max(1.0, tokens)))) if whole else 0
        if sft_steps < whole:
            left_out.append(f"{whole - sft_steps} of {whole} fine-tuning steps did not fit")
    seed_pairs, dpo_steps = _pairs(plan, has, dpo_tokens, left_out)
    return Steps(seed_worlds, seed_pairs, sft_steps, dpo_steps, tuple(left_out))


def _pairs(plan: NightPlan, has: Material, tokens: float, left_out: list[str]) -> tuple[int, int]:
    """Return how many seed pairs stand beside the labels' own, and how many preference steps fit."""
    if not has.pairs:
        return 0, 0
    seed_pairs = plan.seed_pairs if plan.seed_pairs is not None else max(SEED_PAIRS_AT_LEAST, has.pairs)
    whole = math.ceil((has.pairs + seed_pairs) / plan.batch_pairs)
    if plan.dpo_steps is not None:
        return seed_pairs, plan.dpo_steps
    each = has.pair_tokens / has.pairs
    steps = min(whole, max(1, math.floor(tokens / max(1.0, each * plan.batch_pairs))))
    if steps < whole:
        left_out.append(f"{whole - steps} of {whole} preference steps did not fit")
    return seed_pairs, steps


def tokens_of(trees: Sequence[TokenTree]) -> int:
    return sum(map(len, trees))
