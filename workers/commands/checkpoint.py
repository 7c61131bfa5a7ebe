"""`returns-desk checkpoint`: look at checkpoint folders, and take merged weights out. Releasing them is `release`'s."""

from typing import Annotated

import typer

from workers.commands.output import bad_input

app = typer.Typer(help="Checkpoint folders: list, verify, merge.", no_args_is_help=True)

Reference = Annotated[str, typer.Argument(help="Name, digest (8 or more of it) or folder.")]


@app.command("list")
def list_() -> None:
    """List every checkpoint on this machine: name, digest, kind, stage, base.

    Example: returns-desk checkpoint list
    """
    from infra.settings import get_settings  # noqa: PLC0415 - keeps --help fast
    from services.inference.checkpoint import CheckpointError, known_folders, read_card  # noqa: PLC0415
    from workers.checkpoints import roots  # noqa: PLC0415

    try:
        cards = [read_card(folder) for folder in known_folders(roots(get_settings()))]
    except CheckpointError as error:
        bad_input(str(error))
    for card in cards:
        stage = card.details.get("stage", "base")
        print(f"{card.name:<32} {card.short}  {card.kind:<8} {stage:<9} {card.base_name or ''}".rstrip())


@app.command()
def verify(checkpoint: Reference) -> None:
    """Compare every file of a checkpoint, and of its base, with the digests on the cards.

    Example: returns-desk checkpoint verify returns-assistant-v1
    """
    from infra.settings import get_settings  # noqa: PLC0415
    from services.inference.checkpoint import CheckpointError, resolve  # noqa: PLC0415
    from services.inference.checkpoint import verify as check  # noqa: PLC0415
    from workers.checkpoints import roots  # noqa: PLC0415

    places = roots(get_settings())
    try:
        card = check(resolve(checkpoint, places))
        if card.base_digest:
            check(resolve(card.base_digest, places))
    except CheckpointError as error:
        bad_input(str(error))
    print(f"{card.name}@{card.short}: {len(card.files)} files as sealed")


@app.command()
def merge(
    checkpoint: Reference,
    name: Annotated[str, typer.Option(help="Name of the merged checkpoint.")],
) -> None:
    """Write an adapter into its base and seal the whole, for transformers, vLLM or llama.cpp; prints the folder.

    Example: returns-desk checkpoint merge returns-assistant-v1 --name returns-assistant-v1-merged
    """
    from infra.settings import get_settings  # noqa: PLC0415
    from services.inference.base import ensure_base  # noqa: PLC0415
    from services.inference.checkpoint import CheckpointError, resolve  # noqa: PLC0415
    from services.inference.merging import merge_checkpoint  # noqa: PLC0415
    from services.inference.wheels import WeightsUnavailable  # noqa: PLC0415
    from workers import checkpoints  # noqa: PLC0415

    settings = get_settings()
    places = checkpoints.roots(settings)
    try:
        folder = resolve(checkpoint, places)
        if folder.parent == checkpoints.RELEASED:
            ensure_base(settings.checkpoints_dir)
        print(merge_checkpoint(folder, places, name))
    except (WeightsUnavailable, CheckpointError) as error:
        bad_input(f"checkpoint: {error}")
