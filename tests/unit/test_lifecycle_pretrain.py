"""Pre-training learns a text, and the plan's arithmetic is that of the papers."""

import math

import pytest

from lifecycle.plan import flops_of, state_bytes
from lifecycle.pretrain import PretrainSettings, train_pretrain
from lifecycle.runs import RunError
from services.inference.checkpoint import load_model, read_card
from tests.unit.inference_tiny import tiny_checkpoint


def test_pretraining_from_scratch_beats_guessing_on_held_out_text(tmp_path):
    roots = [tmp_path / "checkpoints"]
    digest = read_card(tiny_checkpoint(roots[0])).digest
    settings = PretrainSettings(digest, "d", steps=40, batch=4, context=32, width=32, save_every=20)
    text = "Damaged items reported within 30 days of delivery are eligible for return. " * 60
    folder = train_pretrain(settings, text, tmp_path / "run", roots, "scratch")
    details = read_card(folder).details
    assert details["heldout_loss"] < 0.7 * math.log(259)
    assert details["heldout_perplexity"] == pytest.approx(math.exp(details["heldout_loss"]))
    assert load_model(folder, roots)[0].config.hidden_size == 32
    with pytest.raises(RunError, match="too few"):
        train_pretrain(settings, "short", tmp_path / "other", roots, "scratch")


def test_the_plan_counts_six_operations_a_weight_and_token_where_all_is_trained():
    assert flops_of(100, 100, 10) == 6 * 100 * 10
    assert flops_of(100, 0, 10) == 4 * 100 * 10
    assert state_bytes(100, 10, 2, adapter=True) == 200 + 40 + 120
