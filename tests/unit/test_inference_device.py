"""Device and number format are chosen in one place; on a GPU the engine gives what the CPU gives."""

import pytest
import torch

from services.inference import device
from services.inference.checkpoint import load_checkpoint
from services.inference.device import Compute, DeviceUnavailable, choose_compute
from services.inference.engine import Engine
from services.inference.request import GenerationRequest
from tests.unit.inference_tiny import tiny_checkpoint

CPU = Compute(torch.device("cpu"), torch.float32)


@pytest.mark.parametrize(("in_hardware", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_a_cpu_computes_in_bfloat16_only_where_it_has_it(monkeypatch, in_hardware, dtype):
    monkeypatch.setattr(device, "_multiplies_bfloat16", lambda: in_hardware)
    assert choose_compute("cpu").dtype == dtype


def test_eight_bits_are_asked_for_and_never_assumed(monkeypatch):
    monkeypatch.setattr(device, "_multiplies_bfloat16", lambda: False)
    monkeypatch.delenv("RETURNS_INT8", raising=False)
    assert not choose_compute("cpu").int8
    monkeypatch.setenv("RETURNS_INT8", "1")
    assert choose_compute("cpu").int8


@pytest.mark.filterwarnings("ignore:torch.ao.quantization is deprecated", "ignore:.*quantize_per_channel")
def test_eight_bits_serve_and_never_train(tmp_path):
    compute = Compute(torch.device("cpu"), torch.float32, int8=True)
    folder = tiny_checkpoint(tmp_path)
    assert load_checkpoint(folder, [], compute).model.wide_head is not None
    assert load_checkpoint(folder, [], compute, merged=False).model.wide_head is None


@pytest.mark.parametrize("wanted", ["tpu", "cuda:99", "mps", "not a device"])
def test_a_device_that_is_not_here_is_refused_in_one_line(wanted):
    with pytest.raises(DeviceUnavailable, match=r"use cpu"):
        choose_compute(wanted)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here: the GPU path runs only where one is")
def test_on_a_gpu_the_engine_answers_as_on_the_cpu(tmp_path):
    folder = tiny_checkpoint(tmp_path)
    answers = []
    for compute in (CPU, Compute(torch.device("cuda"), torch.float32)):
        loaded = load_checkpoint(folder, [], compute)
        prompts = [loaded.tokenizer.encode(text) for text in ("hello", "send it back please", "wrong colour")]
        requests = [GenerationRequest(p, boundaries=(3,), max_new_tokens=16) for p in prompts]
        answers.append([r.ids for r in Engine(loaded.model, loaded.tokenizer.stop_id).generate(requests)])
    assert answers[0] == answers[1]
