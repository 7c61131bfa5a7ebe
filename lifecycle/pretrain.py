"""Next-token pre-training of all weights, from scratch or continued from a base, on plain text.

One stage, told from top to bottom. Reports token loss and perplexity on text that it never trains on.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from lifecycle import distributed
from lifecycle.progress import Progress
from lifecycle.runs import Run, RunError, cosine_rate, set_rate
from services.inference.checkpoint import load_checkpoint, save_model, seal
from services.inference.llama import Llama, LlamaConfig
from services.inference.tokenizer import Tokenizer
from services.inference.weights import random_model


@dataclass(frozen=True)
class PretrainSettings:
    """`base` gives tokenizer and, unless `scratch`, the weights. `heldout` is the share of the text's end kept back."""

    base: str
    dataset_digest: str
    scratch: bool = True
    steps: int = 200
    batch: int = 8
    context: int = 128
    rate: float = 3e-3
    warmup: int = 20
    width: int = 64
    layers: int = 2
    heldout: float = 0.1
    clip: float = 1.0
    seed: int = 17
    save_every: int = 50


def next_token_loss(model: Llama, ids: Tensor) -> Tensor:
    """Return the mean negative log-likelihood, in nats, of `ids` `[B, T]` (Radford et al. 2018, equation 1)."""
    logits = model.head(model(ids[:, :-1])).float()
    return F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())


def train_pretrain(  # noqa: PLR0913, PLR0917
    settings: PretrainSettings,
    text: str,
    run_folder: Path,
    roots: Sequence[Path],
    name: str,
    extra: dict[str, Any] | None = None,
) -> Path:
    """Train all weights on `text` and seal a model checkpoint. Resumes as `train_sft` does.

    Raises RunError where the text is too short for one window of training and one held out.
    """
    run = Run(run_folder, {"stage": "pretrain", **asdict(settings)})
    loaded = load_checkpoint(settings.base, roots, merged=True)
    tokens = torch.tensor(loaded.tokenizer.encode(text))
    cut = len(tokens) - max(settings.context + 1, int(settings.heldout * len(tokens)))
    if cut <= settings.context:
        raise RunError(f"dataset: {len(tokens)} tokens are too few for windows of {settings.context}; give more text")
    model = random_model(_shape(settings, loaded.tokenizer), settings.seed) if settings.scratch else loaded.model
    model = model.float().requires_grad_(True).train()
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=settings.rate, betas=(0.9, 0.95), weight_decay=0.1)
    done = run.load_state(parameters, optimizer)
    progress = Progress("pretrain", settings.steps, done)
    for step in range(done, settings.steps):
        set_rate(optimizer, cosine_rate(step, settings.steps, settings.rate, settings.warmup))
        windows = _windows(tokens[:cut], settings, step)
        mine = windows[list(distributed.share(range(len(windows))))]
        loss = next_token_loss(model, mine) if len(mine) else torch.zeros((), requires_grad=True)
        loss.backward()  # type: ignore[no-untyped-call]
        distributed.sum_gradients(parameters, len(mine))
        torch.nn.utils.clip_grad_norm_(parameters, settings.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if not distributed.is_first():
            continue
        run.record(step=step + 1, loss=loss.item())
        progress.step(f"loss {loss.item():.3f}")
        if (step + 1) % settings.save_every == 0 or step + 1 == settings.steps:
            run.save_state(step + 1, parameters, optimizer)
    if not distributed.is_first():
        return run_folder
    run.plot("loss")
    held = heldout_loss(model, tokens[cut:], settings.context)
    parent = None if settings.scratch else settings.base
    details: dict[str, Any] = {"stage": "pretrain", "parent": parent, "settings": asdict(settings)}
    details |= {"heldout_loss": held, "heldout_perplexity": math.exp(min(held, 50.0)), **(extra or {})}
    tokenizer_json = loaded.tokenizer.json
    return seal(roots[0], name, "model", lambda folder: save_model(model, folder, tokenizer_json), details=details)


def heldout_loss(model: Llama, tokens: Tensor, context: int) -> float:
    """Return the mean loss, in nats a token, over `tokens` `[N]` in windows that do not overlap."""
    starts = range(0, len(tokens) - context, context)
    with torch.no_grad():
        losses = [next_token_loss(model, tokens[s : s + context + 1][None]).item() for s in starts]
    return sum(losses) / len(losses)


def _windows(tokens: Tensor, settings: PretrainSettings, step: int) -> Tensor:
    """Draw `[batch, context + 1]` windows that only seed and step decide, so that a resumed run meets the same."""
    generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
    starts = torch.randint(len(tokens) - settings.context, (settings.batch,), generator=generator)
    return torch.stack([tokens[s : s + settings.context + 1] for s in starts])


def _shape(settings: PretrainSettings, tokenizer: Tokenizer) -> LlamaConfig:
    heads = max(1, settings.width // 16)
    return LlamaConfig(
        tokenizer.vocab_size, settings.width, 3 * settings.width, settings.layers, heads, heads, 16,
        max_position_embeddings=max(2048, settings.context),
    )  # fmt: skip
