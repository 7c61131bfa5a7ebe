"""Footprint: the formula agrees with what is loaded, and the command says it in one table or one line."""

import json

import pytest
import torch
from typer.testing import CliRunner

from services.inference.checkpoint import load_checkpoint
from services.inference.device import Compute
from services.inference.footprint import RUNTIME_BYTES, footprint
from services.inference.llama import LlamaConfig
from tests.unit.inference_tiny import tiny_checkpoint
from workers.cli import app
from workers.commands import footprint as command

MIB = 1024 * 1024
SMOLLM2 = LlamaConfig(49152, 576, 1536, 30, 9, 3, 64, 100_000.0, 1e-5, 8192, True)


def test_the_base_takes_513_mib_of_float32_and_45_kib_a_token():
    size = footprint(SMOLLM2, "float32", 300, 256)
    assert size.parameters == 134_515_008
    assert size.weight_bytes == 4 * 134_515_008
    assert size.kv_bytes_per_token == 2 * 30 * 3 * 64 * 4
    assert footprint(SMOLLM2, "bfloat16", 300, 256).weight_bytes * 2 == size.weight_bytes


def test_eight_bits_leave_the_embedding_table_as_it_is():
    table = 49152 * 576
    assert footprint(SMOLLM2, "float32", 300, 256, int8=True).weight_bytes == 134_515_008 - table + 4 * table + table


def test_what_fits_is_what_the_memory_leaves_beside_the_weights():
    size = footprint(SMOLLM2, "float32", 300, 256)
    fixed = RUNTIME_BYTES + size.weight_bytes + size.step_bytes
    assert size.requests_within(fixed + 10 * size.request_bytes) == 10
    assert size.requests_within(fixed - 1) == 0
    assert size.requests_within(fixed + 10 * size.request_bytes, prefix_bytes=3 * size.request_bytes) == 7


def _loaded_with(monkeypatch, tmp_path):
    loaded = load_checkpoint(tiny_checkpoint(tmp_path), [], Compute(torch.device("cpu"), torch.float32))
    monkeypatch.setattr(command, "_load", lambda _: loaded)
    return loaded


def test_the_command_measures_what_the_formula_says(monkeypatch, tmp_path):
    _loaded_with(monkeypatch, tmp_path)
    result = CliRunner().invoke(app, ["footprint", "--memory", "2048", "--json"])
    report = json.loads(result.stdout)
    assert report["weight_bytes"] == report["weight_bytes_counted"]
    assert report["resident_after_step_bytes"] > 50 * MIB
    assert report["requests_that_fit"] > 0


def test_the_table_names_every_part(monkeypatch, tmp_path):
    _loaded_with(monkeypatch, tmp_path)
    output = CliRunner().invoke(app, ["footprint"]).stdout
    for words in ("weights by formula", "cache a token", "process with weights, measured", "requests at once in 4,096"):
        assert words in output


@pytest.mark.parametrize("wrong", [["--memory", "0"], ["--memory", "much"], ["--request-tokens", "-3"]])
def test_a_wrong_option_is_named(wrong):
    result = CliRunner().invoke(app, ["footprint", *wrong])
    assert result.exit_code == 2
    assert wrong[0] in result.stderr
