"""Trains the doubt model: `python -m lifecycle.doubt.train [--folds 5]`, about half a minute on one core.

Logistic regression over the traits of sentences, with an L1 and an L2 penalty, by accelerated proximal gradient (Beck
and Teboulle 2009, SIAM Journal on Imaging Sciences 2). The same sentences give the same weights. With `--folds` it
writes nothing and prints what the model does on banked sentences that it was not trained on.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch

from lifecycle.doubt.sentences import Sentence, sentences
from services.domain.reading.doubt import DoubtModel
from services.domain.reading.traits import traits, words_of

WEIGHTS = Path(__file__).parents[2] / "services" / "domain" / "reading" / "doubt.json"
L1, L2, ROUNDS, STEP = 4e-6, 2e-6, 400, 3.0
TABLE_COUNTS = 2.0
MIN_COUNT = 2
"""A word, and a trait, must be met in so many sentences."""
THRESHOLDS = (0.7, 0.5, 0.4, 0.3, 0.2)


def train(data: Sequence[Sentence], rounds: int = ROUNDS) -> tuple[list[str], dict[str, float]]:
    """Return the words the model knows, and its weights that are not zero."""
    words = Counter(word for sentence in data for word in set(words_of(sentence.passage)))
    known = {word for word, count in words.items() if count >= MIN_COUNT}
    examples = [traits(sentence.passage, known.__contains__) for sentence in data]
    counts = Counter(trait for example in examples for trait in example)
    index = {trait: i for i, trait in enumerate(sorted(t for t, count in counts.items() if count >= MIN_COUNT))}
    weights = _fit(examples, index, data, rounds)
    kept = {trait: round(weights[i], 2) for trait, i in index.items() if abs(weights[i]) >= 0.02}
    return sorted(known), kept


def _fit(examples: Sequence[set[str]], index: dict[str, int], data: Sequence[Sentence], rounds: int) -> list[float]:
    rows, columns, values = [], [], []
    for row, example in enumerate(examples):
        own = sorted(index[trait] for trait in example if trait in index)
        rows.extend([row] * len(own))
        columns.extend(own)
        values.extend([len(example) ** -0.5] * len(own))
    at, of, by = torch.tensor(rows), torch.tensor(columns), torch.tensor(values, dtype=torch.float64)
    truth = torch.tensor([sentence.claims for sentence in data], dtype=torch.float64)
    # The tables are the specification: a sentence of theirs counts more than one of the banks.
    counts = torch.tensor([TABLE_COUNTS if s.source == "table" else 1.0 for s in data], dtype=torch.float64)
    counts /= counts.sum()
    weights = torch.zeros(len(index), dtype=torch.float64)
    ahead, pace = weights.clone(), 1.0
    for _ in range(rounds):
        score = torch.zeros(len(examples), dtype=torch.float64).index_add_(0, at, ahead[of] * by)
        wrong = (torch.sigmoid(score) - truth) * counts
        slope = torch.zeros(len(index), dtype=torch.float64).index_add_(0, of, wrong[at] * by)
        moved = ahead - STEP * (slope + L2 * ahead)
        moved = torch.sign(moved) * torch.clamp(moved.abs() - STEP * L1, min=0)
        faster = (1 + (1 + 4 * pace * pace) ** 0.5) / 2
        ahead, weights, pace = moved + (pace - 1) / faster * (moved - weights), moved, faster
    return weights.tolist()


def folds(data: Sequence[Sentence], count: int) -> str:
    """Return a table: banked sentences stopped and passed by reader and model, each judged by a model without it."""
    judged: list[tuple[bool, bool, float]] = []
    banked = [sentence for sentence in data if sentence.source == "bank"]
    others = [sentence for sentence in data if sentence.source != "bank"]
    for fold in range(count):
        model = DoubtModel(*train([*others, *(s for i, s in enumerate(banked) if i % count != fold)]))
        held = (s for i, s in enumerate(banked) if i % count == fold)
        judged.extend((s.claims, bool(s.passage.drafts), model.probability(s.passage)) for s in held)
    lines = ["threshold  stopped  passed"]
    for threshold in (1.1, *THRESHOLDS):
        stopped = [read or p >= threshold for claims, read, p in judged if claims]
        passed = [not read and p < threshold for claims, read, p in judged if not claims]
        lines.append(f"{threshold:9.1f} {sum(stopped) / len(stopped):8.3f} {sum(passed) / len(passed):7.3f}")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="train the doubt model of the claim verifier")
    parser.add_argument("--folds", type=int, default=0, help="only measure, by so many folds over the banks")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    options = parser.parse_args(arguments)
    if options.folds == 1 or options.folds < 0:
        parser.error("--folds needs 2 or more")
    data = list(sentences())
    if options.folds:
        print(folds(data, options.folds))
        return 0
    words, weights = train(data)
    sources = dict(sorted(Counter(sentence.source for sentence in data).items()))
    model = {"sentences": sources, "words": " ".join(words), "weights": weights}
    options.out.write_text(
        json.dumps(model, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n", encoding="utf-8"
    )
    print(f"{len(data)} sentences, {len(words)} words, {len(weights)} weights in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
