"""Loads exported rows in TRL and takes one step of each trainer; a program, for TRL's imports warn and take long.

`python -m tests.support.trl_load SFT.jsonl PAIRS.jsonl FOLDER` prints one JSON object. Weights are a few random ones.
"""

import json
import sys
from pathlib import Path

import torch
from datasets import Dataset
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

LONGEST = 8192
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def tokenizer_of(rows):
    """Train a byte-level tokenizer on the rows themselves, with the marks of the chat format."""
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    inner.train_from_iterator((message["content"] for row in rows for message in row["prompt"]), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token="<|im_end|>", pad_token="<|endoftext|>", chat_template=CHATML
    )


def model_of(tokenizer):
    torch.manual_seed(7)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=LONGEST,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )


def one_step(trainer):
    """Train one step; return the loss and the bytes of what the first example trains on."""
    batch = next(iter(trainer.get_train_dataloader()))
    loss = trainer.train().training_loss
    return loss, batch


def main(sft_path, pairs_path, folder):
    torch.set_num_threads(1)
    sft = [json.loads(line) for line in Path(sft_path).read_text().splitlines()]
    pairs = [json.loads(line) for line in Path(pairs_path).read_text().splitlines()]
    tokenizer = tokenizer_of(sft + pairs)
    common = {
        "max_steps": 1,
        "per_device_train_batch_size": 1,
        "use_cpu": True,
        "bf16": False,
        "report_to": "none",
        "save_strategy": "no",
        "logging_strategy": "no",
        "disable_tqdm": True,
        "max_length": LONGEST,
        "gradient_checkpointing": False,
    }
    trainer = SFTTrainer(
        model=model_of(tokenizer),
        args=SFTConfig(output_dir=f"{folder}/sft", **common),
        train_dataset=Dataset.from_list([{"prompt": row["prompt"], "completion": row["completion"]} for row in sft]),
        processing_class=tokenizer,
    )
    sft_loss, batch = one_step(trainer)
    trained = batch["input_ids"][0][batch["labels"][0] != -100]
    trainer = DPOTrainer(
        model=model_of(tokenizer),
        ref_model=model_of(tokenizer),
        args=DPOConfig(output_dir=f"{folder}/dpo", **common),
        train_dataset=Dataset.from_list(
            [{name: row[name] for name in ("prompt", "chosen", "rejected")} for row in pairs]
        ),
        processing_class=tokenizer,
    )
    dpo_loss, _ = one_step(trainer)
    print(json.dumps({"sft": sft_loss, "trained": tokenizer.decode(trained), "dpo": dpo_loss}))


if __name__ == "__main__":
    main(*sys.argv[1:])
