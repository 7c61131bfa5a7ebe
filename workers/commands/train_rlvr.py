"""`returns-desk train rlvr`: learning from rewards that verifier and cases' truth give. The loop is lifecycle's."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workers.commands.output import bad_input
from workers.commands.train import (
    Base,
    Data,
    Name,
    Rate,
    RunFolder,
    Seed,
    base_of,
    code_version,
    digest,
    existing,
    one_line,
)

if TYPE_CHECKING:
    from lifecycle.rewards import RewardWeights


def rlvr(
    data: Data,
    run: RunFolder,
    name: Name,
    base: Base = None,
    heldout: Annotated[
        Path | None, typer.Option(help="Worlds that catch shortcuts; built from the held-out banks where omitted.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Batches of answers.", min=1)] = 100,
    batch_cases: Annotated[int, typer.Option(help="Cases a step.", min=1)] = 4,
    group: Annotated[int, typer.Option(help="Answers to each case.", min=2)] = 8,
    updates: Annotated[int, typer.Option(help="Optimiser steps on each batch of answers.", min=1)] = 1,
    temperature: Annotated[float, typer.Option(help="At which answers are drawn.", min=0.05)] = 1.0,
    beta: Annotated[float, typer.Option(help="How near the start to stay; 0 saves its memory.", min=0)] = 0.02,
    decisions_only: Annotated[bool, typer.Option("--decisions-only", help="Draw no replies.")] = False,
    weight: Annotated[list[str] | None, typer.Option(help="Another weight of a term, such as clause=0.5.")] = None,
    rate: Rate = 5e-5,
    rank: Annotated[int, typer.Option(help="Rank of a fresh adapter.", min=1)] = 16,
    save_every: Annotated[int, typer.Option(help="Steps between saved states.", min=1)] = 10,
    probe_every: Annotated[int, typer.Option(help="Steps between looks for shortcuts.", min=1)] = 10,
    probe_cases: Annotated[int, typer.Option(help="Held-out cases.", min=4)] = 32,
    seed: Seed = 17,
) -> None:
    """Learn from rewards that can be checked: the verifier and the cases' truth. Stops where a shortcut pays.

    Example: returns-desk train rlvr --data var/sft.jsonl --run var/runs/r --base my-adapter --name my-adapter-rl
    """
    with one_line():
        from lifecycle.examples import read_worlds  # noqa: PLC0415
        from lifecycle.rlvr import RLVRSettings, train_rlvr  # noqa: PLC0415
        from lifecycle.seed.build import seed_worlds  # noqa: PLC0415
        from services.adapters.dry_run import DryRunTools  # noqa: PLC0415

        reference, roots = base_of(base)
        worlds = list(read_worlds(existing(data)))
        built = seed_worlds(probe_cases, seed, "heldout", 1.0)
        held = list(read_worlds(existing(heldout, "--heldout")) if heldout else built)
        settings = RLVRSettings(
            base=reference, dataset_digest=digest(data), steps=steps, batch_cases=batch_cases, group=group,
            updates=updates, temperature=temperature, beta=beta, replies=not decisions_only,
            weights=_weights(weight or []), rate=rate, rank=rank, alpha=2.0 * rank, save_every=save_every,
            probe_every=probe_every, probe_cases=probe_cases, seed=seed,
        )  # fmt: skip
        extra = {"code_version": code_version()}
        print(train_rlvr(settings, worlds, held, DryRunTools(), run, roots, name, extra))


def _weights(stated: Sequence[str]) -> "RewardWeights":
    """Return the weights with those of `term=number` put in."""
    from lifecycle.rewards import RewardWeights  # noqa: PLC0415

    changed: dict[str, float] = {}
    for text in stated:
        term, _, number = text.partition("=")
        known = ", ".join(RewardWeights.__dataclass_fields__)
        if term not in RewardWeights.__dataclass_fields__:
            bad_input(f"--weight: no term {term!r}; one of {known}")
        try:
            changed[term] = float(number)
        except ValueError:
            bad_input(f"--weight: {text!r} holds no number; write it as clause=0.5")
    return RewardWeights(**changed)
