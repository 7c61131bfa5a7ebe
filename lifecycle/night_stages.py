"""The training stages of a night, one function each. Their order is `nightly`'s, the loops are those of each stage."""

from pathlib import Path

from lifecycle.dpo import DPOSettings, train_dpo
from lifecycle.examples import read_worlds, tree_of
from lifecycle.night_pace import seed_pairs_for, seed_worlds_for, steps_for
from lifecycle.night_signs import data_signs
from lifecycle.night_support import (
    HOLDOUT_CASES,
    REGRESSIONS,
    checkpoint_after,
    dataset_of,
    kept_rows,
    run_folder,
    tokenizer_of,
)
from lifecycle.nightly import Book, Done, Night
from lifecycle.preferences import pair_tree, read_pairs
from lifecycle.runs import RunError
from lifecycle.seed.build import seed_worlds
from lifecycle.sft import SFTSettings, train_sft
from lifecycle.snapshot import PAIRS, SFT, SnapshotRules, make_snapshot, write_snapshot
from services.domain.nights import NightStatus
from services.inference.checkpoint import read_card


def take_snapshot(night: Night, book: Book) -> Done:
    """Choose tonight's labels and write the dataset; ends the night where too few are new."""
    labels = list(night.labels())
    regressions = kept_rows(night.folder / REGRESSIONS, night.regressions)
    rules = SnapshotRules(night.plan.holdout_share, night.plan.seed, night.plan.chosen_by)
    judged = [*night.suites(()).all_cases(), *regressions]
    made = make_snapshot(labels, rules, judged)
    new = night.new_among([one.label_id for one in labels])
    left_out = ", ".join(f"{count} {why}" for why, count in sorted(made.left_out.items()))
    book.say("snapshot", f"{len(labels)} labels may train, {new} of them new; {left_out or 'none left out'}")
    for line in made.notes:
        book.say("snapshot", line)
    if new < night.plan.min_labels or not made.label_ids:
        note = f"{new} new labels since the last training, {night.plan.min_labels} are needed: nothing was trained"
        if new >= night.plan.min_labels:
            note = f"none of {len(labels)} labels makes a training example: nothing was trained"
        return Done({"new_labels": new, "labels": len(labels)}, note, ending=NightStatus.SKIPPED)
    steps = steps_for(night, book, made)
    worlds = seed_worlds_for(steps.seed_worlds, night.plan.seed)
    pairs = seed_pairs_for(steps.seed_pairs, night.plan.seed)
    written = write_snapshot(night.datasets, made, rules, worlds, pairs)
    kept_rows(night.folder / HOLDOUT_CASES, lambda: made.holdout)
    signs = data_signs(labels, made, night.gold(), [case.message for world in worlds for case in world.cases])
    night.keep_dataset(written, signs)
    figures = {
        "dataset": written.digest,
        "folder": str(written.folder),
        "new_labels": new,
        "counts": written.manifest["counts"],
        "steps": steps._asdict(),
        "signs": signs,
    }
    return Done(figures, f"dataset {written.digest[:12]}: {len(made.label_ids)} labels, {new} of them new")


def fine_tune(night: Night, book: Book) -> Done:
    """Train the champion's adapter on seed worlds and demonstrations."""
    folder, digest, steps = dataset_of(book)
    trees = [tree_of(world, tokenizer_of(night)) for world in read_worlds(folder / SFT)]
    if not steps.sft_steps or not trees:
        return Done({"checkpoint": night.champion}, "no demonstration to learn from", skipped=True)
    plan = night.plan
    settings = SFTSettings(
        base=night.champion,
        dataset_digest=digest,
        max_steps=steps.sft_steps,
        batch_worlds=plan.batch_worlds,
        rate=plan.sft_rate,
        warmup=min(10, steps.sft_steps),
        save_every=plan.save_every,
        seed=plan.seed,
    )
    extra = {"code_version": night.code, "night": night.id}
    sealed = train_sft(settings, trees, run_folder(night, "sft"), night.roots, f"night-{night.id}-sft", extra)
    return _sealed(night, sealed, f"{steps.sft_steps} steps on {len(trees)} worlds")


def prefer(night: Night, book: Book) -> Done:
    """Prefer what reviewers preferred; a run that collapses is left out, and the night goes on without it."""
    folder, digest, steps = dataset_of(book)
    parent = checkpoint_after(book, "sft")
    trees = [pair_tree(pair, tokenizer_of(night)) for pair in read_pairs(folder / PAIRS)]
    if not steps.dpo_steps or not trees:
        return Done({"checkpoint": parent}, "tonight's labels make no pair", skipped=True)
    plan = night.plan
    settings = DPOSettings(
        base=parent,
        dataset_digest=digest,
        max_steps=steps.dpo_steps,
        batch_pairs=plan.batch_pairs,
        rate=plan.dpo_rate,
        warmup=min(5, steps.dpo_steps),
        save_every=plan.save_every,
        seed=plan.seed,
    )
    extra = {"code_version": night.code, "night": night.id}
    try:
        sealed = train_dpo(settings, trees, run_folder(night, "dpo"), night.roots, f"night-{night.id}-dpo", extra)
    except RunError as error:
        book.say("dpo", str(error))
        return Done({"checkpoint": parent, "stopped": str(error)}, f"left out: {error}", skipped=True)
    return _sealed(night, sealed, f"{steps.dpo_steps} steps on {len(trees)} pairs")


def reward(night: Night, book: Book) -> Done:
    """Train on verifiable rewards where the plan asks for it."""
    folder, digest, _ = dataset_of(book)
    parent = checkpoint_after(book, "dpo")
    if not night.plan.rlvr_steps:
        return Done({"checkpoint": parent}, "not asked for", skipped=True)
    from lifecycle.rlvr import RLVRSettings, train_rlvr  # noqa: PLC0415 - only where it is asked for

    settings = RLVRSettings(
        base=parent,
        dataset_digest=digest,
        steps=night.plan.rlvr_steps,
        seed=night.plan.seed,
        save_every=night.plan.save_every,
    )
    worlds = list(read_worlds(folder / SFT))
    heldout = list(seed_worlds(24, night.plan.seed + 1, split="heldout"))
    extra = {"code_version": night.code, "night": night.id}
    name = f"night-{night.id}-rlvr"
    try:
        sealed = train_rlvr(
            settings, worlds, heldout, night.run_tool, run_folder(night, "rlvr"), night.roots, name, extra
        )
    except RunError as error:
        book.say("rlvr", str(error))
        return Done({"checkpoint": parent, "stopped": str(error)}, f"left out: {error}", skipped=True)
    return _sealed(night, sealed, f"{night.plan.rlvr_steps} steps on {len(worlds)} worlds")


def _sealed(night: Night, folder: Path, note: str) -> Done:
    card = read_card(folder)
    night.keep_checkpoint(folder)
    losses = {name: value for name, value in card.details.items() if name.endswith(("_last_20", "_first_20"))}
    return Done({"checkpoint": card.digest, "name": card.name, **losses}, note)
