"""How likely a model holds the choices that were drawn: what a policy gradient differentiates. Draws nothing."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from lifecycle.rollouts import Episode, Turn
from services.inference.constrain import Ids
from services.inference.llama import Llama

NARROW = 64
"""Choices among at most so many tokens are computed together, from few rows of the head."""


class _Pick(NamedTuple):
    """`before`: the index, among all tokens laid end to end, of the one after which `token` was chosen."""

    before: int
    token: int
    options: Ids | None


def chosen_log_probs(model: Llama, group: Sequence[Episode], temperature: float) -> tuple[Tensor, Tensor]:
    """Return the log-probabilities of the choices, `[episodes, most choices]`, and the mask of those that exist.

    In nats, under the distribution they were drawn from: the allowed tokens only, logits over `temperature`. A prompt
    that several turns share, or that continues another, runs once.
    """
    rows, parents, picks = _rows([turn for episode in group for turn in episode.turns])
    ids = torch.tensor([token for row in rows for token in row], device=model.device)
    hidden = model(ids, lengths=[len(row) for row in rows], parents=parents)
    each = torch.zeros(len(picks), device=model.device)
    narrow = [i for i, pick in enumerate(picks) if pick.options is not None and len(pick.options) <= NARROW]
    wide = [i for i, pick in enumerate(picks) if pick.options is None or len(pick.options) > NARROW]
    for places, compute in ((narrow, _narrow), (wide, _wide)):
        if places:
            values = compute(model, hidden, [picks[i] for i in places], temperature)
            each = each.index_copy(0, torch.tensor(places, device=model.device), values)
    counts = torch.tensor([episode.chosen for episode in group], device=model.device)
    mask = torch.arange(int(counts.max()), device=model.device)[None] < counts[:, None]
    return torch.zeros(mask.shape, device=model.device).masked_scatter(mask, each), mask


def _rows(turns: Sequence[Turn]) -> tuple[list[tuple[int, ...]], list[int | None], list[_Pick]]:
    """Lay the turns out: each different prompt once, shorter ones first, since a longer one may go on from it."""
    rows: list[tuple[int, ...]] = []
    parents: list[int | None] = []
    ends: list[int] = []

    def add(row: tuple[int, ...], parent: int | None) -> int:
        rows.append(row)
        parents.append(parent)
        ends.append((ends[-1] if ends else 0) + len(row))
        return len(rows) - 1

    places: dict[tuple[int, ...], int] = {}
    for prompt in sorted({turn.prompt for turn in turns}, key=lambda p: (len(p), p)):
        before = next((known for known in reversed(places) if prompt[: len(known)] == known), None)
        places[prompt] = add(prompt[len(before or ()) :], None if before is None else places[before])
    picks: list[_Pick] = []
    for turn in turns:
        if not turn.answer:
            continue
        parent = places[turn.prompt]
        start = ends[-1]
        add(turn.answer, parent)
        for choice in turn.choices:
            # What comes first in a row is predicted by the end of the row it continues.
            last = start + choice.place - 1 if choice.place else ends[parent] - 1
            picks.append(_Pick(last, turn.answer[choice.place], choice.options))
    return rows, parents, picks


def _narrow(model: Llama, hidden: Tensor, picks: Sequence[_Pick], temperature: float) -> Tensor:
    widest = max(len(pick.options) for pick in picks if pick.options is not None)
    options = torch.zeros(len(picks), widest, dtype=torch.long)
    known = torch.zeros(len(picks), widest, dtype=torch.bool)
    taken = torch.zeros(len(picks), dtype=torch.long)
    for index, pick in enumerate(picks):
        if pick.options is not None:
            here = torch.from_numpy(pick.options)
            options[index, : len(here)] = here
            known[index, : len(here)] = True
            taken[index] = int((here == pick.token).nonzero()[0])
    device = hidden.device
    at = hidden[torch.tensor([pick.before for pick in picks], device=device)]
    weights = model.head_weight[options.to(device)]
    logits = torch.einsum("kmh,kh->km", weights, at).float() / temperature
    logs = torch.log_softmax(logits.masked_fill(~known.to(device), -torch.inf), -1)
    return logs.gather(1, taken.to(device)[:, None])[:, 0]


def _wide(model: Llama, hidden: Tensor, picks: Sequence[_Pick], temperature: float) -> Tensor:
    at = hidden[torch.tensor([pick.before for pick in picks], device=hidden.device)]
    logits = model.head(at).float() / temperature
    values = []
    for row, pick in zip(logits, picks, strict=True):
        among = row if pick.options is None else row[torch.from_numpy(pick.options).to(row.device)]
        values.append(row[pick.token] - among.logsumexp(0))
    return torch.stack(values)
