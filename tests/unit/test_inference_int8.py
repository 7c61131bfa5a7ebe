"""Eight-bit serving: close to float32, and the same for a token whatever stands beside it."""

import pytest
import torch

from services.inference import lora
from services.inference.base import ensure_base
from services.inference.checkpoint import load_model
from services.inference.device import Compute
from services.inference.int8 import Int8Projection, quantise
from services.inference.llama import ModelError
from tests.unit.inference_tiny import tiny_model

pytestmark = pytest.mark.filterwarnings("ignore:torch.ao.quantization is deprecated", "ignore:.*quantize_per_channel")
IDS = torch.arange(3, 40)


def test_an_outlier_channel_does_not_cost_the_other_channels_their_precision():
    generator = torch.Generator().manual_seed(0)
    weight, x = torch.randn(96, 128, generator=generator), torch.randn(20, 128, generator=generator)
    x[:, 5] *= 40
    expected = x @ weight.T
    assert (Int8Projection(weight)(x) - expected).norm() / expected.norm() < 0.03


def test_a_token_gets_the_same_numbers_in_any_company():
    generator = torch.Generator().manual_seed(1)
    projection = Int8Projection(torch.randn(96, 64, generator=generator))
    x = torch.randn(33, 64, generator=generator)
    together = projection(x)
    for i in range(33):
        torch.testing.assert_close(projection(x[i : i + 1])[0], together[i], atol=1e-5, rtol=1e-5)


def test_quantising_keeps_the_models_answers_close():
    model = tiny_model()
    expected = model.head(model(IDS[None]))
    got = quantise(model)
    assert (got.head(got(IDS[None])) - expected).norm() / expected.norm() < 0.05


def test_adapters_must_be_merged_first_and_quantising_happens_once():
    model = tiny_model()
    lora.attach(model, lora.LoraConfig(rank=2))
    with pytest.raises(ModelError, match="merge adapters first"):
        quantise(model)
    lora.merge(model)
    quantise(model)
    with pytest.raises(ModelError, match="only once"):
        quantise(model)


def test_only_float32_on_cpu_is_quantised():
    with pytest.raises(ModelError, match="needs float32 on cpu"):
        quantise(tiny_model().bfloat16())


@pytest.mark.checkpoint
def test_on_the_real_base_the_distribution_barely_moves(tmp_path):
    compute = Compute(torch.device("cpu"), torch.float32)
    model, tokenizer = load_model(ensure_base(tmp_path), compute=compute)
    text = (
        "Damaged items reported within 30 days of delivery are eligible for return. The lamp was delivered on Monday."
    )
    ids = torch.tensor(tokenizer.encode(text * 3))[None]
    with torch.inference_mode():
        exact = torch.log_softmax(model.head(model(ids)), -1)
        rounded = torch.log_softmax(quantise(model).head(model(ids)), -1)
    divergence = (exact.exp() * (exact - rounded)).sum(-1).mean()
    assert divergence < 0.03
