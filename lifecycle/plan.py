"""What a training run will cost on this machine: parameters, tokens, FLOPs, memory, time. Trains nothing."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from lifecycle.examples import TokenTree
from lifecycle.sft import batch_loss
from services.inference import lora
from services.inference.llama import Llama

TOKENS_PER_PARAMETER = 20
"""Hoffmann et al. 2022 (arXiv:2203.15556): training from scratch is compute-optimal near 20 tokens a parameter."""


@dataclass(frozen=True)
class Plan:
    """`flops` are of the whole run; `bytes_state` are weights, gradients and optimiser moments, without activations."""

    parameters: int
    trained: int
    tokens: int
    flops: float
    bytes_state: int
    tokens_per_second: float

    @property
    def seconds(self) -> float:
        return self.tokens / self.tokens_per_second

    @property
    def optimal_tokens(self) -> int:
        """Return how many tokens training all of it from scratch would want. Says nothing of fine-tuning."""
        return TOKENS_PER_PARAMETER * self.parameters


def flops_of(parameters: int, trained: int, tokens: int) -> float:
    """Return about `2N` FLOPs a token forward, `2N` for the inputs' gradients, `2` a trained weight for its own.

    For all weights trained this is the 6ND of Kaplan et al. 2020 (arXiv:2001.08361), attention's own left out.
    """
    return float(tokens) * (4 * parameters + 2 * trained)


def state_bytes(parameters: int, trained: int, bytes_per_weight: int, adapter: bool) -> int:
    """Return weights plus, for each trained weight, gradient and two AdamW moments (float32)."""
    extra = trained * 4 if adapter else 0
    return parameters * bytes_per_weight + extra + trained * 12


def make_plan(model: Llama, trees: Sequence[TokenTree], epochs: int, batch_worlds: int, rank: int) -> Plan:
    """Return the plan, its rate measured on one warm-up and two timed steps. Attaches an adapter to `model`."""
    factors = lora.parameters(model) or lora.attach(model, lora.LoraConfig(rank, 2.0 * rank))
    batches = [trees[i : i + batch_worlds] for i in range(0, 3 * batch_worlds, batch_worlds)]
    batches = [batch for batch in batches if batch] or [trees]
    spent, seen = 0.0, 0
    for number, batch in enumerate([batches[0], *batches]):
        started = time.perf_counter()
        batch_loss(model, batch).backward()  # type: ignore[no-untyped-call]
        if number:
            spent += time.perf_counter() - started
            seen += sum(map(len, batch))
    trained, parameters = sum(p.numel() for p in factors), model.config.parameter_count()
    tokens = epochs * sum(map(len, trees))
    width = torch.finfo(model.dtype).bits // 8
    return Plan(
        parameters,
        trained,
        tokens,
        flops_of(parameters, trained, tokens),
        state_bytes(parameters, trained, width, adapter=True),
        seen / spent,
    )
