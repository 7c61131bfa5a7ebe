"""Losses and adapters are those of TRL, PEFT and transformers, on the same weights and the same batch."""

from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from lifecycle.dpo import answer_log_probs, dpo_loss
from lifecycle.examples import TokenTree
from lifecycle.rlvr import grpo_loss
from lifecycle.sft import batch_loss
from services.inference import lora
from services.inference.checkpoint import load_checkpoint, read_card, save_model, seal, seal_adapter
from services.inference.llama import LlamaConfig
from services.inference.merging import merge_checkpoint
from services.inference.tokens import TokenRow
from services.inference.weights import random_model
from tests.unit.inference_tiny import tiny_tokenizer_json
from workers.cli import app

pytestmark = [
    pytest.mark.reference,
    pytest.mark.filterwarnings("ignore"),  # theirs, not ours
]
CONFIG = LlamaConfig(259, 32, 64, 2, 4, 2, 8, max_position_embeddings=512)
TEXTS = [("May I return the lamp?", " Yes, within 30 days."), ("And the sofa, after a year?", " No.")]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    root = tmp_path_factory.mktemp("checkpoints")
    model = random_model(CONFIG, 3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)  # far enough from uniform that a wrong mask or shift would show
    return seal(root, "tiny", "model", lambda folder: save_model(model, folder, tiny_tokenizer_json()))


@pytest.fixture(scope="module")
def ours(base):
    return load_checkpoint(base, [base.parent], merged=False).model


@pytest.fixture
def theirs(base):
    from transformers import AutoModelForCausalLM  # noqa: PLC0415 - heavy, and only where compared

    return AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)


@pytest.fixture(scope="module")
def their_tokenizer(base):
    from transformers import PreTrainedTokenizerFast  # noqa: PLC0415 - heavy, and only where compared

    return PreTrainedTokenizerFast(
        tokenizer_file=str(base / "tokenizer.json"), eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )


def quiet(folder: Path) -> dict:
    return {
        "output_dir": str(folder), "report_to": "none", "use_cpu": True, "bf16": False, "disable_tqdm": True,
        "per_device_train_batch_size": 2, "save_strategy": "no", "gradient_checkpointing": False,
    }  # fmt: skip


def test_the_completion_loss_is_trl_s_on_the_same_batch(tmp_path, ours, theirs, their_tokenizer):
    from datasets import Dataset  # noqa: PLC0415 - heavy, and only where compared
    from trl import SFTConfig, SFTTrainer  # noqa: PLC0415 - heavy, and only where compared

    data = Dataset.from_list([{"prompt": p, "completion": c} for p, c in TEXTS])
    trainer = SFTTrainer(
        model=theirs, args=SFTConfig(**quiet(tmp_path)), train_dataset=data, processing_class=their_tokenizer
    )
    batch = next(iter(trainer.get_train_dataloader()))
    expected = trainer.compute_loss(theirs, dict(batch)).item()
    trees = []
    for ids, labels, mask in zip(batch["input_ids"], batch["labels"], batch["attention_mask"], strict=True):
        kept = mask.bool()
        row = TokenRow(tuple(ids[kept].tolist()), tuple((labels[kept] != -100).tolist()))
        assert row.ids[-1] == their_tokenizer.eos_token_id, "TRL trains the stop token too"
        assert row.trained[-1]
        trees.append(TokenTree((row,), (None,)))
    assert batch_loss(ours, trees).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("loss_type", "smoothing", "pairs"), [("sigmoid", 0.0, 2), ("aot", 0.1, 1)])
def test_the_preference_loss_is_trl_s_on_the_same_batch(
    tmp_path, base, ours, theirs, their_tokenizer, *, loss_type, smoothing, pairs
):
    """TRL's `sigmoid` takes no smoothing; its `aot` on a batch of one pair is the smoothed loss."""
    from datasets import Dataset  # noqa: PLC0415 - heavy, and only where compared
    from transformers import AutoModelForCausalLM  # noqa: PLC0415 - heavy, and only where compared
    from trl import DPOConfig, DPOTrainer  # noqa: PLC0415 - heavy, and only where compared

    rows = [{"prompt": p, "chosen": c, "rejected": " Whatever you like!"} for p, c in TEXTS[:pairs]]
    reference = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    with torch.no_grad():
        theirs.model.layers[0].mlp.down_proj.weight.mul_(1.5)  # a policy that has moved away from its reference
    args = DPOConfig(beta=0.3, loss_type=[loss_type], label_smoothing=smoothing, **quiet(tmp_path))
    trainer = DPOTrainer(
        model=theirs, ref_model=reference, args=args, train_dataset=Dataset.from_list(rows),
        processing_class=their_tokenizer,
    )  # fmt: skip
    batch = next(iter(trainer.get_train_dataloader()))
    expected = trainer.compute_loss(theirs, dict(batch)).item()
    half = len(batch["input_ids"]) // 2
    assert half == pairs
    trees = [_pair_tree(batch, index, half) for index in range(half)]
    moved = load_checkpoint(base, [base.parent], merged=False).model
    with torch.no_grad():
        moved.layers[0].down.weight.mul_(1.5)
    values = [*answer_log_probs(moved, trees), *answer_log_probs(ours, trees)]
    found = dpo_loss(*values, beta=0.3, label_smoothing=smoothing)
    assert found.loss.item() == pytest.approx(expected, rel=1e-5)


def _pair_tree(batch, index, half) -> TokenTree:
    """The prompt but for its last token, then both answers, each with that token before it."""
    sides = []
    for row in (index, index + half):
        kept = batch["attention_mask"][row].bool()
        ids, trained = batch["input_ids"][row][kept].tolist(), batch["completion_mask"][row][kept].bool().tolist()
        sides.append((ids, trained, trained.index(True) - 1))
    ids, _, start = sides[0]
    shared = TokenRow(tuple(ids[:start]), (False,) * start)
    rows = [TokenRow(tuple(i[s:]), tuple(t[s:])) for i, t, s in sides]
    return TokenTree((shared, *rows), (None, 0, 0))


def test_the_group_relative_loss_is_trl_s_on_the_same_numbers(tmp_path, theirs, their_tokenizer, monkeypatch):
    from datasets import Dataset  # noqa: PLC0415 - heavy, and only where compared
    from trl import GRPOConfig, GRPOTrainer  # noqa: PLC0415 - heavy, and only where compared

    torch.manual_seed(4)
    policy, old, known = (torch.randn(4, 6) * 0.5 - 2 for _ in range(3))
    mask = torch.arange(6)[None] < torch.tensor([6, 3, 1, 5])[:, None]
    gain = torch.randn(4)
    settings = quiet(tmp_path) | {"per_device_train_batch_size": 4}
    args = GRPOConfig(
        loss_type="grpo", beta=0.04, epsilon=0.2, num_generations=4, max_completion_length=6,
        use_bias_correction_kl=False, **settings,
    )  # fmt: skip
    trainer = GRPOTrainer(
        model=theirs, reward_funcs=lambda completions, **_: [0.0] * len(completions), args=args,
        train_dataset=Dataset.from_list([{"prompt": "a"}] * 4), processing_class=their_tokenizer,
    )  # fmt: skip
    monkeypatch.setattr(
        trainer, "_get_per_token_logps_and_entropies", lambda *_, **__: (policy, torch.zeros_like(policy), None)
    )
    trainer.current_gradient_accumulation_steps = 1
    ids = torch.ones(4, 6, dtype=torch.long)
    inputs = {
        "prompt_ids": ids[:, :2], "prompt_mask": ids[:, :2], "completion_ids": ids, "completion_mask": mask.long(),
        "advantages": gain, "old_per_token_logps": old, "ref_per_token_logps": known,
        "num_items_in_batch": mask.sum(),
    }  # fmt: skip
    expected = trainer.compute_loss(theirs, inputs).item()
    found = grpo_loss(policy, old, known, gain, mask, clip_ratio=0.2, beta=0.04)
    assert found.loss.item() == pytest.approx(expected, rel=1e-5)


@pytest.fixture(scope="module")
def adapter(base):
    model = load_checkpoint(base, [base.parent], merged=False).model
    factors = lora.attach(model, lora.LoraConfig(4, 8.0), seed=1)
    torch.manual_seed(2)
    with torch.no_grad():
        for factor in factors:
            factor.add_(torch.randn_like(factor) * 0.1)
    return seal_adapter(model, base.parent, "tuned", read_card(base))


IDS = torch.tensor([[5, 6, 7, 8, 9, 100, 200, 3]])


def logits_of(model):
    with torch.no_grad():
        return model.head(model(IDS))


def test_an_adapter_s_folder_loads_in_peft_and_gives_our_logits(base, adapter, theirs):
    from peft import PeftModel  # noqa: PLC0415 - heavy, and only where compared

    wrapped = PeftModel.from_pretrained(theirs, adapter)
    attached = load_checkpoint(adapter, [base.parent], merged=False).model
    with torch.no_grad():
        expected = wrapped(input_ids=IDS).logits
    assert not torch.allclose(expected, logits_of(load_checkpoint(base, [base.parent]).model), atol=1e-2)
    torch.testing.assert_close(logits_of(attached), expected, rtol=1e-4, atol=1e-4)


def test_an_adapter_that_peft_saved_loads_here(tmp_path, base, theirs):
    from peft import LoraConfig, get_peft_model  # noqa: PLC0415 - heavy, and only where compared

    names = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    wrapped = get_peft_model(theirs, LoraConfig(r=4, lora_alpha=8, target_modules=names, init_lora_weights=False))
    wrapped.save_pretrained(tmp_path / "adapter")
    model = load_checkpoint(base, [base.parent], merged=False).model
    lora.load(model, tmp_path / "adapter")
    with torch.no_grad():
        expected = wrapped(input_ids=IDS).logits
    torch.testing.assert_close(logits_of(model), expected, rtol=1e-4, atol=1e-4)


def test_merged_weights_load_in_transformers_with_our_logits(base, adapter):
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415 - heavy, and only where compared

    folder = merge_checkpoint(adapter, [base.parent], "merged")
    theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    merged = load_checkpoint(folder, [base.parent])
    with torch.no_grad():
        expected = theirs(input_ids=IDS).logits
    torch.testing.assert_close(logits_of(merged.model), expected, rtol=1e-4, atol=1e-4)
    attached = logits_of(load_checkpoint(adapter, [base.parent], merged=False).model)
    torch.testing.assert_close(expected, attached, rtol=0.1, atol=0.1)  # the merged weights are bfloat16
    assert not torch.allclose(attached, logits_of(load_checkpoint(base, [base.parent]).model), atol=0.5)
    assert merged.card.details["parent"] == read_card(adapter).digest
    text = "Größe 12, <b>"
    assert AutoTokenizer.from_pretrained(folder)(text).input_ids == merged.tokenizer.encode(text)


def test_the_command_merges_and_says_in_one_line_why_it_cannot(base, adapter, monkeypatch):
    monkeypatch.setattr("workers.checkpoints.roots", lambda _: (base.parent,))
    done = CliRunner().invoke(app, ["checkpoint", "merge", str(adapter), "--name", "together"])
    assert done.exit_code == 0, done.stderr
    assert read_card(Path(done.stdout.strip())).kind == "model"
    for wrong, line in ((str(base), "a whole model already"), ("nowhere", "not known here")):
        done = CliRunner().invoke(app, ["checkpoint", "merge", wrong, "--name", "x"])
        assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
        assert line in done.stderr
