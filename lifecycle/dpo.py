"""Direct preference optimisation: the chosen answer more likely, the rejected one less, near a reference.

One stage, told from top to bottom. Pairs are made elsewhere (preferences, labels); rendering is theirs too.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from lifecycle import distributed
from lifecycle.examples import TokenTree
from lifecycle.progress import Progress
from lifecycle.runs import Run, RunError, batches_by_length, cosine_rate, set_rate
from services.inference import lora
from services.inference.checkpoint import Loaded, load_checkpoint, read_card, resolve, seal_adapter
from services.inference.llama import Llama

CHOSEN, REJECTED = 1, 2
"""Rows of a pair's tree: 0 is the shared prompt, which runs once for both."""


@dataclass(frozen=True)
class DPOSettings:
    """`collapse_nats`: the run stops when chosen answers lose more than this, per token, against the reference."""

    base: str
    dataset_digest: str
    epochs: int = 1
    max_steps: int = 0
    batch_pairs: int = 4
    beta: float = 0.1
    label_smoothing: float = 0.0
    rate: float = 1e-4
    warmup: int = 10
    rank: int = 16
    alpha: float = 32.0
    clip: float = 1.0
    seed: int = 17
    save_every: int = 25
    collapse_nats: float = 0.5
    collapse_window: int = 10


class DPOLoss(NamedTuple):
    """`loss` is the mean; `rewards_*` `[B]` are `beta * (policy - reference)`, without gradient."""

    loss: Tensor
    rewards_chosen: Tensor
    rewards_rejected: Tensor


def dpo_loss(  # noqa: PLR0913, PLR0917 - the equation has these terms
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    ref_chosen: Tensor,
    ref_rejected: Tensor,
    beta: float,
    label_smoothing: float = 0.0,
) -> DPOLoss:
    """Return the preference loss of summed log-probabilities, each `[B]`, in nats.

    Rafailov et al. 2023 (arXiv:2305.18290), equation 7. `label_smoothing` in [0, 0.5) is the chance that a label is
    flipped, weighed as in conservative DPO (Mitchell 2023). Raises ValueError outside that range.
    """
    if not 0 <= label_smoothing < 0.5:
        raise ValueError(f"label_smoothing is {label_smoothing}; give a share from 0 to below 0.5")
    chosen, rejected = beta * (policy_chosen - ref_chosen), beta * (policy_rejected - ref_rejected)
    margin = chosen - rejected
    losses = -F.logsigmoid(margin) * (1 - label_smoothing) - F.logsigmoid(-margin) * label_smoothing
    return DPOLoss(losses.mean(), chosen.detach(), rejected.detach())


def answer_log_probs(model: Llama, trees: Sequence[TokenTree]) -> tuple[Tensor, Tensor]:
    """Return the summed log-probabilities of the chosen and of the rejected answers, each `[B]`."""
    rows = [row for tree in trees for row in tree.rows]
    parents = [None if p is None else p + 3 * i for i, tree in enumerate(trees) for p in tree.parents]
    ids = torch.tensor([token for row in rows for token in row.ids], device=model.device)
    hidden = model(ids, lengths=[len(row) for row in rows], parents=parents)
    flags = [flag for row in rows for flag in (*row.trained[1:], False)]
    counted = torch.tensor(flags, dtype=torch.bool, device=model.device)
    owners = torch.tensor([i for i, row in enumerate(rows) for _ in row.ids], device=model.device)[counted]
    logits = model.head(hidden[counted]).float()
    each = -F.cross_entropy(logits, ids.roll(-1)[counted], reduction="none")
    sums = torch.zeros(len(rows), device=model.device).index_add(0, owners, each).view(-1, 3)
    return sums[:, CHOSEN], sums[:, REJECTED]


def train_dpo(  # noqa: PLR0913, PLR0917
    settings: DPOSettings,
    trees: Sequence[TokenTree],
    run_folder: Path,
    roots: Sequence[Path],
    name: str,
    details: dict[str, Any] | None = None,
) -> Path:
    """Train an adapter on pairs and seal it; return its folder. Resumes as `train_sft` does.

    Raises RunError on an empty dataset, another run's folder, and when the chosen answers collapse.
    """
    if not trees:
        raise RunError("dataset: it holds no pair; build some first (returns-desk data pairs)")
    run = Run(run_folder, {"stage": "dpo", **asdict(settings)})
    torch.manual_seed(settings.seed)
    loaded = load_checkpoint(settings.base, roots, merged=False)
    model = loaded.model
    parameters = lora.parameters(model) or lora.attach(
        model, lora.LoraConfig(settings.rank, settings.alpha), settings.seed
    )
    reference = _reference(run, model, trees)  # before load_state: the model still is what the run started from
    optimizer = torch.optim.AdamW(parameters, lr=settings.rate, betas=(0.9, 0.95), weight_decay=0.0)
    done = run.load_state(parameters, optimizer)
    model.train()
    plan = _plan(settings, trees)
    progress = Progress("dpo", len(plan), done)
    for step in range(done, len(plan)):
        started = time.perf_counter()
        indices = distributed.share(plan[step])
        batch = [trees[index] for index in indices]
        set_rate(optimizer, cosine_rate(step, len(plan), settings.rate, settings.warmup))
        row = _learn(model, batch, reference[list(indices)], settings) if batch else {}
        distributed.sum_gradients(parameters, len(batch))
        torch.nn.utils.clip_grad_norm_(parameters, settings.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if not distributed.is_first():
            continue
        run.record(step=step + 1, seconds=time.perf_counter() - started, **row)
        progress.step(f"loss {row['loss']:.3f}  prefers {row['prefers']:.2f}  chosen {row['chosen_change']:+.3f}")
        if (step + 1) % settings.save_every == 0 or step + 1 == len(plan):
            run.save_state(step + 1, parameters, optimizer)
        _refuse_collapse(run, settings)
    if not distributed.is_first():
        return run_folder
    return _seal(settings, run, loaded, roots, name, {"pairs": len(trees), **(details or {})})


def _learn(model: Llama, batch: Sequence[TokenTree], reference: Tensor, settings: DPOSettings) -> dict[str, float]:
    """Add the gradients of a batch, `reference` `[B, 2]` beside it; return the figures of the step."""
    chosen, rejected = answer_log_probs(model, batch)
    ref_chosen, ref_rejected = reference.to(chosen.device).unbind(1)
    result = dpo_loss(chosen, rejected, ref_chosen, ref_rejected, settings.beta, settings.label_smoothing)
    result.loss.backward()  # type: ignore[no-untyped-call]
    return _figures(batch, chosen.detach(), rejected.detach(), ref_chosen, result)


def _seal(  # noqa: PLR0913, PLR0917
    settings: DPOSettings, run: Run, loaded: Loaded, roots: Sequence[Path], name: str, extra: dict[str, Any]
) -> Path:
    run.plot("loss", "prefers", "chosen_change")
    card: dict[str, Any] = {"stage": "dpo", "parent": settings.base, "dataset_digest": settings.dataset_digest}
    card |= {"settings": asdict(settings), **extra}
    last = run.metrics()[-20:]
    card |= {f"{key}_last_20": sum(r[key] for r in last) / len(last) for key in ("loss", "prefers", "chosen_change")}
    base = loaded.card if loaded.card.kind == "model" else read_card(resolve(loaded.card.base_digest or "", roots))
    return seal_adapter(loaded.model, roots[0], name, base, card)


def _reference(run: Run, model: Llama, trees: Sequence[TokenTree]) -> Tensor:
    """Return the reference log-probabilities `[pairs, 2]`, computed once a run and kept in its folder."""
    path = run.folder / "reference.safetensors"
    if path.exists():
        try:
            return load_file(path)["log_probs"]
        except SafetensorError as error:
            raise RunError(f"{path}: is damaged ({error}); remove it, and it is computed again") from error
    mine = distributed.share(range(len(trees)))
    progress = Progress("reference", len(mine))
    values = torch.zeros(len(trees), 2, device=model.device)
    with torch.no_grad():
        for index in mine:
            values[index] = torch.cat(answer_log_probs(model, [trees[index]]))
            progress.step()
    values = distributed.sum_over_all(values).cpu()
    if distributed.is_first():
        work = path.with_suffix(".writing")
        save_file({"log_probs": values}, work)
        work.replace(path)
    return values


def _figures(
    batch: Sequence[TokenTree], chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, result: DPOLoss
) -> dict[str, float]:
    tokens = torch.tensor([sum(tree.rows[CHOSEN].trained) for tree in batch], device=chosen.device)
    return {
        "loss": result.loss.item(),
        "chosen": chosen.mean().item(),
        "rejected": rejected.mean().item(),
        "chosen_change": ((chosen - ref_chosen) / tokens).mean().item(),
        "prefers": (result.rewards_chosen > result.rewards_rejected).float().mean().item(),
    }


def _refuse_collapse(run: Run, settings: DPOSettings) -> None:
    recent = run.metrics()[-settings.collapse_window :]
    if len(recent) < settings.collapse_window:
        return
    change = sum(row["chosen_change"] for row in recent) / len(recent)
    if change < -settings.collapse_nats:
        raise RunError(
            f"the chosen answers collapse: {change:.2f} nats a token against the reference (limit "
            f"-{settings.collapse_nats}); lower --rate or raise --beta, in another --run folder"
        )


def _plan(settings: DPOSettings, trees: Sequence[TokenTree]) -> list[list[int]]:
    plan: list[list[int]] = []
    epoch = 0
    while epoch < settings.epochs or (settings.max_steps and len(plan) < settings.max_steps):
        plan += list(batches_by_length([len(t) for t in trees], settings.batch_pairs, settings.seed, epoch))
        epoch += 1
    return plan[: settings.max_steps] if settings.max_steps else plan
