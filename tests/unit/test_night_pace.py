"""The pace of a night is measured for a bounded time: a machine under load must not spend the night on measuring."""

import pytest

from lifecycle import night_pace
from lifecycle.examples import tree_of
from services.inference.llama import LlamaConfig
from services.inference.weights import random_model
from tests.support.tiny_desk import CASES, tokenizer, world_of


@pytest.fixture(scope="module")
def trees():
    return [tree_of(world_of(row), tokenizer()) for row in CASES[:5]]


@pytest.fixture
def counted(monkeypatch):
    seen, inner = [], night_pace.batch_loss

    def one(model, batch):
        seen.append(len(batch))
        return inner(model, batch)

    monkeypatch.setattr(night_pace, "batch_loss", one)
    return seen


@pytest.mark.parametrize(("seconds", "batches"), [(0.0, 1 + 1), (3600.0, 1 + 5)])
def test_measuring_ends_with_its_time_and_times_one_example_at_least(trees, counted, seconds, batches):
    model = random_model(LlamaConfig(tokenizer().vocab_size, 64, 128, 1, 4, 2, 16, max_position_embeddings=1024), 0)
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    assert night_pace.tokens_per_second(model, trees, seconds) > 0
    assert len(counted) == batches
    assert all(bool((weight == before[name]).all()) for name, weight in model.named_parameters() if name in before)
