"""Data-parallel training under `torchrun`: every process takes its share of a batch, gradients are summed over all.

Without torchrun every function here does nothing. Only the first process writes files.
"""

import os
from collections.abc import Sequence
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import nn

Row = TypeVar("Row")


def join() -> None:
    """Join the processes that torchrun started, if it did: gloo on CPU, nccl on GPUs."""
    if "RANK" in os.environ and not dist.is_initialized():
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")


def leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()


def is_first() -> bool:
    return not dist.is_initialized() or dist.get_rank() == 0


def share(batch: Sequence[Row]) -> Sequence[Row]:
    """Return this process's rows of a batch: all of them where there is one process, none where rows run out."""
    if not dist.is_initialized():
        return batch
    return batch[dist.get_rank() :: dist.get_world_size()]


def sum_over_all(values: torch.Tensor) -> torch.Tensor:
    """Return the sum of every process's `values`: how shares of a table, zero elsewhere, become the whole."""
    if dist.is_initialized():
        dist.all_reduce(values)
    return values


def sum_gradients(parameters: Sequence[nn.Parameter], counted: int) -> None:
    """Make every gradient that of the mean loss over the whole batch, from local means over `counted` tokens each."""
    if not dist.is_initialized():
        return
    grads = [torch.zeros_like(p) if p.grad is None else p.grad * counted for p in parameters]
    device = grads[0].device
    flat = torch.cat([*(g.flatten() for g in grads), torch.tensor([float(counted)], device=device)])
    dist.all_reduce(flat)
    flat = flat / flat[-1]
    start = 0
    for parameter in parameters:
        parameter.grad = flat[start : start + parameter.numel()].view_as(parameter).clone()
        start += parameter.numel()
