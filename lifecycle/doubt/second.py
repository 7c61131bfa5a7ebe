"""Trains the second opinion of the doubt: `python -m lifecycle.doubt.second [--folds 6]`, two minutes on one core.

A small network over the sentence encoder's vectors says how likely a sentence claims an effect, and which. Several are
trained from different beginnings and laid side by side as one. The same sentences give the same weights on the same
machine. With `--folds` it writes nothing and prints what both readers do on whole tables and banked sentences that
neither was trained on.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from torch import Tensor, nn
from torch.nn import functional

from lifecycle.doubt.sentences import Sentence, sentences
from lifecycle.doubt.train import TABLE_COUNTS, THRESHOLDS, train
from services.domain.reading.doubt import DoubtModel, Opinion, together
from services.inference.encoder import WIDTH, shared_encoder
from services.inference.second_opinion import EFFECTS, SCALE, WEIGHTS, opinions

HIDDEN, NETWORKS, ROUNDS, BATCH = 96, 3, 40, 128
PACE, DECAY, DROPPED, EFFECT_COUNTS = 6e-3, 1e-2, 0.3, 0.5


class Examples(NamedTuple):
    """`vectors` [n, 384]; `claims` [n] 0 or 1; `counts` [n] of mean 1; `effects` [n, effects] what it may mean."""

    vectors: Tensor
    claims: Tensor
    counts: Tensor
    effects: Tensor


def examples(data: Sequence[Sentence], vectors: NDArray[np.float32]) -> Examples:
    counts = torch.tensor([TABLE_COUNTS if s.source == "table" else 1.0 for s in data])
    return Examples(
        torch.tensor(vectors) * SCALE,
        torch.tensor([float(s.claims) for s in data]),
        counts / counts.mean(),
        torch.tensor([[float(effect in s.effects) for effect in EFFECTS] for s in data]),
    )


def fit(data: Examples, networks: int = NETWORKS, rounds: int = ROUNDS) -> dict[str, NDArray[np.float32]]:
    """Return the weights of the networks laid side by side, their outputs averaged."""
    with torch.random.fork_rng(devices=[]):
        trained = [_fit_one(data, seed, rounds) for seed in range(networks)]
    hidden, out = [one[0] for one in trained], [one[1] for one in trained]
    with torch.no_grad():
        joined = {
            "hidden.weight": torch.cat([one.weight for one in hidden]).T,
            "hidden.bias": torch.cat([one.bias for one in hidden]),
            "out.weight": torch.cat([one.weight for one in out], dim=1).T / networks,
            "out.bias": torch.stack([one.bias for one in out]).mean(0),
        }
    return {name: np.ascontiguousarray(value.numpy(), dtype=np.float32) for name, value in joined.items()}


def _fit_one(data: Examples, seed: int, rounds: int) -> tuple[nn.Linear, nn.Linear]:
    torch.manual_seed(seed)
    hidden, out = nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, 1 + len(EFFECTS))
    parameters = [*hidden.parameters(), *out.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=PACE, weight_decay=DECAY)
    steps = rounds * -(-len(data.claims) // BATCH)
    pace = torch.optim.lr_scheduler.OneCycleLR(optimizer, PACE, total_steps=steps)
    for _ in range(rounds):
        for rows in torch.split(torch.randperm(len(data.claims)), BATCH):
            optimizer.zero_grad()
            guessed = out(functional.dropout(functional.relu(hidden(data.vectors[rows])), DROPPED))
            torch.autograd.backward(_loss(guessed, Examples(*(part[rows] for part in data))))
            optimizer.step()
            pace.step()
    return hidden, out


def _loss(guessed: Tensor, batch: Examples) -> Tensor:
    """Return the loss of outputs [n, 1 + effects]: does it claim, and is it, where somebody said so, one of those."""
    wrong = functional.binary_cross_entropy_with_logits(guessed[:, 0], batch.claims, reduction="none")
    loss = (wrong * batch.counts).mean()
    said = batch.effects.sum(1) > 0
    if said.any():
        shares = functional.log_softmax(guessed[said][:, 1:], dim=1).exp()
        loss -= EFFECT_COUNTS * (shares * batch.effects[said]).sum(1).clamp_min(1e-9).log().mean()
    return loss


class Judged(NamedTuple):
    sentence: Sentence
    score: float
    opinion: Opinion


def judge_apart(data: Sequence[Sentence], count: int) -> list[Judged]:
    """Return both readers' judgement of each sentence, by models that saw neither it nor its table."""
    vectors = shared_encoder().embed([sentence.text for sentence in data])
    files = {name: i for i, name in enumerate(sorted({s.file for s in data}))}
    fold_of = [i % count if s.source == "bank" else files[s.file] % count for i, s in enumerate(data)]
    judged: list[Judged] = []
    for fold in range(count):
        seen = [i for i, own in enumerate(fold_of) if own != fold]
        held = [i for i, own in enumerate(fold_of) if own == fold]
        model = DoubtModel(*train([data[i] for i in seen]))
        weights = fit(examples([data[i] for i in seen], vectors[seen]))
        said = opinions(vectors[held], weights)
        judged.extend(Judged(data[i], model.score(data[i].passage), one) for i, one in zip(held, said, strict=True))
    return judged


def report(judged: Sequence[Judged]) -> str:
    """Return a table: of the sentences that the claim reader finds nothing in, those stopped and passed."""
    lines = [f"{'sentences':18}{'doubt from':>10}{'traits alone':>22}{'with the encoder':>22}"]
    for language in ("en", "de", "fr", "es", "it", "nl"):
        own = [j for j in judged if j.sentence.passage.code == language and not j.sentence.passage.drafts]
        lines.extend(
            f"{language:18}{threshold:>10}{_rates(own, threshold, False):>22}{_rates(own, threshold, True):>22}"
            for threshold in THRESHOLDS
        )
    return "\n".join(lines)


def _rates(judged: Sequence[Judged], threshold: float, both: bool) -> str:
    limit = float(np.log(threshold / (1 - threshold)))
    doubted = [(together(j.score, j.opinion) if both else j.score) >= limit for j in judged]
    stopped = [d for d, j in zip(doubted, judged, strict=True) if j.sentence.claims]
    passed = [not d for d, j in zip(doubted, judged, strict=True) if not j.sentence.claims]
    return f"{sum(stopped)}/{len(stopped)} {sum(passed)}/{len(passed)}"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="train the second opinion of the claim verifier")
    parser.add_argument("--folds", type=int, default=0, help="only measure, by so many folds over tables and banks")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    options = parser.parse_args(arguments)
    if options.folds == 1 or options.folds < 0:
        parser.error("--folds needs 2 or more")
    torch.set_num_threads(1)
    data = list(sentences())
    if options.folds:
        print(report(judge_apart(data, options.folds)))
        return 0
    vectors = shared_encoder().embed([sentence.text for sentence in data])
    weights = fit(examples(data, vectors))
    save_file(weights, options.out)
    print(f"{len(data)} sentences, {sum(part.size for part in weights.values())} weights in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
