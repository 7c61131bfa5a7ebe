"""`returns-desk data snapshot`: reviewers' labels as a dataset on disk and on record, named by its digest."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from workers.commands.opened import opened
from workers.commands.output import NEGATIVE, bad_input


def snapshot(
    *,
    out: Annotated[Path | None, typer.Option(help="Folder for datasets; var/datasets if omitted.")] = None,
    agreed_only: Annotated[bool, typer.Option(help="Only what two people said alike, or an adjudicator.")] = False,
    most_per_reviewer: Annotated[int | None, typer.Option(min=1, help="At most so many labels of one person.")] = None,
    holdout_share: Annotated[
        float | None, typer.Option(min=0, max=0.5, help="Share of orders that judge and train nothing.")
    ] = None,
    seed_worlds: Annotated[int, typer.Option(min=0, help="Seed worlds to stand beside the labels.")] = 0,
    seed: Annotated[int, typer.Option(help="The same labels and seed give the same digest.")] = 17,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
) -> None:
    """Write labels past their time for undo as SFT worlds, pairs and held-out cases, redacted, deduplicated, leak-free.

    Exits with 1 where no label makes a row. What a label taught can be asked from then on; it is taken back no more.

    Example: returns-desk data snapshot --seed-worlds 200
    """
    from infra.settings import SettingsInvalid, get_settings  # noqa: PLC0415 - keeps --help fast
    from lifecycle.audit import supported  # noqa: PLC0415
    from lifecycle.night_signs import data_signs  # noqa: PLC0415
    from lifecycle.seed.build import seed_worlds as build  # noqa: PLC0415
    from lifecycle.snapshot import make_snapshot, write_snapshot  # noqa: PLC0415
    from lifecycle.suites import load_suites  # noqa: PLC0415
    from services.store.failures import regression_cases  # noqa: PLC0415
    from services.store.night_records import keep_dataset  # noqa: PLC0415
    from services.store.review_gold import gold_scores  # noqa: PLC0415
    from workers.nightly_parts import dataset_row, labels_for, rules_of  # noqa: PLC0415

    try:
        settings = get_settings()
    except SettingsInvalid as error:
        bad_input(str(error))
    settings = _as_asked(settings, agreed_only, most_per_reviewer, holdout_share, seed)
    now, rules = datetime.now(UTC), rules_of(settings)
    with opened("returns-desk-data") as opener, opener() as session:
        labels = labels_for(settings, rules.cutoff(now), session)
        made = make_snapshot(labels, rules.rows, [*load_suites(seed).all_cases(), *regression_cases(session)])
        if not made.label_ids:
            typer.echo(f"returns-desk: none of {len(labels)} labels makes a row: {dict(made.left_out)}", err=True)
            raise typer.Exit(NEGATIVE)
        worlds = list(supported(build(seed_worlds, seed))) if seed_worlds else []
        gold = {one.reviewer: (one.right, one.answered) for one in gold_scores(session)}
        signs = data_signs(labels, made, gold, [case.message for world in worlds for case in world.cases])
        try:
            written = write_snapshot(out or settings.datasets_dir, made, rules.rows, worlds, [])
        except OSError as error:
            bad_input(f"--out: cannot write there: {error.strerror}")
        keep_dataset(session, None, dataset_row(written, signs), now)
    typer.echo(_told(written, signs, as_json))


def _told(written: Any, signs: Any, as_json: bool) -> str:
    if as_json:
        return json.dumps({**written.manifest, "folder": str(written.folder), "signs": signs}, indent=1)
    counts = (f"\n  {name}: {value}" for name, value in written.manifest["counts"].items())
    return f"{written.digest}  {written.folder}" + "".join(counts)


def _as_asked(settings: Any, agreed_only: bool, most: int | None, holdout_share: float | None, seed: int) -> Any:
    """Return the settings with what the options say put in; what they leave open stays."""
    changes = {
        "nightly_two_people": agreed_only or settings.nightly_two_people,
        "nightly_most_labels_per_reviewer": most or settings.nightly_most_labels_per_reviewer,
        "nightly_holdout_share": settings.nightly_holdout_share if holdout_share is None else holdout_share,
        "nightly_seed": seed,
    }
    return settings.model_copy(update=changes)
