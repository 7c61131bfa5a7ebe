"""The last stages of a night: candidate and champion are judged, and the alias moves or stays."""

import shutil
from datetime import datetime

from lifecycle.gate import Limits
from lifecycle.night_judging import Setting, Trial, make_report, probe_both, run_suites
from lifecycle.night_pace import affordable
from lifecycle.night_signs import signs_of
from lifecycle.night_support import HOLDOUT_CASES, REGRESSIONS, checkpoint_after, figures_of, run_folder
from lifecycle.nightly import Book, Done, Night
from lifecycle.suites import Suites
from services.domain.nights import NightStatus


def evaluate_both(night: Night, book: Book) -> Done:
    """Run candidate and champion on the same cases, as many as fit, and probe both."""
    candidate = checkpoint_after(book, "rlvr")
    if candidate == night.champion:
        note = "no stage trained anything: there is no candidate"
        return Done({"candidate": candidate}, note, ending=NightStatus.SKIPPED)
    trial = _trial(night, candidate)
    suites = suites_of(night)
    benches = trial.benches()
    counts = book.recall("cases") or book.remember("cases", affordable(night, book, trial, benches, suites))
    chosen = suites.first(counts)
    run_suites(trial, benches, chosen)
    probe_both(trial, benches, chosen, night.plan.probe_cases)
    left_out = [
        f"{total - counts[name]} of {total} {name.replace('_', '-')} cases were not run"
        for name, total in suites.counts().items()
        if counts[name] < total
    ]
    for line in left_out:
        book.say("evaluate", line)
    figures = {"candidate": candidate, "cases": dict(counts), "left_out": left_out}
    return Done(figures, f"{sum(counts.values())} cases, both checkpoints")


def pass_judgement(night: Night, book: Book) -> Done:
    """Judge what was measured and put the report on record."""
    before = figures_of(book, "evaluate")
    shot = figures_of(book, "snapshot")
    trial = _trial(night, before["candidate"])
    chosen = suites_of(night).first(before["cases"])
    benches = trial.benches()
    outputs = run_suites(trial, benches, chosen)  # All kept by the stage before: nothing runs again.
    setting = Setting(
        data={"dataset": shot["dataset"]},
        code=night.code,
        seed=night.plan.seed,
        left_out=[*shot["steps"]["left_out"], *before["left_out"]],
        night=night.id,
        made_at=_moment(book, night),
    )
    limits = Limits(
        fewest_regression_cases=night.plan.fewest_cases.get("regression", 0),
        labels_per_reviewer=night.plan.labels_per_reviewer,
        memory_mib=night.plan.memory_mib,
    )
    probes = probe_both(trial, benches, chosen, night.plan.probe_cases)
    report = make_report(benches, chosen, outputs, probes, signs_of(shot["signs"]), limits, setting)
    night.keep_report(report)
    for reason in report.reasons:
        book.say("gate", reason)
    figures = {"report": report.digest, "verdict": report.verdict.value, "reasons": list(report.reasons)}
    return Done(figures, f"{report.verdict.upper()}: {'; '.join(report.reasons[:3])}")


def release(night: Night, book: Book) -> Done:
    """Move the champion where the gate ships; otherwise leave it where it is, and say why."""
    gate, candidate = figures_of(book, "gate"), figures_of(book, "evaluate")["candidate"]
    _drop_states(night)
    if gate["verdict"] != "ship":
        note = f"blocked: {'; '.join(gate['reasons'])}"
        return Done({"champion": night.champion}, note, skipped=True, ending=NightStatus.BLOCKED)
    if not night.plan.release:
        note = f"the gate ships {candidate[:12]}; it waits for `returns-desk release promote {candidate[:12]}`"
        return Done({"champion": night.champion}, note, skipped=True, ending=NightStatus.REHEARSED)
    said = night.promote(candidate, f"the gate shipped it in night {night.id} (report {gate['report'][:12]})")
    return Done({"champion": candidate}, said, ending=NightStatus.SHIPPED)


def _trial(night: Night, candidate: str) -> Trial:
    return Trial(night.folder, candidate, night.champion, night.roots, night.run_cases)


def suites_of(night: Night) -> Suites:
    return night.suites([night.folder / REGRESSIONS, night.folder / HOLDOUT_CASES])


def _moment(book: Book, night: Night) -> datetime:
    """Return when the report was first made, so that a resumed night makes the same one."""
    return datetime.fromisoformat(book.remember("reported_at", night.now().isoformat()))


def _drop_states(night: Night) -> None:
    """Remove the optimiser states of finished runs: three times the adapter's size, of no use any more."""
    for stage in ("sft", "dpo", "rlvr"):
        for name in ("state", ".state-old", ".state-writing"):
            shutil.rmtree(run_folder(night, stage) / name, ignore_errors=True)
