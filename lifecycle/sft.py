"""Supervised fine-tuning: completion-only loss on the answers of the desk. One stage, told from top to bottom.

The same rendering and the same model code serve (services/inference). What the loss counts is the mask of the
rendering: what the model must choose, never what serving copies by grammar. The stop token is always counted.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from lifecycle import distributed
from lifecycle.examples import TokenTree
from lifecycle.progress import Progress
from lifecycle.runs import Run, RunError, batches_by_length, cosine_rate, set_rate
from services.inference import lora
from services.inference.checkpoint import Loaded, load_checkpoint, read_card, resolve, seal_adapter
from services.inference.llama import Llama


@dataclass(frozen=True)
class SFTSettings:
    """`rate` is the peak learning rate; `max_steps` of 0 means whole epochs; `save_every` counts steps."""

    base: str
    dataset_digest: str
    epochs: int = 1
    max_steps: int = 0
    batch_worlds: int = 3
    rate: float = 1e-3
    warmup: int = 20
    rank: int = 16
    alpha: float = 32.0
    clip: float = 1.0
    seed: int = 17
    save_every: int = 50


def sft_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean negative log-likelihood of `targets` `[K]` under `logits` `[K, vocab]`.

    Next-token cross entropy over the positions that the mask counts (Radford et al. 2018, section 3.1, equation 3,
    restricted to completions).
    """
    return F.cross_entropy(logits.float(), targets)


def batch_loss(model: Llama, trees: Sequence[TokenTree]) -> Tensor:
    """Return the loss of `trees` laid end to end, without padding; the head runs only where the loss looks."""
    rows = [row for tree in trees for row in tree.rows]
    parents: list[int | None] = []
    for tree in trees:
        start = len(parents)
        parents += [None if parent is None else parent + start for parent in tree.parents]
    ids = torch.tensor([token for row in rows for token in row.ids], device=model.device)
    hidden = model(ids, lengths=[len(row) for row in rows], parents=parents)
    # Position t predicts t + 1: the mask moves left inside each row, and a row's last position predicts nothing.
    shifted = [flag for row in rows for flag in (*row.trained[1:], False)]
    counted = torch.tensor(shifted, dtype=torch.bool, device=model.device)
    return sft_loss(model.head(hidden[counted]), ids.roll(-1)[counted])


def train_sft(  # noqa: PLR0913, PLR0917
    settings: SFTSettings,
    trees: Sequence[TokenTree],
    run_folder: Path,
    roots: Sequence[Path],
    name: str,
    extra: dict[str, Any] | None = None,
    end_at: int | None = None,
) -> Path:
    """Train an adapter on `trees` and seal it; return the checkpoint's folder.

    `end_at` seals what there is after that many of the planned steps; its card says so. Killed at any point, the next
    call with the same settings goes on from the last saved step and ends with the same weights (same seed, same
    machine). Raises RunError on an empty dataset or on a folder of another run.
    """
    if not trees:
        raise RunError("dataset: it holds no row; build or export one first (returns-desk data build)")
    run = Run(run_folder, {"stage": "sft", **asdict(settings)})
    torch.manual_seed(settings.seed)
    loaded = load_checkpoint(settings.base, roots, merged=False)
    model = loaded.model.train()
    fresh = lora.LoraConfig(settings.rank, settings.alpha)
    parameters = lora.parameters(model) or lora.attach(model, fresh, settings.seed)
    optimizer = torch.optim.AdamW(parameters, lr=settings.rate, betas=(0.9, 0.95), weight_decay=0.0)
    done = run.load_state(parameters, optimizer)
    plan = _plan(settings, trees)
    end = min(end_at or len(plan), len(plan))
    progress = Progress("sft", end, done)
    for step in range(done, end):
        started = time.perf_counter()
        batch = distributed.share([trees[index] for index in plan[step]])
        set_rate(optimizer, cosine_rate(step, len(plan), settings.rate, settings.warmup))
        loss = batch_loss(model, batch) if batch else torch.zeros((), requires_grad=True)
        loss.backward()  # type: ignore[no-untyped-call]
        distributed.sum_gradients(parameters, sum(sum(row.trained[1:]) for tree in batch for row in tree.rows))
        norm = torch.nn.utils.clip_grad_norm_(parameters, settings.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if not distributed.is_first():
            continue
        tokens = sum(map(len, batch))
        seconds = time.perf_counter() - started
        run.record(step=step + 1, loss=loss.item(), norm=float(norm), tokens=tokens, tokens_per_s=tokens / seconds)
        progress.step(f"loss {loss.item():.3f}  {tokens / seconds:.0f} tok/s")
        if (step + 1) % settings.save_every == 0 or step + 1 == end:
            run.save_state(step + 1, parameters, optimizer)
    if not distributed.is_first():
        return run_folder
    extra = {"steps": end, "planned": len(plan), "worlds": len(trees), **(extra or {})}
    return _seal(settings, run, loaded, roots, name, extra)


def _seal(  # noqa: PLR0913, PLR0917
    settings: SFTSettings, run: Run, loaded: Loaded, roots: Sequence[Path], name: str, extra: dict[str, Any]
) -> Path:
    run.plot("loss")
    details: dict[str, Any] = {"stage": "sft", "parent": settings.base, "dataset_digest": settings.dataset_digest}
    details |= {"settings": asdict(settings), **extra}
    details["loss_first_20"] = _mean([row["loss"] for row in run.metrics()[:20]])
    details["loss_last_20"] = _mean([row["loss"] for row in run.metrics()[-20:]])
    base = loaded.card if loaded.card.kind == "model" else read_card(resolve(loaded.card.base_digest or "", roots))
    return seal_adapter(loaded.model, roots[0], name, base, details)


def _plan(settings: SFTSettings, trees: Sequence[TokenTree]) -> list[list[int]]:
    """Return the tree indices of every step, decided before the first one, so that a resumed run meets the same."""
    lengths = [len(tree) for tree in trees]
    plan: list[list[int]] = []
    epoch = 0
    while epoch < settings.epochs or (settings.max_steps and len(plan) < settings.max_steps):
        plan += list(batches_by_length(lengths, settings.batch_worlds, settings.seed, epoch))
        epoch += 1
    return plan[: settings.max_steps] if settings.max_steps else plan


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(1, len(values))
