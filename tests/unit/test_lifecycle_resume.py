"""Stages go on after a kill with bitwise the same weights, share work among processes, and refuse in one line."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from lifecycle.runs import Run, RunError
from services.inference.checkpoint import CheckpointError, load_checkpoint, read_card, save_model, seal
from services.inference.llama import LlamaConfig
from services.inference.weights import random_model
from tests.unit.inference_tiny import tiny_checkpoint, tiny_tokenizer_json
from tests.unit.reward_world import reward_checkpoint
from tests.unit.training_stages import STAGES, train
from workers.cli import app

LOSS_OF = {"dpo": "lifecycle.dpo.dpo_loss", "pretrain": "lifecycle.pretrain.next_token_loss"}


def weights(folder):
    return load_file(next(folder.glob("*.safetensors")))


@pytest.mark.parametrize("stage", LOSS_OF)
def test_a_stage_that_stops_in_mid_step_ends_with_the_very_same_weights(tmp_path, monkeypatch, stage):
    whole = weights(train(stage, tmp_path, "whole"))
    module, _, name = LOSS_OF[stage].rpartition(".")
    real, calls = getattr(sys.modules[module], name), []

    def dies_in_the_third_step(*args, **options):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(LOSS_OF[stage], dies_in_the_third_step)
        with pytest.raises(KeyboardInterrupt):
            train(stage, tmp_path, "cut")
    with (tmp_path / "cut" / "metrics.jsonl").open("a") as file:
        file.write('{"step": 3, "lo')  # what a kill leaves of a line
    cut = weights(train(stage, tmp_path, "cut"))
    assert all(torch.equal(whole[name], cut[name]) for name in whole)
    assert [row["step"] for row in Run(tmp_path / "cut", {}).metrics()] == [1, 2, 3, 4]


def test_two_processes_train_the_weights_of_one_in_every_stage(tmp_path):
    for stage in STAGES:
        train(stage, tmp_path, f"{stage}-one")
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    torchrun = [
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        "-m",
        "tests.unit.training_stages",
    ]
    done = subprocess.run(
        [sys.executable, *torchrun, str(tmp_path)], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for stage in STAGES:
        one, two = (load_file(tmp_path / f"{stage}-{n}" / "state" / "state.safetensors") for n in ("one", "two"))
        for key, tensor in one.items():
            torch.testing.assert_close(two[key], tensor, rtol=1e-3, atol=1e-4, msg=f"{stage} {key}")


def test_a_damaged_state_is_refused_in_one_line(tmp_path):
    train("dpo", tmp_path, "run")
    state = tmp_path / "run" / "state" / "state.safetensors"
    state.write_bytes(state.read_bytes()[:100])
    with pytest.raises(RunError, match="the saved state is damaged") as caught:
        train("dpo", tmp_path, "run")
    assert "\n" not in str(caught.value)
    (tmp_path / "run" / "settings.json").write_text("{")
    with pytest.raises(RunError, match=r"settings\.json: is damaged"):
        train("dpo", tmp_path, "run")


def of_another_shape(root):
    """An adapter whose card names a base that is wider than the one it was trained on."""
    from services.inference import lora  # noqa: PLC0415

    wide = LlamaConfig(259, 64, 64, 2, 4, 2, 16)
    other = seal(root, "wide", "model", lambda f: save_model(random_model(wide, 1), f, tiny_tokenizer_json()))
    model = load_checkpoint(tiny_checkpoint(root), [root]).model
    lora.attach(model, lora.LoraConfig(2, 4.0))
    return seal(root, "misfit", "adapter", lambda f: lora.save(model, f, "wide"), read_card(other))


def of_another_vocabulary(root):
    small = LlamaConfig(200, 32, 64, 2, 4, 2, 8)
    return seal(root, "few", "model", lambda f: save_model(random_model(small, 1), f, tiny_tokenizer_json()))


def corrupt(root):
    folder = tiny_checkpoint(root)
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-8] + b"deadbeef")
    return folder


def not_safetensors(root):
    return seal(root, "torn", "model", _torn)


def _torn(folder):
    save_model(random_model(LlamaConfig(259, 32, 64, 2, 4, 2, 8), 1), folder, tiny_tokenizer_json())
    (folder / "model.safetensors").write_bytes(b"\x10")


def without_a_tensor(root):
    def write(folder):
        _torn(folder)
        save_file({"model.norm.weight": torch.ones(32)}, folder / "model.safetensors")

    return seal(root, "part", "model", write)


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (of_another_shape, "the base model takes"),
        (of_another_vocabulary, "tokenizer and weights do not belong together"),
        (corrupt, "its sha256 differs"),
        (not_safetensors, "torn"),
        (without_a_tensor, "is missing"),
    ],
)
@pytest.mark.parametrize("stage", ["sft", "dpo", "rlvr"])
def test_a_checkpoint_that_cannot_be_trained_is_refused_in_one_line(tmp_path, monkeypatch, stage, make, line):
    from lifecycle.preferences import seed_pairs, write_pairs  # noqa: PLC0415
    from lifecycle.seed.build import seed_worlds  # noqa: PLC0415
    from tests.unit.reward_world import reward_worlds  # noqa: PLC0415

    root = tmp_path / "checkpoints"
    folder = make(root)
    monkeypatch.setattr("workers.checkpoints.roots", lambda _: (root,))
    data = tmp_path / "d.jsonl"
    if stage == "dpo":
        write_pairs(data, seed_pairs(seed_worlds(1, 5, reply_share=1.0), 1))
    else:
        from lifecycle.examples import write_worlds  # noqa: PLC0415

        write_worlds(data, reward_worlds(4))
    options = ["--base", str(folder), "--data", str(data), "--run", str(tmp_path / "run"), "--name", "x"]
    options += ["--heldout", str(data)] if stage == "rlvr" else []
    done = CliRunner().invoke(app, ["train", stage, *options])
    assert done.exit_code == 2, (done.stdout, done.stderr, done.exception)
    assert line in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("stage", ["sft", "dpo", "pretrain", "rlvr"])
@pytest.mark.parametrize(("content", "line"), [(b"", "dataset"), (b"\xff\xfe{", "UTF-8"), (None, "no file")])
def test_a_dataset_that_cannot_be_read_is_refused_in_one_line(tmp_path, monkeypatch, stage, content, line):
    root = tmp_path / "checkpoints"
    folder = reward_checkpoint(root)
    monkeypatch.setattr("workers.checkpoints.roots", lambda _: (root,))
    data = tmp_path / "d.jsonl"
    if content is not None:
        data.write_bytes(content)
    options = ["--base", str(folder), "--data", str(data), "--run", str(tmp_path / "run"), "--name", "x"]
    done = CliRunner().invoke(app, ["train", stage, *options])
    assert done.exit_code == 2, (done.stdout, done.stderr, done.exception)
    assert line in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_run_s_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(RunError, match="choose another --run folder"):
        Run(tmp_path / "run", {})


def test_a_checkpoint_whose_card_was_edited_is_refused(tmp_path):
    folder = tiny_checkpoint(tmp_path)
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | {"kind": "adapter"}))
    with pytest.raises(CheckpointError, match="edited"):
        load_checkpoint(folder, [tmp_path])
    shutil.rmtree(folder)
    with pytest.raises(CheckpointError, match="not known here"):
        load_checkpoint("tiny", [tmp_path])
