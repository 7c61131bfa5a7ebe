"""Losses on numbers worked by hand, and stages that go on after a kill with bitwise the same weights."""

import math
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from lifecycle.dpo import DPOSettings, answer_log_probs, dpo_loss, train_dpo
from lifecycle.examples import tree_of
from lifecycle.preferences import pair_tree, seed_pairs
from lifecycle.runs import RunError
from lifecycle.seed.build import seed_worlds
from lifecycle.sft import SFTSettings, batch_loss, sft_loss, train_sft
from services.inference.checkpoint import TOKENIZER, read_card, save_model, seal
from services.inference.llama import LlamaConfig
from services.inference.tokenizer import Tokenizer
from services.inference.weights import random_model
from tests.unit.inference_tiny import tiny_tokenizer_json
from workers.cli import app

CONFIG = LlamaConfig(259, 32, 64, 2, 4, 2, 8, max_position_embeddings=4096)


def tiny(root):
    model = random_model(CONFIG, 3).requires_grad_(False).eval()
    return seal(root, "tiny", "model", lambda folder: save_model(model, folder, tiny_tokenizer_json()))


def worlds(count=6):
    return list(seed_worlds(count, 5, reply_share=0.8))


@pytest.fixture
def base(tmp_path):
    folder = tiny(tmp_path / "checkpoints")
    return read_card(folder).digest, [tmp_path / "checkpoints"], Tokenizer(folder / TOKENIZER)


def test_the_completion_loss_is_the_mean_surprise_at_the_right_tokens():
    logits = torch.tensor([[math.log(0.5), math.log(0.5)], [math.log(0.2), math.log(0.8)]])
    expected = -(math.log(0.5) + math.log(0.8)) / 2
    assert sft_loss(logits, torch.tensor([0, 1])).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("smoothing", "weight"), [(0.0, 1.0), (0.1, 0.9)])
def test_the_preference_loss_is_that_of_the_paper(smoothing, weight):
    values = [torch.tensor([v]) for v in (-1.0, -4.0, -2.0, -3.0)]  # margin: (1) - (-1) = 2, times beta 0.5
    result = dpo_loss(*values, beta=0.5, label_smoothing=smoothing)
    good, bad = math.log(1 + math.exp(-1)), math.log(1 + math.exp(1))
    assert result.loss.item() == pytest.approx(weight * good + (1 - weight) * bad, abs=1e-6)
    assert (result.rewards_chosen.item(), result.rewards_rejected.item()) == (0.5, -0.5)


def test_a_label_smoothing_of_one_half_is_refused():
    with pytest.raises(ValueError, match="label_smoothing"):
        dpo_loss(*[torch.zeros(1)] * 4, beta=0.1, label_smoothing=0.5)


def test_the_stop_token_is_trained_and_receives_loss(base, monkeypatch):
    tokenizer = base[2]
    tree = tree_of(worlds(1)[0], tokenizer)
    taught = [row for row in tree.rows if any(row.trained)]
    assert len(taught) > 2
    for row in taught:
        assert row.ids[-1] == tokenizer.stop_id
        assert row.trained[-1]
    targets = []
    with monkeypatch.context() as patch:
        patch.setattr("lifecycle.sft.sft_loss", lambda _, wanted: targets.extend(wanted.tolist()))
        batch_loss(random_model(CONFIG, 3), [tree])
    assert targets.count(tokenizer.stop_id) == len(taught)


def test_shared_prompts_give_the_log_probabilities_of_two_separate_rows(base):
    pair = next(iter(seed_pairs(worlds(2), 1)))
    tree = pair_tree(pair, base[2])
    model = random_model(CONFIG, 3).eval()
    together = torch.stack(answer_log_probs(model, [tree])).flatten()
    for side, expected in ((1, together[0]), (2, together[1])):
        ids = torch.tensor([*tree.rows[0].ids, *tree.rows[side].ids])
        logs = torch.log_softmax(model.head(model(ids[None])[0]).float(), -1)
        start = len(tree.rows[0])
        positions = [start + i for i, flag in enumerate(tree.rows[side].trained) if flag]
        alone = sum(logs[p - 1, ids[p]] for p in positions)
        assert alone.item() == pytest.approx(expected.item(), rel=1e-4)


def settings_for(base, **changes):
    return SFTSettings(base=base, dataset_digest="d", max_steps=6, batch_worlds=1, warmup=2, rank=2, **changes)


def weights(folder):
    return load_file(folder / "adapter_model.safetensors")


def test_a_run_that_stops_in_mid_step_ends_with_the_very_same_weights(tmp_path, base, monkeypatch):
    reference, roots, tokenizer = base
    trees = [tree_of(w, tokenizer) for w in worlds()]
    whole = train_sft(settings_for(reference, save_every=2), trees, tmp_path / "a", roots, "whole")
    calls = []

    def dies_in_the_fourth_step(*args):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return batch_loss(*args)

    with monkeypatch.context() as patch:
        patch.setattr("lifecycle.sft.batch_loss", dies_in_the_fourth_step)
        with pytest.raises(KeyboardInterrupt):
            train_sft(settings_for(reference, save_every=2), trees, tmp_path / "b", roots, "cut")
    cut = train_sft(settings_for(reference, save_every=2), trees, tmp_path / "b", roots, "cut")
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(cut)[name]), name
    assert (tmp_path / "b" / "curve.png").stat().st_size > 1000
    details = read_card(whole).details
    assert (details["parent"], details["dataset_digest"]) == (reference, "d")


def test_training_goes_on_from_an_adapter(tmp_path, base):
    reference, roots, tokenizer = base
    trees = [tree_of(w, tokenizer) for w in worlds(3)]
    first = train_sft(settings_for(reference), trees, tmp_path / "a", roots, "first")
    second = train_sft(settings_for(read_card(first).digest), trees, tmp_path / "b", roots, "second")
    assert read_card(second).details["parent"] == read_card(first).digest
    assert read_card(second).base_digest == reference
    assert read_card(second).details["loss_last_20"] < read_card(first).details["loss_last_20"]


def test_another_run_s_folder_and_an_empty_dataset_are_refused(tmp_path, base):
    reference, roots, tokenizer = base
    trees = [tree_of(worlds(1)[0], tokenizer)]
    train_sft(settings_for(reference), trees, tmp_path / "a", roots, "x")
    with pytest.raises(RunError, match="another seed"):
        train_sft(settings_for(reference, seed=2), trees, tmp_path / "a", roots, "x")
    with pytest.raises(RunError, match="holds no row"):
        train_sft(settings_for(reference), [], tmp_path / "c", roots, "x")


def test_preference_training_resumes_and_learns_what_is_preferred(tmp_path, base):
    reference, roots, tokenizer = base
    trees = [pair_tree(pair, tokenizer) for pair in seed_pairs(worlds(3), 1)][:6]
    settings = DPOSettings(
        base=reference, dataset_digest="d", max_steps=12, batch_pairs=3, rate=1e-2, warmup=1, rank=4, save_every=3
    )
    whole = train_dpo(settings, trees, tmp_path / "a", roots, "whole")
    details = read_card(whole).details
    assert details["loss_last_20"] < math.log(2)
    again = train_dpo(settings, trees, tmp_path / "a", roots, "whole")
    assert again == whole, "a finished run has nothing left to do"


def test_preference_training_stops_when_the_chosen_answers_collapse(tmp_path, base):
    reference, roots, tokenizer = base
    trees = [pair_tree(pair, tokenizer) for pair in seed_pairs(worlds(2), 1)][:2]
    settings = DPOSettings(
        base=reference, dataset_digest="d", max_steps=4, batch_pairs=2, warmup=1, rank=2,
        collapse_nats=-1.0, collapse_window=2,
    )  # fmt: skip
    with pytest.raises(RunError, match="chosen answers collapse"):
        train_dpo(settings, trees, tmp_path / "a", roots, "x")


def test_a_killed_command_goes_on_and_ends_with_the_same_checkpoint(tmp_path, base):
    reference, _, _ = base
    env = os.environ | {"VAR_DIR": str(tmp_path), "OMP_NUM_THREADS": "1", "ENVIRONMENT": "testing"}
    desk = [sys.executable, "-m", "workers.cli"]
    data = tmp_path / "w.jsonl"
    subprocess.run([*desk, "data", "build", "--worlds", "6", "--out", str(data)], check=True, env=env)

    def command(run):
        options = ["--data", str(data), "--base", reference, "--name", "k", "--max-steps", "40", "--save-every", "3"]
        return [*desk, "train", "sft", *options, "--run", str(tmp_path / run), "--batch-worlds", "1", "--rank", "2"]

    whole = subprocess.run(command("a"), check=True, env=env, capture_output=True, text=True).stdout
    process = subprocess.Popen(command("b"), env=env, stderr=subprocess.DEVNULL)
    metrics = tmp_path / "b" / "metrics.jsonl"
    while process.poll() is None and (not metrics.exists() or metrics.read_text().count("\n") < 8):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    resumed = subprocess.run(command("b"), check=True, env=env, capture_output=True, text=True).stdout
    assert whole == resumed, "the folder's name is the digest of the weights"


@pytest.mark.parametrize(
    ("text", "line"),
    [("", "--run: dataset: it holds no row"), ("{}\n", "--data: w.jsonl line 1"), ("{\n", "--data: w.jsonl line 1")],
)
def test_a_bad_dataset_is_refused_in_one_line(tmp_path, base, monkeypatch, text, line):
    data = tmp_path / "w.jsonl"
    data.write_text(text)
    monkeypatch.setattr("workers.checkpoints.roots", lambda _: tuple(base[1]))
    result = CliRunner().invoke(
        app,
        ["train", "sft", "--data", str(data), "--run", str(tmp_path / "r"), "--base", base[0], "--name", "x"],
    )
    assert result.exit_code == 2
    assert line in result.stderr
    assert result.stderr.count("\n") == 1


def test_two_processes_train_the_weights_of_one(tmp_path, base):
    reference, _, _ = base
    env = os.environ | {"VAR_DIR": str(tmp_path), "OMP_NUM_THREADS": "1", "ENVIRONMENT": "testing"}
    data = tmp_path / "w.jsonl"
    subprocess.run(
        [sys.executable, "-m", "workers.cli", "data", "build", "--worlds", "6", "--out", str(data)], env=env, check=True
    )
    options = ["--data", str(data), "--base", reference, "--name", "k", "--max-steps", "4", "--rank", "2"]
    command = ["workers.cli", "train", "sft", *options, "--batch-worlds", "3", "--run-folder"]
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    for name, starter in (("one", ["-m"]), ("two", torchrun)):
        done = subprocess.run(
            [sys.executable, *starter, *command, str(tmp_path / name)],
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    one, two = (load_file(tmp_path / name / "state" / "state.safetensors") for name in ("one", "two"))
    moved = 0.0
    for key, tensor in one.items():
        torch.testing.assert_close(two[key], tensor, rtol=1e-3, atol=1e-4)
        moved += float(tensor.abs().sum()) if key.endswith("weight") else 0.0
    assert moved > 0
