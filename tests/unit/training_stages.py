"""The stages on tiny models, each with one set of arguments: run whole, cut, in one process or (as a module) in two."""

import sys
from pathlib import Path

import torch

from lifecycle import distributed
from lifecycle.dpo import DPOSettings, train_dpo
from lifecycle.pretrain import PretrainSettings, train_pretrain
from lifecycle.rlvr import RLVRSettings, train_rlvr
from lifecycle.shortcuts import Limits
from services.adapters.dry_run import DryRunTools
from services.inference.checkpoint import read_card
from tests.unit.preference_trees import reward_trees
from tests.unit.reward_world import reward_checkpoint, reward_worlds

STAGES = ("dpo", "pretrain", "rlvr")
TEXT = "Damaged goods go back. Thank you for your message. We have read it under P-7. " * 30


def train(stage: str, root: Path, run: str) -> Path:
    """Train one stage under `root`; the run's folder is `root/run`."""
    torch.set_num_threads(1)
    places = [root / "checkpoints"]
    base = read_card(reward_checkpoint(places[0])).digest
    if stage == "dpo":
        chosen = DPOSettings(base, "d", max_steps=4, batch_pairs=4, rate=1e-2, warmup=1, rank=2, save_every=1)
        return train_dpo(chosen, reward_trees(), root / run, places, run)
    if stage == "pretrain":
        fresh = PretrainSettings(base, "d", steps=4, batch=4, context=16, width=32, warmup=1, save_every=1)
        return train_pretrain(fresh, TEXT, root / run, places, run)
    drawn = RLVRSettings(
        base, "d", steps=2, batch_cases=2, group=4, rate=1e-2, warmup=1, rank=2, save_every=1, probe_cases=4,
        replies=False, limits=Limits(*[1.0] * 7),
    )  # fmt: skip
    return train_rlvr(drawn, reward_worlds(), reward_worlds(), DryRunTools(), root / run, places, run)


if __name__ == "__main__":
    distributed.join()
    for one in STAGES:
        train(one, Path(sys.argv[1]), f"{one}-two")
    distributed.leave()
