"""Training tokens a second, SFT and DPO, against TRL with PEFT: same base, same examples, same adapter, same batches.

Tokens are counted as the examples spell them out, prompt and answer: what both are given. We run fewer of them, since
examples that share a prompt run it once; how many is in the figures too.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import tokenizers
import torch

from lifecycle.dpo import answer_log_probs, dpo_loss
from lifecycle.examples import TokenTree, tree_of
from lifecycle.preferences import pair_tree, seed_pairs
from lifecycle.seed.build import seed_worlds
from lifecycle.sft import batch_loss
from services.inference import lora
from services.inference.checkpoint import Loaded, load_checkpoint
from services.inference.tokenizer import END_OF_TEXT, END_OF_TURN
from workers.bench.weights import write_hugging_face

Say = Callable[[str], None]
RANK, ALPHA, RATE, BETA = 16, 32, 1e-4, 0.1
_PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


class Text(NamedTuple):
    """One example as a peer reads it."""

    prompt: str
    completion: str
    tokens: int


def training(  # noqa: PLR0913, PLR0917 - a base, and how much of what
    base: str, roots: Sequence[Path], trees: int, pairs: int, work: Path, say: Say
) -> dict[str, Any]:
    """Return tokens a second of both stages, ours and TRL's, on `trees` worlds and `pairs` pairs."""
    loaded = load_checkpoint(base, roots, merged=False)
    folder = write_hugging_face(loaded, work / "hf-base")
    tokenizer = loaded.tokenizer
    sft = [tree_of(world, tokenizer) for world in seed_worlds(trees, 5)]
    drawn = islice(seed_pairs(seed_worlds(pairs * 4, 6, reply_share=1.0), 6), pairs)
    dpo = [pair_tree(pair, tokenizer) for pair in drawn]
    report: dict[str, Any] = {}
    for stage, found, own, peer in (("sft", sft, _our_sft, _trl_sft), ("dpo", dpo, _our_dpo, _trl_dpo)):
        examples = [list(_texts(tree, loaded)) for tree in found]
        spelt = sum(text.tokens for texts in examples for text in texts)
        ours = own(base, roots, found)
        say(f"{stage}: ours      {spelt / ours:8.0f} tokens/s")
        theirs = peer(folder, examples, work)
        say(f"{stage}: TRL+PEFT  {spelt / theirs:8.0f} tokens/s")
        report[stage] = {
            "examples": sum(map(len, examples)),
            "tokens": spelt,
            "tokens_we_run": sum(map(len, found)),
            "ours_tokens_per_s": round(spelt / ours, 1),
            "trl_tokens_per_s": round(spelt / theirs, 1),
            "ratio": round(theirs / ours, 2),
        }
    return report


def _texts(tree: TokenTree, loaded: Loaded) -> Iterator[Text]:
    """Yield every sequence of the tree that trains something, whole, as prompt and completion."""
    for row, parent in zip(tree.rows, tree.parents, strict=True):
        if not any(row.trained):
            continue
        before: tuple[int, ...] = ()
        above = parent
        while above is not None:
            before = tree.rows[above].ids + before
            above = tree.parents[above]
        first = row.trained.index(True)
        prompt, completion = before + row.ids[:first], row.ids[first:]
        yield Text(_spell(loaded, prompt), _spell(loaded, completion), len(prompt) + len(completion))


def _spell(loaded: Loaded, ids: Sequence[int]) -> str:
    """Return the text with the chat format's own tokens in it, as the peer's tokenizer reads them back."""
    whole: str = tokenizers.Tokenizer.from_str(loaded.tokenizer.json).decode(list(ids), skip_special_tokens=False)
    return whole


def _steps(trees: Sequence[TokenTree]) -> Iterator[Sequence[TokenTree]]:
    """Yield one tree a step: its sequences are the batch."""
    for tree in trees:
        yield [tree]


def _our_sft(base: str, roots: Sequence[Path], trees: Sequence[TokenTree]) -> float:
    model, parameters, optimizer = _adapted(base, roots)
    batch_loss(model, trees[:1]).backward()  # type: ignore[no-untyped-call]  # the first run allocates
    started = time.perf_counter()
    for batch in _steps(trees):
        optimizer.zero_grad(set_to_none=True)
        batch_loss(model, batch).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
    return time.perf_counter() - started


def _our_dpo(base: str, roots: Sequence[Path], trees: Sequence[TokenTree]) -> float:
    """Time references and steps: TRL computes its references in the same run."""
    model, parameters, optimizer = _adapted(base, roots)
    with torch.no_grad():
        answer_log_probs(model, trees[:1])
    started = time.perf_counter()
    for batch in _steps(trees):
        with torch.no_grad():
            reference = answer_log_probs(model, batch)
        optimizer.zero_grad(set_to_none=True)
        dpo_loss(*answer_log_probs(model, batch), *reference, BETA, 0.0).loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
    return time.perf_counter() - started


def _adapted(base: str, roots: Sequence[Path]) -> tuple[Any, list[Any], torch.optim.Optimizer]:
    model = load_checkpoint(base, roots, merged=False).model
    model.train()
    parameters = lora.attach(model, lora.LoraConfig(RANK, ALPHA), 17)
    return model, parameters, torch.optim.AdamW(parameters, lr=RATE, betas=(0.9, 0.95), weight_decay=0.0)


def _trl_sft(folder: Path, examples: Sequence[Sequence[Text]], work: Path) -> float:
    rows = [{"prompt": text.prompt, "completion": text.completion} for texts in examples for text in texts]
    return _trl("SFT", folder, rows, len(examples), work, {})


def _trl_dpo(folder: Path, examples: Sequence[Sequence[Text]], work: Path) -> float:
    rows = []
    for chosen, rejected in examples:
        rows.append({"prompt": chosen.prompt, "chosen": chosen.completion, "rejected": rejected.completion})
    return _trl("DPO", folder, rows, len(rows), work, {"beta": BETA})


_PLAIN: dict[str, Any] = {
    "num_train_epochs": 1, "learning_rate": RATE, "max_length": 2048, "use_cpu": True, "bf16": False,
    "gradient_checkpointing": False, "report_to": "none", "save_strategy": "no", "logging_strategy": "no",
    "disable_tqdm": True,
}  # fmt: skip
"""One epoch in float32 without anything beside the training."""


def _trl(  # noqa: PLR0913, PLR0917 - a trainer and what it is given
    stage: str,
    folder: Path,
    rows: list[dict[str, str]],
    steps: int,
    work: Path,
    more: Mapping[str, Any],
) -> float:
    """Train one epoch in about `steps` equal batches; return the seconds between the trainer's first and last step."""
    import transformers  # noqa: PLC0415
    import trl  # noqa: PLC0415 - only for comparing
    from datasets import Dataset, disable_progress_bars  # noqa: PLC0415
    from peft import LoraConfig  # noqa: PLC0415
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, PrinterCallback, TrainerCallback  # noqa: PLC0415

    disable_progress_bars()
    quiet: Any = transformers.logging
    quiet.set_verbosity_error()
    quiet.disable_progress_bar()
    clock: dict[str, float] = {}

    class Clock(TrainerCallback):
        def on_step_begin(self, *_: Any, **__: Any) -> None:
            clock.setdefault("begin", time.perf_counter())

        def on_step_end(self, *_: Any, **__: Any) -> None:
            clock["end"] = time.perf_counter()

    marks = {"eos_token": END_OF_TURN, "pad_token": END_OF_TEXT}
    reader: Any = PreTrainedTokenizerFast
    reader = reader(tokenizer_file=str(folder / "tokenizer.json"), **marks)
    random.Random(3).shuffle(rows)
    settings = getattr(trl, f"{stage}Config")(
        output_dir=str(work / "trl"), per_device_train_batch_size=max(1, len(rows) // steps), **_PLAIN, **more
    )
    trainer = getattr(trl, f"{stage}Trainer")(
        model=AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32),
        args=settings,
        train_dataset=Dataset.from_list(rows),
        processing_class=reader,
        peft_config=LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=_PROJECTIONS, task_type="CAUSAL_LM"),
        callbacks=[Clock()],
    )
    trainer.remove_callback(PrinterCallback)
    first = next(iter(trainer.get_train_dataloader()))
    trainer.compute_loss(trainer.model, dict(first)).backward()  # the first run allocates
    trainer.model.zero_grad()
    trainer.train()
    return clock["end"] - clock["begin"]
