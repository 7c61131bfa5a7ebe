"""The Llama and its adapters, on random weights: every way of running it gives the same numbers."""

import pytest
import torch
from safetensors.torch import load_file

from services.inference import lora
from services.inference.llama import LlamaConfig, ModelError, tiny_config
from services.inference.weights import random_model
from tests.unit.inference_tiny import tiny_model

IDS = torch.randint(3, 250, (23,), generator=torch.Generator().manual_seed(1))


def _close(a, b):
    torch.testing.assert_close(a, b, atol=2e-5, rtol=2e-4)


def test_a_row_padded_on_the_right_scores_as_it_does_alone():
    model = tiny_model()
    padded = torch.zeros(2, 23, dtype=torch.long)
    padded[0], padded[1, :9] = IDS, IDS[:9]
    hidden = model(padded)
    _close(hidden[0], model(IDS[None])[0])
    _close(hidden[1, :9], model(IDS[None, :9])[0])


def test_sequences_laid_end_to_end_do_not_see_each_other():
    model = tiny_model()
    hidden = model(torch.cat([IDS, IDS[5:12]]), [23, 7])
    _close(hidden[:23], model(IDS[None])[0])
    _close(hidden[23:], model(IDS[None, 5:12])[0])


def test_two_completions_may_share_one_prompt():
    model = tiny_model()
    prompt, one, two = IDS[:10], IDS[10:14], IDS[14:20]
    hidden = model(torch.cat([prompt, one, two]), [10, 4, 6], parents=[None, 0, 0])
    _close(hidden[10:14], model(torch.cat([prompt, one])[None])[0, 10:])
    _close(hidden[14:], model(torch.cat([prompt, two])[None])[0, 10:])


def test_gradients_through_a_shared_prompt_are_those_of_two_copies():
    model = random_model(tiny_config(259))
    prompt, one, two = IDS[:10], IDS[10:14], IDS[14:20]
    model(torch.cat([prompt, one, two]), [10, 4, 6], parents=[None, 0, 0])[10:].square().sum().backward()
    shared = model.layers[0].qkv.weight.grad.clone()
    model.zero_grad()
    for end in (one, two):
        model(torch.cat([prompt, end])[None])[0, 10:].square().sum().backward()
    _close(shared, model.layers[0].qkv.weight.grad)


def test_a_parent_after_its_child_is_refused():
    with pytest.raises(ValueError, match="a parent comes before its child"):
        tiny_model()(IDS[:4], [2, 2], parents=[1, None])


def test_a_cache_fed_in_any_chunks_continues_as_the_whole_text_would():
    model, whole = tiny_model(), tiny_model()(IDS[None])[0]
    first, second = model.new_cache(2), model.new_cache(2)  # both must grow
    got = []
    for begin, end in ((0, 6), (6, 7), (7, 8), (8, 20), (20, 23)):
        part = model(torch.cat([IDS[begin:end], IDS[: end - begin]]), [end - begin] * 2, caches=[first, second])
        got.append(part[: end - begin])
    _close(torch.cat(got), whole)
    assert first.length == 23


def test_head_rows_are_columns_of_the_full_logits():
    model = tiny_model()
    hidden, rows = model(IDS[None])[0], torch.tensor([5, 200, 7])
    _close(model.head(hidden, rows), model.head(hidden)[:, rows])


def test_parameter_count_by_formula_is_the_number_of_weights():
    model = random_model(tiny_config())
    assert model.config.parameter_count() == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"model_type": "qwen2"}, "model_type"),
        ({"rope_scaling": {"rope_type": "llama3"}}, "rope type"),
        ({"attention_bias": True}, "attention_bias"),
        ({"hidden_act": "gelu"}, "hidden_act"),
        ({"hidden_size": None}, "a field is missing"),
    ],
)
def test_a_configuration_that_cannot_run_is_refused_by_field(change, named):
    with pytest.raises(ModelError, match=named):
        LlamaConfig.from_hf(tiny_config().to_hf() | change)


def _trained(seed: int = 3):
    """Return a tiny model whose adapters were moved by two optimiser steps."""
    model = tiny_model()
    factors = lora.attach(model, lora.LoraConfig(rank=4, alpha=8), seed)
    optimiser = torch.optim.SGD(factors, lr=0.5)
    for _ in range(2):
        model(IDS[None]).square().mean().backward()
        optimiser.step()
        optimiser.zero_grad()
    return model


def test_a_fresh_adapter_changes_nothing_and_a_trained_one_does():
    model, plain = tiny_model(), tiny_model()(IDS[None])
    lora.attach(model, lora.LoraConfig(rank=4))
    _close(model(IDS[None]), plain)
    assert (_trained()(IDS[None]) - plain).abs().max() > 1e-3


def test_adapter_gradients_are_those_of_the_written_out_formula():
    model = _trained()
    projection = model.layers[0].gate_up
    adapter, x = projection.adapter, torch.randn(5, 32)
    adapter(x, projection.weight).square().sum().backward()
    got = [adapter.a.grad.clone(), *(b.grad.clone() for b in adapter.b)]
    adapter.zero_grad()
    torch.nn.functional.linear(x, projection.weight + adapter.change()).square().sum().backward()
    for ours, formula in zip(got, [adapter.a.grad, *(b.grad for b in adapter.b)], strict=True):
        torch.testing.assert_close(ours, formula, atol=1e-4, rtol=1e-4)


def test_a_saved_adapter_loads_merges_and_answers_the_same(tmp_path):
    model = _trained()
    lora.save(model, tmp_path, "tiny")
    again = tiny_model()
    lora.load(again, tmp_path)
    attached = again(IDS[None])
    torch.testing.assert_close(attached, model(IDS[None]), atol=2e-2, rtol=2e-2)  # stored in bfloat16
    lora.merge(again)
    assert again.layers[0].qkv.adapter is None
    _close(again(IDS[None]), attached)


def test_adapter_files_carry_the_names_that_peft_reads(tmp_path):
    lora.save(_trained(), tmp_path, "tiny")
    tensors = load_file(tmp_path / "adapter_model.safetensors")
    assert tensors["base_model.model.model.layers.1.self_attn.v_proj.lora_A.weight"].shape == (4, 32)
    assert tensors["base_model.model.model.layers.0.mlp.down_proj.lora_B.weight"].shape == (32, 4)
    assert len(tensors) == 2 * 7 * 2


def test_an_adapter_for_another_shape_is_refused_by_tensor(tmp_path):
    lora.save(_trained(), tmp_path, "tiny")
    wider = random_model(tiny_config(), 0)
    wider_config = LlamaConfig(**{**wider.config.__dict__, "intermediate_size": 96})
    with pytest.raises(ModelError, match=r"gate_proj\.lora_B\.weight' has shape \[64, 4\], the base model takes \[96"):
        lora.load(random_model(wider_config), tmp_path)


def test_a_second_adapter_on_the_same_model_is_refused():
    model = _trained()
    with pytest.raises(ModelError, match="has an adapter already"):
        lora.attach(model, lora.LoraConfig())


def test_in_bfloat16_small_changes_of_the_factors_still_reach_the_output():
    model = tiny_model().bfloat16()
    lora.attach(model, lora.LoraConfig(rank=4))
    adapter = model.layers[0].down.adapter
    x = torch.ones(1, 64, dtype=torch.bfloat16)
    before = adapter(x, torch.zeros(32, 64, dtype=torch.bfloat16))
    with torch.no_grad():
        adapter.b[0].fill_(1e-6)
    assert (adapter(x, torch.zeros(32, 64, dtype=torch.bfloat16)) - before).abs().max() > 0
