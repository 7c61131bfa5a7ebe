"""Composes a night: settings and tables in, `lifecycle.nightly.Night` and its book out. Holds no rule of its own."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from sqlmodel import Session

from infra.settings import Settings
from lifecycle.night_plan import NightPlan
from lifecycle.nightly import Curve, Done, Night, run_night
from lifecycle.snapshot import ChosenLabel, SnapshotRules, Written, make_snapshot
from lifecycle.suites import Case, Suites, load_suites
from services.adapters.dry_run import DryRunTools
from services.domain.cases import parse_case
from services.domain.gate import GateReport
from services.domain.jobs import Lease
from services.domain.nights import NightStatus
from services.domain.redaction import redactor_for
from services.domain.releases import CheckpointName
from services.inference.cards import read_card
from services.inference.rows import redacted
from services.ports import Clock, Decider
from services.store import night_records as records
from services.store.failures import regression_cases, regression_evidence, regression_orders
from services.store.night_records import NewDataset, NewNight, NightRecords, StageRecord
from services.store.review_gold import gold_scores
from services.store.sessions import Sessions
from services.store.training_labels import Choice, training_labels
from workers.case_runner import run_cases
from workers.checkpoints import roots
from workers.commands.train import code_version

PROGRESS_EVERY_SECONDS = 2.0


Value = TypeVar("Value")


class Releases(Protocol):
    """What a night needs of releasing."""

    def champion(self) -> CheckpointName:
        """Return the checkpoint at work."""

    def promote(self, reference: str, who: str, why: str) -> Any:
        """Move the champion. Raises what says why it was not moved."""


class LabelRules(NamedTuple):
    """How labels are chosen and become rows, as the settings say."""

    undo_window: timedelta
    rows: SnapshotRules

    def cutoff(self, now: datetime) -> datetime:
        """Return the moment before which a label must have been given to train."""
        return now - self.undo_window


def rules_of(settings: Settings) -> LabelRules:
    window = timedelta(seconds=settings.undo_window_seconds)
    return LabelRules(window, SnapshotRules(settings.nightly_holdout_share, settings.nightly_seed, chosen_by(settings)))


def chosen_by(settings: Settings) -> dict[str, Any]:
    """Return the store's rules for labels, for the record."""
    return {
        "undo_window_seconds": settings.undo_window_seconds,
        "most_per_reviewer": settings.nightly_most_labels_per_reviewer,
        "two_people": settings.nightly_two_people,
    }


def plan_of(settings: Settings, minutes: float | None = None, *, release: bool = True) -> NightPlan:
    """Return the plan that the settings ask for."""
    return NightPlan(
        budget_minutes=minutes or settings.nightly_max_minutes,
        seed=settings.nightly_seed,
        min_labels=settings.nightly_min_labels,
        holdout_share=settings.nightly_holdout_share,
        chosen_by=chosen_by(settings),
        labels_per_reviewer=settings.nightly_most_labels_per_reviewer,
        memory_mib=settings.gate_memory_mib,
        release=release and settings.nightly_release,
        rlvr_steps=settings.nightly_rlvr_steps,
    )


class DeskBook:
    """Implements `lifecycle.nightly.Book` on the night's records. `hear` gets every line, for a terminal or a log."""

    def __init__(self, kept: NightRecords, hear: Callable[[str, str], None]) -> None:
        self._kept, self._hear = kept, hear
        self._noted = self._shown = time.monotonic()

    def finished(self, stage: str) -> Done | None:
        found = self._kept.finished(stage)
        if found is None:
            return None
        ending = found.figures.get("ending")
        return Done(found.figures, found.note, found.skipped, NightStatus(ending) if ending else None)

    def begin(self, stage: str) -> None:
        self._noted = time.monotonic()
        self._kept.begin(stage)
        self._hear(stage, "begins")

    def progress(self, stage: str, done: int, total: int, note: str, curve: Callable[[], Curve | None]) -> None:
        now = time.monotonic()
        if now - self._shown < PROGRESS_EVERY_SECONDS and done < total:
            return
        self._shown = now
        values: dict[str, Any] = {"done": done, "total": total, "note": note}
        if points := curve():
            values["curve"] = list(points)
        self._kept.progress(stage, values, self._lap())

    def say(self, stage: str, line: str) -> None:
        self._kept.say(stage, line)
        self._hear(stage, line)

    def finish(self, stage: str, done: Done) -> None:
        figures = {**done.figures, "ending": done.ending.value} if done.ending else done.figures
        self._kept.finish(stage, StageRecord(figures, done.note, done.skipped), self._lap())
        self._hear(stage, done.note)

    def fail(self, stage: str, why: str) -> None:
        self._kept.fail(stage, why, self._lap())
        self._hear(stage, why)

    def remember(self, name: str, value: Any) -> Any:
        return self._kept.remember(name, value)

    def recall(self, name: str) -> Any:
        return self._kept.recall(name)

    def seconds_spent(self) -> float:
        return self._kept.seconds_spent() + time.monotonic() - self._noted

    def _lap(self) -> float:
        now = time.monotonic()
        spent, self._noted = now - self._noted, now
        return spent


def chosen_labels(
    session: Session, choice: Choice, secret: bytes, kept_apart: tuple[set[str], set[str]] = (set(), set())
) -> Iterator[ChosenLabel]:
    """Yield the labels that may train, without personal data.

    `kept_apart` are the orders and the digests of evidence that only judge: regression cases.
    """
    orders, evidence = kept_apart
    for one in training_labels(session, choice):
        case = one.labelled.evidence
        if case.facts.order_id in orders or case.digest in evidence:
            continue
        redactor = redactor_for(secret, case.facts, one.personal)
        yield ChosenLabel(one.label_id, one.reviewer, redacted(one.labelled, redactor))


@dataclass(frozen=True)
class NightDesk:
    """Runs nights. `suites` may be set to others than the golden cases (tests do)."""

    settings: Settings
    sessions: Sessions
    clock: Clock
    releases: Releases
    suites: Callable[[Sequence[Path]], Suites] | None = None

    def run(self, night_id: str, lease: Lease | None, hear: Callable[[str, str], None], first: NewNight) -> Done:
        """Run or go on with a night, begun as `first` says where it is new; return how it ended, also on record.

        Raises LeaseLost, and what a stage raises.
        """
        now = self.clock.now
        kept = NightRecords(self.sessions, night_id, now, lease)
        kept.in_transaction(lambda session: records.begin_night(session, first, now()))
        with self.sessions() as session:
            stored = records.stored_night(session, night_id) or first
        done = run_night(self.night(stored, kept), DeskBook(kept, hear))
        ending = done.ending or NightStatus.FAILED
        kept.in_transaction(lambda session: records.end_night(session, night_id, ending, done.note, now()))
        return done

    def first(self, night_id: str, on: date, asked_by: str, plan: NightPlan) -> NewNight:
        """Return what a night begins with now: labels whose time for undo is over, the champion of this moment."""
        cutoff = rules_of(self.settings).cutoff(self.clock.now())
        return NewNight(night_id, on, asked_by, cutoff, plan.as_stored(), self.releases.champion().digest)

    def preview(self, plan: NightPlan) -> list[str]:
        """Return what a night would do, in words. Measures this machine's pace; writes nothing."""
        from lifecycle.night_pace import material  # noqa: PLC0415 - torch takes seconds to import
        from lifecycle.night_plan import choose_steps  # noqa: PLC0415

        first = self.first("preview", self.clock.now().date(), "preview", plan)
        night = self.night(first, NightRecords(self.sessions, first.id, self.clock.now, None))
        labels = list(night.labels())
        made = make_snapshot(
            labels, SnapshotRules(plan.holdout_share, plan.seed), [*night.suites(()).all_cases(), *night.regressions()]
        )
        new = night.new_among([one.label_id for one in labels])
        lines = [f"{len(labels)} labels may train, {new} of them new; {plan.min_labels} new ones are needed"]
        lines += [f"  {count} left out: {why}" for why, count in sorted(made.left_out.items())]
        if new < plan.min_labels or not made.label_ids:
            return [*lines, "nothing would be trained"]
        steps = choose_steps(plan, material(night, made))
        lines.append(f"dataset: {len(made.worlds)} demonstrations and {steps.seed_worlds} seed worlds, ")
        lines[-1] += (
            f"{len(made.pairs)} pairs and {steps.seed_pairs} seed pairs, {len(made.holdout)} kept to judge with"
        )
        lines.append(f"training: {steps.sft_steps} fine-tuning and {steps.dpo_steps} preference steps")
        lines.append(f"budget: {plan.budget_minutes:g} minutes, of which judging gets what training leaves")
        return [*lines, *(f"left out: {line}" for line in steps.left_out)]

    def night(self, stored: NewNight, kept: NightRecords) -> Night:
        """Return the night as lifecycle runs it."""
        plan, now, write = NightPlan.of(stored.plan), self.clock.now, kept.in_transaction
        who = "nightly" if stored.asked_by == "beat" else stored.asked_by

        def keep_dataset(written: Written, signs: Mapping[str, Any]) -> None:
            write(lambda session: records.keep_dataset(session, stored.id, dataset_row(written, signs), now()))

        def keep_checkpoint(folder: Path) -> None:
            card = read_card(folder).model_dump(mode="json")
            write(lambda session: records.keep_checkpoint(session, stored.id, card, str(folder), now()))

        def keep_report(report: GateReport) -> None:
            write(lambda session: records.keep_report(session, report, now()))

        return Night(
            id=stored.id,
            plan=plan,
            folder=self.settings.nights_dir.resolve() / stored.id,
            datasets=self.settings.datasets_dir.resolve(),
            roots=[path.resolve() for path in roots(self.settings)],
            champion=stored.champion,
            code=code_version(),
            labels=lambda: self._read(partial(labels_for, self.settings, stored.cutoff)),
            new_among=lambda ids: self._read(lambda session: records.new_among(session, ids, stored.id)),
            gold=lambda: {one.reviewer: (one.right, one.answered) for one in self._read(gold_scores)},
            regressions=lambda: self._read(regression_cases),
            suites=self.suites or partial(load_suites, plan.seed),
            run_cases=run_rows,
            run_tool=DryRunTools(),
            keep_dataset=keep_dataset,
            keep_checkpoint=keep_checkpoint,
            keep_report=keep_report,
            promote=lambda digest, why: self._promote(digest, who, why),
            now=now,
        )

    def _promote(self, digest: str, who: str, why: str) -> str:
        if self.releases.champion().digest != digest:
            self.releases.promote(digest, who, why)
        return f"released {digest[:12]}: {why}"

    def _read(self, read: Callable[[Session], Value]) -> Value:
        with self.sessions() as session:
            return read(session)


def labels_for(settings: Settings, cutoff: datetime, session: Session) -> list[ChosenLabel]:
    """Return the labels given before `cutoff` that may train by the settings' rules, without personal data."""
    choice = Choice(
        cutoff, timedelta(0), settings.nightly_most_labels_per_reviewer, agreed_only=settings.nightly_two_people
    )
    secret = settings.secret_key.get_secret_value().encode()
    apart = regression_orders(session), regression_evidence(session)
    return list(chosen_labels(session, choice, secret, apart))


def dataset_row(written: Written, signs: Mapping[str, Any]) -> NewDataset:
    manifest = written.manifest
    counts = {**manifest["counts"], "signs": dict(signs), "files": manifest["files"]}
    return NewDataset(written.digest, str(written.folder), manifest["labels"], counts, manifest["rules"])


def run_rows(cases: Sequence[Case], decider: Decider) -> Iterable[Mapping[str, Any]]:
    """Run rows of `eval` through the product loop, dry-run tools and all."""
    return run_cases([parse_case(case) for case in cases], decider)
