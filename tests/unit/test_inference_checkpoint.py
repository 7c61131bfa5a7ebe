"""Checkpoints are sealed, found by an exact name, and refused in one clear line when they are not what they say."""

import json
import os

import pytest
import torch

from services.inference import lora
from services.inference.checkpoint import (
    CheckpointError,
    load_checkpoint,
    load_model,
    read_card,
    resolve,
    save_model,
    seal,
    seal_adapter,
    verify,
)
from services.inference.device import Compute
from services.inference.llama import LlamaConfig
from services.inference.weights import random_model
from tests.unit.inference_tiny import tiny_checkpoint, tiny_model, tiny_tokenizer_json

CPU = Compute(torch.device("cpu"), torch.float32)


def test_a_sealed_model_loads_with_the_weights_it_was_written_from(tmp_path):
    model, tokenizer = load_model(tiny_checkpoint(tmp_path), compute=CPU)
    expected = tiny_model().layers[1].down.weight.bfloat16().float()
    assert torch.equal(model.layers[1].down.weight, expected)
    assert tokenizer.decode(tokenizer.encode("Größe 12")) == "Größe 12"


def test_the_same_content_gives_the_same_folder_and_another_gives_another(tmp_path):
    assert tiny_checkpoint(tmp_path) == tiny_checkpoint(tmp_path)
    assert tiny_checkpoint(tmp_path, seed=1) != tiny_checkpoint(tmp_path)
    assert not list(tmp_path.glob(".writing-*"))


def test_a_writer_that_fails_leaves_nothing_behind(tmp_path):
    def half_done(folder):
        (folder / "config.json").write_text("{}")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        seal(tmp_path, "tiny", "model", half_done)
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_is_found_by_name_folder_digest_prefix_and_path(tmp_path):
    folder = tiny_checkpoint(tmp_path)
    digest = read_card(folder).digest
    for reference in ("tiny", folder.name, digest, digest[:8], folder, str(folder)):
        assert resolve(reference, [tmp_path]) == folder


@pytest.mark.parametrize("reference", ["tin", "other", "", "/no/such/folder"])
def test_a_checkpoint_that_is_not_there_is_never_guessed(tmp_path, reference):
    tiny_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match=r"not known here; known: tiny|no card.json"):
        resolve(reference, [tmp_path])


def test_a_name_shared_by_two_checkpoints_is_ambiguous(tmp_path):
    tiny_checkpoint(tmp_path)
    tiny_checkpoint(tmp_path, seed=1)
    with pytest.raises(CheckpointError, match=r"ambiguous .*give more of the digest"):
        resolve("tiny", [tmp_path])


def _corrupt(folder):
    with (folder / "model.safetensors").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\x7f")


def _rename_digest(folder):
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | {"base_digest": "0" * 64}))


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (_corrupt, "model.safetensors is not what card.json says"),
        (lambda f: (f / "tokenizer.json").unlink(), "tokenizer.json is missing"),
        (lambda f: (f / "pytorch_model.bin").write_bytes(b"x"), "pytorch_model.bin can run code"),
        (lambda f: (f / "weights.pkl").write_bytes(b"x"), "weights.pkl can run code"),
        (lambda f: (f / "notes.txt").write_text("x"), "notes.txt is not listed"),
        (_rename_digest, "the card was edited"),
        (lambda f: (f / "card.json").write_text('{"name": "x"}'), "card.json: kind: Field required"),
        (lambda f: (f / "card.json").unlink(), "no card.json in that folder"),
    ],
)
def test_a_damaged_checkpoint_is_refused_in_one_line(tmp_path, damage, line):
    folder = tiny_checkpoint(tmp_path)
    damage(folder)
    with pytest.raises(CheckpointError, match=line) as caught:
        load_model(folder, compute=CPU)
    assert "\n" not in str(caught.value)


def _sealed_with(tmp_path, **changes):
    """Seal the tiny weights under a configuration that says something else."""

    def write(folder):
        save_model(tiny_model(), folder, tiny_tokenizer_json())
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | changes))

    return seal(tmp_path, "odd", "model", write)


def test_weights_of_another_shape_are_refused_by_tensor(tmp_path):
    folder = _sealed_with(tmp_path, intermediate_size=80)
    with pytest.raises(
        CheckpointError, match=r"layers\.0\.mlp\.gate_proj\.weight' has shape \[64, 32\].*says \[80, 32\]"
    ):
        load_model(folder, compute=CPU)


def test_a_missing_tensor_is_refused_by_name(tmp_path):
    folder = _sealed_with(tmp_path, num_hidden_layers=3)
    with pytest.raises(CheckpointError, match=r"'model\.layers\.2\.self_attn\.q_proj\.weight' is missing"):
        load_model(folder, compute=CPU)


def test_a_tokenizer_of_another_vocabulary_is_refused(tmp_path):
    folder = _sealed_with(tmp_path, vocab_size=100)
    with pytest.raises(CheckpointError, match="tokenizer and weights do not belong together"):
        load_model(folder, compute=CPU)


def _adapter(tmp_path):
    base = tiny_checkpoint(tmp_path / "checkpoints")
    loaded = load_checkpoint(base, [], CPU)
    for factor in lora.attach(loaded.model, lora.LoraConfig(rank=2, alpha=4)):
        factor.data.add_(0.1)
    return seal_adapter(loaded.model, tmp_path / "released", "assistant", loaded.card), loaded


def test_an_adapter_finds_its_base_by_digest_and_is_merged_for_serving(tmp_path):
    folder, trained = _adapter(tmp_path)
    loaded = load_checkpoint("assistant", [tmp_path / "released", tmp_path / "checkpoints"], CPU)
    ids = torch.arange(3, 20)[None]
    assert loaded.card.base_name == "tiny"
    assert loaded.folder == folder
    torch.testing.assert_close(loaded.model(ids), trained.model(ids), atol=2e-2, rtol=2e-2)


def test_an_adapter_without_its_base_says_which_is_missing(tmp_path):
    folder, _ = _adapter(tmp_path)
    digest = read_card(folder).base_digest
    with pytest.raises(CheckpointError, match=f"{digest}' is not known here"):
        load_checkpoint(folder, [tmp_path / "released"], CPU)


def test_an_untied_head_survives_the_round_trip(tmp_path):
    config = LlamaConfig(**{**tiny_model().config.__dict__, "tie_word_embeddings": False})
    model = random_model(config, 5)
    folder = seal(tmp_path, "untied", "model", lambda f: save_model(model, f, tiny_tokenizer_json()))
    again, _ = load_model(folder, compute=CPU)
    assert torch.equal(again.unembedding.weight, model.unembedding.weight.bfloat16().float())
    verify(folder)
