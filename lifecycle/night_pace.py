"""This machine's pace tonight, and what of the work fits the budget. Measured on a few examples; trains nothing."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from lifecycle.audit import supported
from lifecycle.examples import TokenTree, World, read_worlds, tree_of
from lifecycle.gate_probe import Bench
from lifecycle.night_judging import Trial, seconds_a_case
from lifecycle.night_plan import RESERVE_SHARE, Material, Steps, choose_steps, tokens_of
from lifecycle.night_support import tokenizer_of
from lifecycle.nightly import Book, Night
from lifecycle.preferences import PreferencePair, pair_tree, read_pairs, seed_pairs
from lifecycle.seed.build import seed_worlds
from lifecycle.sft import batch_loss
from lifecycle.snapshot import Snapshot
from lifecycle.suites import Suites, shares
from services.inference import lora
from services.inference.checkpoint import load_checkpoint
from services.inference.llama import Llama

PACE_WORLDS = 6
PACE_SHARE = 0.05
"""Of the budget, what measuring the pace may take beyond one example: a machine under load would measure for long."""
LESSON = Path(__file__).parent / "lesson"


def steps_for(night: Night, book: Book, made: Snapshot) -> Steps:
    kept = book.recall("steps")
    if kept is None:
        kept = book.remember("steps", choose_steps(night.plan, material(night, made))._asdict())
        for line in kept["left_out"]:
            book.say("snapshot", line)
    return Steps(**{**kept, "left_out": tuple(kept["left_out"])})


def material(night: Night, made: Snapshot) -> Material:
    """Measure this machine's pace on a few seed worlds, unless every number is given."""
    tokenizer = tokenizer_of(night)
    own = [tree_of(world, tokenizer) for world in made.worlds]
    pairs = [pair_tree(pair, tokenizer) for pair in made.pairs]
    plan = night.plan
    seeds: list[TokenTree] = []
    pace = 1.0
    if None in (plan.sft_steps, plan.dpo_steps if pairs else 0, plan.seed_worlds):
        seeds = [tree_of(world, tokenizer) for world in seed_worlds(PACE_WORLDS, plan.seed)]
        model = load_checkpoint(night.champion, night.roots, merged=False).model
        pace = tokens_per_second(model, seeds, plan.budget_minutes * 60 * PACE_SHARE)
    return Material(len(own), tokens_of(own), len(pairs), tokens_of(pairs), tokens_of(seeds) / max(1, len(seeds)), pace)


def tokens_per_second(model: Llama, trees: Sequence[TokenTree], most_seconds: float) -> float:
    """Return how many tokens a second this machine trains now, after a warm-up on the shortest example.

    Ends after `most_seconds`, with one timed example at least. Attaches an adapter where `model` has none.
    """
    if not lora.parameters(model):
        lora.attach(model, lora.LoraConfig())
    batch_loss(model, [min(trees, key=len)]).backward()  # type: ignore[no-untyped-call]
    began, tokens = time.perf_counter(), 0
    for tree in trees:
        batch_loss(model, [tree]).backward()  # type: ignore[no-untyped-call]
        tokens += len(tree)
        if time.perf_counter() - began >= most_seconds:
            break
    return tokens / (time.perf_counter() - began)


def affordable(night: Night, book: Book, trial: Trial, benches: Sequence[Bench], suites: Suites) -> Mapping[str, int]:
    if night.plan.cases is not None:
        return {name: min(night.plan.cases.get(name, 0), total) for name, total in suites.counts().items()}
    pace = seconds_a_case(trial, benches, suites)
    left = night.plan.budget_minutes * 60 * (1 - RESERVE_SHARE) - book.seconds_spent()
    affordable = int(left / (2 * pace)) if pace else 0
    return shares(suites.counts(), affordable, night.plan.fewest_cases)


def seed_worlds_for(count: int, seed: int) -> list[World]:
    """Return the lesson's worlds and `count` generated ones, their replies such as the verifier passes."""
    if not count:
        return []
    return [*read_worlds(LESSON / "sft.jsonl"), *supported(seed_worlds(count, seed))]


def seed_pairs_for(count: int, seed: int) -> list[PreferencePair]:
    """Return the lesson's pairs, and generated ones up to `count` in all."""
    if not count:
        return []
    lesson = list(read_pairs(LESSON / "pairs.jsonl"))[:count]
    worlds = seed_worlds(count, seed + 1, reply_share=0.8)
    return [*lesson, *list(seed_pairs(worlds, seed))[: count - len(lesson)]]
