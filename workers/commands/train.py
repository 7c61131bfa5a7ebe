"""`returns-desk train ...`: one stage a command, resumable. The loops are lifecycle's; here they get names."""

import hashlib
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.commands.output import bad_input

if TYPE_CHECKING:
    from lifecycle.examples import TokenTree
    from services.inference.tokenizer import Tokenizer

app = typer.Typer(help="Train: one stage a command; killed, the same command goes on.", no_args_is_help=True)

Data = Annotated[Path, typer.Option(help="JSONL of the dataset.")]
RunFolder = Annotated[Path, typer.Option("--run", "--run-folder", help="Folder of this run (long name: torchrun).")]
Base = Annotated[str | None, typer.Option(help="Checkpoint to start from; the base model where omitted.")]
Name = Annotated[str, typer.Option(help="Name of the checkpoint that is sealed.")]
Rate = Annotated[float, typer.Option(help="Peak learning rate.", min=0)]
Steps = Annotated[int, typer.Option(help="Optimiser steps; 0 for whole epochs.", min=0)]
Epochs = Annotated[int, typer.Option(help="Passes over the dataset.", min=1)]
Seed = Annotated[int, typer.Option(help="The same seed gives the same weights on the same machine.")]


@app.command()
def sft(
    data: Data,
    run: RunFolder,
    name: Name,
    base: Base = None,
    epochs: Epochs = 1,
    max_steps: Steps = 0,
    batch_worlds: Annotated[int, typer.Option(help="Worlds a step.", min=1)] = 3,
    rate: Rate = 1e-3,
    rank: Annotated[int, typer.Option(help="Rank of a fresh adapter.", min=1)] = 16,
    save_every: Annotated[int, typer.Option(help="Steps between saved states.", min=1)] = 50,
    end_at: Annotated[int | None, typer.Option(help="Seal after this step of the plan.", min=1)] = None,
    seed: Seed = 17,
) -> None:
    """Fine-tune an adapter on worlds: the answers of the desk, and nothing that serving copies.

    Example: returns-desk train sft --data var/sft.jsonl --run var/runs/a --name my-adapter
    """
    with one_line():
        from lifecycle.examples import read_worlds, tree_of  # noqa: PLC0415
        from lifecycle.sft import SFTSettings, train_sft  # noqa: PLC0415

        reference, roots = base_of(base)
        trees: Sequence[TokenTree] = [tree_of(w, _tokenizer(reference, roots)) for w in read_worlds(existing(data))]
        settings = SFTSettings(
            base=reference,
            dataset_digest=digest(data),
            epochs=epochs,
            max_steps=max_steps,
            batch_worlds=batch_worlds,
            rate=rate,
            rank=rank,
            alpha=2.0 * rank,
            save_every=save_every,
            seed=seed,
        )
        print(train_sft(settings, trees, run, roots, name, {"code_version": code_version()}, end_at))


@app.command()
def dpo(
    data: Data,
    run: RunFolder,
    name: Name,
    base: Base = None,
    epochs: Epochs = 1,
    max_steps: Steps = 0,
    batch_pairs: Annotated[int, typer.Option(help="Pairs a step.", min=1)] = 4,
    beta: Annotated[float, typer.Option(help="How near the reference to stay.", min=0)] = 0.1,
    label_smoothing: Annotated[float, typer.Option(help="Share of flipped labels.", min=0, max=0.49)] = 0.0,
    rate: Rate = 1e-4,
    save_every: Annotated[int, typer.Option(help="Steps between saved states.", min=1)] = 25,
    seed: Seed = 17,
) -> None:
    """Prefer the chosen answers of pairs; the checkpoint it starts from is the reference.

    Example: returns-desk train dpo --data var/pairs.jsonl --run var/runs/d --base my-adapter --name my-adapter-dpo
    """
    with one_line():
        from lifecycle.dpo import DPOSettings, train_dpo  # noqa: PLC0415
        from lifecycle.preferences import pair_tree, read_pairs  # noqa: PLC0415

        reference, roots = base_of(base)
        tokenizer = _tokenizer(reference, roots)
        trees = [pair_tree(pair, tokenizer) for pair in read_pairs(existing(data))]
        settings = DPOSettings(
            base=reference,
            dataset_digest=digest(data),
            epochs=epochs,
            max_steps=max_steps,
            batch_pairs=batch_pairs,
            beta=beta,
            label_smoothing=label_smoothing,
            rate=rate,
            save_every=save_every,
            seed=seed,
        )
        print(train_dpo(settings, trees, run, roots, name, {"code_version": code_version()}))


@app.command()
def pretrain(
    data: Annotated[Path, typer.Option(help="A text file.")],
    run: RunFolder,
    name: Name,
    base: Base = None,
    scratch: Annotated[bool, typer.Option("--scratch/--continue", help="Fresh small weights, or the base's.")] = True,
    steps: Annotated[int, typer.Option(help="Optimiser steps.", min=1)] = 200,
    rate: Rate = 3e-3,
    seed: Seed = 17,
) -> None:
    """Train all weights to predict the next token of a text; reports loss and perplexity on its held-out end.

    Example: returns-desk train pretrain --data policies.txt --run var/runs/p --name tiny-from-scratch
    """
    with one_line():
        from lifecycle.pretrain import PretrainSettings, train_pretrain  # noqa: PLC0415
        from services.inference.checkpoint import read_card  # noqa: PLC0415

        reference, roots = base_of(base)
        settings = PretrainSettings(
            base=reference, dataset_digest=digest(data), scratch=scratch, steps=steps, rate=rate, seed=seed
        )
        text = data.read_text(encoding="utf-8")
        folder = train_pretrain(settings, text, run, roots, name, {"code_version": code_version()})
        details = read_card(folder).details
        print(f"held-out loss {details['heldout_loss']:.3f}, perplexity {details['heldout_perplexity']:.1f}")
        print(folder)


@app.command()
def plan(
    data: Data,
    base: Base = None,
    epochs: Epochs = 1,
    batch_worlds: Annotated[int, typer.Option(help="Worlds a step.", min=1)] = 3,
    rank: Annotated[int, typer.Option(help="Rank of a fresh adapter.", min=1)] = 16,
) -> None:
    """Say what a fine-tuning run will cost here, its rate measured on a few steps.

    Example: returns-desk train plan --data var/sft.jsonl --epochs 1
    """
    with one_line():
        from lifecycle.examples import read_worlds, tree_of  # noqa: PLC0415
        from lifecycle.plan import make_plan  # noqa: PLC0415
        from lifecycle.runs import RunError  # noqa: PLC0415
        from services.inference.checkpoint import load_checkpoint  # noqa: PLC0415

        reference, roots = base_of(base)
        trees = [tree_of(w, _tokenizer(reference, roots)) for w in read_worlds(existing(data))]
        if not trees:
            raise RunError("dataset: it holds no row; build one first (returns-desk data build)")
        model = load_checkpoint(reference, roots, merged=False).model
        made = make_plan(model, trees, epochs, batch_worlds, rank)
        print(f"parameters  {made.parameters:,} of which trained {made.trained:,}")
        print(f"tokens      {made.tokens:,}")
        print(f"arithmetic  {made.flops:.2e} FLOPs")
        print(f"memory      {made.bytes_state / 2**30:.2f} GiB of weights, gradients and moments, without activations")
        print(f"time        {made.seconds / 60:.1f} minutes at {made.tokens_per_second:.0f} tokens/s, measured here")
        print(f"for scale   from scratch this size wants about {made.optimal_tokens:,} tokens (Hoffmann et al. 2022);")
        print("            the laws were fitted on large models trained from scratch: they say nothing of fine-tuning")


@contextmanager
def one_line() -> Iterator[None]:
    """Turn every refusal of a stage into one line on standard error."""
    from lifecycle import distributed  # noqa: PLC0415
    from lifecycle.examples import DataError  # noqa: PLC0415
    from lifecycle.runs import RunError  # noqa: PLC0415
    from services.inference.checkpoint import CheckpointError  # noqa: PLC0415
    from services.inference.llama import ModelError  # noqa: PLC0415
    from services.inference.tokenizer import TokenizerError  # noqa: PLC0415
    from services.inference.wheels import WeightsUnavailable  # noqa: PLC0415

    try:
        distributed.join()
        yield
    except DataError as error:
        bad_input(f"--data: {error}")
    except UnicodeDecodeError as error:
        bad_input(f"--data: not UTF-8 at byte {error.start}; save the file as UTF-8")
    except (WeightsUnavailable, CheckpointError, ModelError, TokenizerError) as error:
        bad_input(f"--base: {error}")
    except RunError as error:
        bad_input(f"--run: {error}")
    finally:
        distributed.leave()


def base_of(reference: str | None) -> tuple[str, tuple[Path, ...]]:
    """Return the digest of the checkpoint to start from, and where checkpoints lie; new ones go into the first."""
    from infra.settings import get_settings  # noqa: PLC0415
    from services.inference.base import BASE_NAME, ensure_base  # noqa: PLC0415
    from services.inference.checkpoint import read_card, resolve  # noqa: PLC0415
    from workers.checkpoints import roots  # noqa: PLC0415

    settings = get_settings()
    places = roots(settings)
    if reference is None or reference == BASE_NAME:
        return read_card(ensure_base(settings.checkpoints_dir)).digest, places
    folder = resolve(reference, places)
    if folder.parent not in places:
        # A folder outside the roots is found again by its digest, because its parent becomes the last place to look.
        places = (*places, folder.parent)
    return read_card(folder).digest, places


_TOKENIZERS: dict[str, Any] = {}


def _tokenizer(reference: str, roots: Sequence[Path]) -> "Tokenizer":
    from services.inference.checkpoint import TOKENIZER, read_card, resolve  # noqa: PLC0415
    from services.inference.tokenizer import Tokenizer  # noqa: PLC0415

    if reference not in _TOKENIZERS:
        folder = resolve(reference, roots)
        card = read_card(folder)
        _TOKENIZERS[reference] = Tokenizer(
            (resolve(card.base_digest, roots) if card.base_digest else folder) / TOKENIZER
        )
    found: Tokenizer = _TOKENIZERS[reference]
    return found


def existing(path: Path, option: str = "--data") -> Path:
    if not path.is_file():
        bad_input(f"{option}: no file {path}; build one with returns-desk data build")
    return path


def digest(path: Path) -> str:
    return hashlib.sha256(existing(path).read_bytes()).hexdigest()


def code_version() -> str:
    """Return the commit of the code, `+changes` where the tree differs from it, or `unknown` outside a checkout."""
    here = Path(__file__).parent
    try:
        out = subprocess.run(
            ["git", "describe", "--always", "--dirty=+changes", "--abbrev=12"],  # noqa: S607
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return out.stdout.strip()
