"""Reinforcement learning from verifiable rewards: group-relative policy optimisation (GRPO). Told from top to bottom.

Answers are drawn by the engine that serves, grammar and all; the verifier and the case's truth reward them, term by
term; each answer is pushed by how much better it did than the others to the same case (Shao et al. 2024,
arXiv:2402.03300). Rewards are `rewards`, drawing is `rollouts`, what stops a run that cheats is `shortcuts`.
"""

import json
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lifecycle import distributed
from lifecycle.choices import chosen_log_probs
from lifecycle.examples import World
from lifecycle.progress import Progress
from lifecycle.rewards import RewardWeights, reward_terms, total
from lifecycle.rollouts import Episode, Sampler
from lifecycle.runs import Run, RunError, cosine_rate
from lifecycle.shortcuts import Held, Limits, habits, heldout_cases, rewards_of_shortcuts, taken, what_pays
from services.flows.pipeline import RunTool
from services.inference import lora
from services.inference.checkpoint import Loaded, load_checkpoint, read_card, resolve, seal_adapter
from services.inference.constrain import Grammars
from services.inference.llama import Llama


@dataclass(frozen=True)
class RLVRSettings:
    """`batch_cases` cases a step with `group` answers each; `updates` optimiser steps on each batch of answers.

    `beta` weighs the distance from the checkpoint that the run starts from; 0 leaves the reference out of memory.
    Every `probe_every` steps the held-out cases (`probe_cases`) are answered, to catch shortcuts. Without `replies`
    only decisions are drawn and trained.
    """

    base: str
    dataset_digest: str
    steps: int = 100
    batch_cases: int = 4
    group: int = 8
    updates: int = 1
    temperature: float = 1.0
    clip_ratio: float = 0.2
    beta: float = 0.02
    rate: float = 5e-5
    warmup: int = 5
    rank: int = 16
    alpha: float = 32.0
    clip: float = 1.0
    seed: int = 17
    save_every: int = 10
    probe_every: int = 10
    probe_cases: int = 32
    replies: bool = True
    weights: RewardWeights = field(default_factory=RewardWeights)
    limits: Limits = field(default_factory=Limits)


class GRPOLoss(NamedTuple):
    """`loss` is a scalar; `kl` (nats a token) and `clipped` (a share) are for the record, without gradient."""

    loss: Tensor
    kl: Tensor
    clipped: Tensor


def group_advantages(rewards: Tensor, epsilon: float = 1e-4) -> Tensor:
    """Return how much better each answer did than its group: `(r - mean) / (std + epsilon)`, `[G]` for `[G]`.

    Shao et al. 2024, section 4.1.2 (outcome supervision); the standard deviation is the sample's, as TRL has it. A
    group whose rewards are all equal teaches nothing: its advantages are 0.
    """
    return (rewards - rewards.mean()) / (rewards.std() + epsilon)


def grpo_loss(  # noqa: PLR0913, PLR0917 - the equation has these terms
    policy: Tensor,
    old: Tensor,
    reference: Tensor | None,
    advantages: Tensor,
    mask: Tensor,
    clip_ratio: float,
    beta: float,
) -> GRPOLoss:
    """Return the loss of `G` answers: log-probabilities `[G, T]` in nats, `advantages` `[G]`, `mask` `[G, T]`.

    Shao et al. 2024, equation 3, negated: the clipped surrogate of PPO (Schulman et al. 2017, equation 7) less `beta`
    times the distance from the reference, which equation 4 estimates as `r - log r - 1` with r = reference / policy.
    Averaged over an answer's tokens, then over answers; an answer without a choice counts as 0.
    """
    ratio = torch.exp(policy - old)
    gain = advantages[:, None]
    surrogate = torch.minimum(ratio * gain, ratio.clamp(1 - clip_ratio, 1 + clip_ratio) * gain)
    distance = torch.zeros_like(policy)
    if reference is not None:
        apart = reference - policy
        distance = torch.exp(apart) - apart - 1
    tokens = mask.sum(1).clamp(min=1)
    loss = (-(surrogate - beta * distance) * mask).sum(1).div(tokens).mean()
    outside = ((ratio < 1 - clip_ratio) & (gain < 0)) | ((ratio > 1 + clip_ratio) & (gain > 0))
    counted = mask.sum().clamp(min=1)
    return GRPOLoss(loss, (distance * mask).sum().detach() / counted, (outside & mask).sum() / counted)


def train_rlvr(  # noqa: PLR0913, PLR0917
    settings: RLVRSettings,
    worlds: Sequence[World],
    heldout: Sequence[World],
    run_tool: RunTool,
    run_folder: Path,
    roots: Sequence[Path],
    name: str,
    extra: dict[str, Any] | None = None,
) -> Path:
    """Train an adapter on rewards and seal it; return its folder. Resumes as `train_sft` does.

    Raises RunError on an empty dataset, another run's folder, a reward that a shortcut earns, and a model that has
    begun to take one.
    """
    cases = [Held(world.evidence(case), case) for world in worlds for case in world.cases]
    cases = list({one.evidence.digest: one for one in cases}.values())
    held = heldout_cases(heldout, settings.probe_cases)
    if not cases or not held:
        raise RunError("dataset: it holds no case to train on or none held out; build some (returns-desk data build)")
    run = Run(run_folder, {"stage": "rlvr", **asdict(settings)})
    earned = rewards_of_shortcuts(held, settings.weights, run_tool)
    if line := what_pays(earned):
        raise RunError(line)
    torch.manual_seed(settings.seed)
    loaded, reference = _load(settings, roots)
    model, parameters = loaded.model, lora.parameters(loaded.model)
    sampler = Sampler(model, loaded.tokenizer, run_tool, Grammars(loaded.tokenizer), settings.replies)
    start = _habits_at_start(run, sampler, held)  # before load_state: the model still is what the run started from
    optimizer = torch.optim.AdamW(parameters, lr=settings.rate, betas=(0.9, 0.95), weight_decay=0.0)
    done = run.load_state(parameters, optimizer)
    progress = Progress("rlvr", settings.steps, done)
    for step in range(done, settings.steps):
        began = time.perf_counter()
        batch = distributed.share([cases[index] for index in _draw(len(cases), settings, step)])
        for group in optimizer.param_groups:
            group["lr"] = cosine_rate(step, settings.steps, settings.rate, settings.warmup)
        row = _step(settings, model, reference, sampler, batch, optimizer, step)
        if not distributed.is_first():
            continue
        run.record(step=step + 1, seconds=time.perf_counter() - began, **row)
        progress.step("  ".join(f"{n} {row[n]:+.2f}" for n in ("reward", "outcome", "wrong_approval", "verdict", "kl")))
        if (step + 1) % settings.save_every == 0 or step + 1 == settings.steps:
            run.save_state(step + 1, parameters, optimizer)
        if (step + 1) % settings.probe_every == 0 or step + 1 == settings.steps:
            _probe(run, sampler, held, start, settings, step + 1)
    if not distributed.is_first():
        return run_folder
    return _seal(settings, run, loaded, roots, name, {"cases": len(cases), "shortcuts_earn": earned, **(extra or {})})


def _load(settings: RLVRSettings, roots: Sequence[Path]) -> tuple[Loaded, Llama | None]:
    """Return the checkpoint with an adapter to train, and the same once more to stay near to (where `beta` asks)."""
    loaded = load_checkpoint(settings.base, roots, merged=False)
    if not lora.parameters(loaded.model):
        lora.attach(loaded.model, lora.LoraConfig(settings.rank, settings.alpha), settings.seed)
    return loaded, load_checkpoint(settings.base, roots, merged=False).model if settings.beta else None


def _step(  # noqa: PLR0913, PLR0917
    settings: RLVRSettings,
    model: Llama,
    reference: Llama | None,
    sampler: Sampler,
    batch: Sequence[Held],
    optimizer: torch.optim.Optimizer,
    step: int,
) -> dict[str, float]:
    """Draw answers, reward them, and take `updates` optimiser steps on them; return the figures."""
    seed = settings.seed * 1_000_003 + step
    evidence = [one.evidence for one in batch]
    groups = sampler.groups(evidence, settings.group, settings.temperature, seed) if batch else []
    terms = [[reward_terms(one.case, e.trace) for e in g] for one, g in zip(batch, groups, strict=True)]
    rewards = [torch.tensor([total(one, settings.weights) for one in group]) for group in terms]
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    fixed = [_fixed(settings, model, reference, group) for group in groups]
    figures: list[GRPOLoss] = []
    for _ in range(settings.updates):
        for group, earned, (old, known) in zip(groups, rewards, fixed, strict=True):
            if not any(episode.chosen for episode in group):
                continue  # The prompt is too long for the model: nobody chose anything.
            policy, mask = chosen_log_probs(model, group, settings.temperature)
            gain = group_advantages(earned).to(policy.device)
            result = grpo_loss(policy, old, known, gain, mask, settings.clip_ratio, settings.beta)
            (result.loss / len(groups)).backward()  # type: ignore[no-untyped-call]
            figures.append(result._replace(loss=result.loss.detach()))
        distributed.sum_gradients(parameters, len(groups))
        torch.nn.utils.clip_grad_norm_(parameters, settings.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return _figures(terms, rewards, groups, figures) if groups else {}


def _fixed(
    settings: RLVRSettings, model: Llama, reference: Llama | None, group: Sequence[Episode]
) -> tuple[Tensor, Tensor | None]:
    """Return the log-probabilities of the answers as they were drawn, and those of the reference."""
    with torch.no_grad():
        old, _ = chosen_log_probs(model, group, settings.temperature)
        known = chosen_log_probs(reference, group, settings.temperature)[0] if reference is not None else None
    return old, known


def _figures(
    terms: Sequence[Sequence[Mapping[str, float]]],
    rewards: Sequence[Tensor],
    groups: Sequence[Sequence[Episode]],
    results: Sequence[GRPOLoss],
) -> dict[str, float]:
    each = [one for group in terms for one in group]
    row = {name: sum(one[name] for one in each) / len(each) for name in each[0]}
    chosen = [episode.chosen for group in groups for episode in group]
    return row | {
        "reward": torch.cat(list(rewards)).mean().item(),
        "flat_groups": sum(bool(one.max() == one.min()) for one in rewards) / len(rewards),
        "loss": sum(r.loss.item() for r in results) / max(1, len(results)),
        "kl": sum(r.kl.item() for r in results) / max(1, len(results)),
        "clipped": sum(r.clipped.item() for r in results) / max(1, len(results)),
        "choices": sum(chosen) / len(chosen),
    }


def _draw(cases: int, settings: RLVRSettings, step: int) -> list[int]:
    """Return the cases of a step; seed and step alone decide, so that a resumed run meets the same."""
    return random.Random(settings.seed * 1_000_003 + step).sample(range(cases), min(cases, settings.batch_cases))


def _habits_at_start(run: Run, sampler: Sampler, held: Sequence[Held]) -> dict[str, float]:
    """Return the model's habits before the first step; measured once a run and kept in its folder."""
    path = run.folder / "habits.json"
    if not path.exists():
        found = habits(held, sampler.greedy([one.evidence for one in held]))
        if distributed.is_first():
            work = path.with_suffix(".writing")
            work.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
            work.replace(path)
        return found
    stored: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
    return stored


def _probe(  # noqa: PLR0913, PLR0917
    run: Run, sampler: Sampler, held: Sequence[Held], start: Mapping[str, float], settings: RLVRSettings, step: int
) -> None:
    """Answer the held-out cases, write the model's habits down, and stop the run where one has become a shortcut."""
    traces = sampler.greedy([one.evidence for one in held])
    found = habits(held, traces)
    rewards = [total(reward_terms(one.case, t), settings.weights) for one, t in zip(held, traces, strict=True)]
    row = {"step": step, "heldout_reward": sum(rewards) / len(rewards), **found}
    with (run.folder / "habits.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    if line := taken(found, start, settings.limits):
        raise RunError(line)


def _seal(  # noqa: PLR0913, PLR0917
    settings: RLVRSettings, run: Run, loaded: Loaded, roots: Sequence[Path], name: str, extra: dict[str, Any]
) -> Path:
    terms = list(asdict(settings.weights))
    run.plot("reward", *terms)
    rows = run.metrics()
    card: dict[str, Any] = {"stage": "rlvr", "parent": settings.base, "dataset_digest": settings.dataset_digest}
    card |= {"settings": asdict(settings), **extra}
    for title, part in (("first_20", rows[:20]), ("last_20", rows[-20:])):
        card |= {f"{key}_{title}": sum(r[key] for r in part) / len(part) for key in ("reward", *terms)}
    base = loaded.card if loaded.card.kind == "model" else read_card(resolve(loaded.card.base_digest or "", roots))
    return seal_adapter(loaded.model, roots[0], name, base, card)
