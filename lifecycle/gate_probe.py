"""A checkpoint loaded for judging: its deciders, and what only the weights can tell (speed, memory, log-probabilities).

Candidate and champion are probed in turn on the same cases, so that a busy machine slows both alike.
"""

import math
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from lifecycle.dpo import CHOSEN, answer_log_probs
from lifecycle.examples import TokenTree
from lifecycle.gate_measures import Probe
from lifecycle.preferences import PreferencePair, pair_tree, seed_pairs
from lifecycle.progress import Progress
from lifecycle.seed.build import seed_worlds
from services.domain.evidence import Evidence
from services.inference.checkpoint import Loaded, load_checkpoint
from services.inference.decider import EngineDecider
from services.inference.engine import Engine, EngineOptions
from services.inference.footprint import footprint

ROUNDS = 3
REQUEST_TOKENS = 300
PROBE_WORLDS, PROBE_SEED = 8, 20_261_199
"""Seed of the pairs on which good answers are weighed; no training set draws it."""


@dataclass(frozen=True)
class Bench:
    """One checkpoint under judgement. `warm` serves as production does; `cold` reads every prompt anew."""

    loaded: Loaded
    warm: EngineDecider
    cold: EngineDecider

    @property
    def digest(self) -> str:
        return self.loaded.card.digest


def open_bench(reference: str, roots: Sequence[Path]) -> Bench:
    """Load a checkpoint for judging. Raises CheckpointError."""
    loaded = load_checkpoint(reference, roots)
    name = f"{loaded.card.name}@{loaded.card.short}"

    def decider(options: EngineOptions) -> EngineDecider:
        engine = Engine(loaded.model, loaded.tokenizer.stop_id, options)
        return EngineDecider(name, loaded.tokenizer, engine.generate)

    return Bench(loaded, decider(EngineOptions()), decider(EngineOptions(prefix_bytes=0, keep_sessions=False)))


def probe(benches: Sequence[Bench], cases: Sequence[Evidence], pairs: Sequence[PreferencePair]) -> list[Probe]:
    """Return one probe a bench, all measured in turn on the same cases and pairs."""
    times = first_token_times([bench.cold for bench in benches], cases)
    probes = []
    for bench, own in zip(benches, times, strict=True):
        trees = [pair_tree(pair, bench.loaded.tokenizer) for pair in pairs]
        probes.append(
            Probe(percentile(own, 0.95), chosen_log_prob(bench.loaded, trees), memory_bytes(bench.loaded), machine())
        )
    return probes


def first_token_times(deciders: Sequence[EngineDecider], cases: Sequence[Evidence]) -> list[list[float]]:
    """Return a time in milliseconds a case for each decider: the best of some rounds, one request in flight.

    The best round is what the checkpoint takes; the others show what else ran on the machine.
    """
    best = [[math.inf] * len(cases) for _ in deciders]
    progress = Progress("first tokens", ROUNDS * len(cases))
    for round_ in range(ROUNDS):
        for place, case in enumerate(cases):
            order = range(len(deciders)) if round_ % 2 else reversed(range(len(deciders)))
            for which in order:
                (decided,) = deciders[which].decide([case])
                best[which][place] = min(best[which][place], decided.generation.ttft_ms)
            progress.step()
    return best


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` of the values do not exceed; 0 where there is none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


def known_pairs() -> list[PreferencePair]:
    """Return pairs whose good side every usable checkpoint finds likely; always the same ones."""
    return list(seed_pairs(seed_worlds(PROBE_WORLDS, PROBE_SEED, reply_share=0.5), PROBE_SEED))[:24]


def chosen_log_prob(loaded: Loaded, trees: Sequence[TokenTree]) -> float:
    """Return the mean log-probability a token of the chosen answers, in nats."""
    total, tokens = 0.0, 0
    with torch.inference_mode():
        for tree in trees:
            chosen, _ = answer_log_probs(loaded.model, [tree])
            total += chosen.item()
            tokens += sum(tree.rows[CHOSEN].trained[1:])
    return total / max(1, tokens)


def memory_bytes(loaded: Loaded) -> int:
    """Return weights as loaded, and cache and widest step of a full engine by formula."""
    options = EngineOptions()
    dtype = str(loaded.model.dtype).removeprefix("torch.")
    formula = footprint(loaded.model.config, dtype, REQUEST_TOKENS, options.step_tokens)
    counted = sum(weight.numel() * weight.element_size() for weight in loaded.model.parameters())
    return counted + options.max_running * formula.request_bytes + formula.step_bytes


def machine() -> dict[str, object]:
    """Return what the figures were measured on."""
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
