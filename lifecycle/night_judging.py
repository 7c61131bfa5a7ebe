"""Candidate and champion on the same cases in the same run, and the gate's report on them. For nights and `gate`.

Outputs are kept a line a case as they come, so that a run that was killed asks no case twice.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lifecycle.gate import Limits, Subject, judge, report_on
from lifecycle.gate_measures import DataSigns, Outputs, Probe, measure
from lifecycle.gate_probe import Bench, known_pairs, machine, open_bench, probe
from lifecycle.progress import Progress
from lifecycle.suites import NAMES, Case, RunCases, Suites, cases_digest
from services.domain.cases import evidence_of, parse_case
from services.domain.gate import GateReport
from services.inference.checkpoint import CheckpointCard

CHUNK = 16
PACE_CASES = 8


@dataclass(frozen=True)
class Trial:
    """Two checkpoints before the judge: the folder that keeps their outputs, and how cases are run."""

    folder: Path
    candidate: str
    champion: str
    roots: Sequence[Path]
    run_cases: RunCases

    def benches(self) -> tuple[Bench, Bench]:
        """Load both. Raises CheckpointError."""
        return open_bench(self.candidate, self.roots), open_bench(self.champion, self.roots)


def seconds_a_case(trial: Trial, benches: Sequence[Bench], suites: Suites) -> float:
    """Return how long one case takes one checkpoint here, measured on the first ones, the warm-up left out."""
    cases = suites.all_cases()[:PACE_CASES]
    if not cases:
        return 0.0
    list(trial.run_cases(cases[:2], benches[0].warm))
    started = time.monotonic()
    for bench in benches:
        list(trial.run_cases(cases, bench.warm))
    return (time.monotonic() - started) / (len(cases) * len(benches))


def run_suites(trial: Trial, benches: tuple[Bench, Bench], suites: Suites) -> tuple[Outputs, Outputs]:
    """Run what has not been run yet, both checkpoints in turn; return (candidate's, champion's) outputs by suite."""
    progress = Progress("judge", 2 * len(suites.all_cases()))
    outputs: tuple[dict[str, list[Mapping[str, Any]]], ...] = ({}, {})
    for name in NAMES:
        cases = suites.cases.get(name, ())
        files = [_file(trial, bench, name) for bench in benches]
        for which, file in enumerate(files):
            outputs[which][name] = _kept(file, cases)
            for _ in outputs[which][name]:
                progress.step()
        for start in range(0, len(cases), CHUNK):
            for which, (bench, file) in enumerate(zip(benches, files, strict=True)):
                wanted = cases[max(start, len(outputs[which][name])) : start + CHUNK]
                for row in trial.run_cases(wanted, bench.warm) if wanted else ():
                    outputs[which][name].append(row)
                    _keep(file, row)
                    progress.step(name)
    return outputs[0], outputs[1]


def probe_both(trial: Trial, benches: tuple[Bench, Bench], suites: Suites, count: int) -> tuple[Probe, Probe]:
    """Return both probes, kept in the folder once measured: a time measured again would make another report."""
    path = trial.folder / "probes.json"
    names = [bench.digest for bench in benches]
    if path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["checkpoints"] == names:
            return Probe(**kept["probes"][0]), Probe(**kept["probes"][1])
    evidence = [evidence_of(parse_case(case)) for case in suites.all_cases()[:count]]
    first, second = probe(benches, evidence, suites.pairs or known_pairs())
    _write(path, {"checkpoints": names, "probes": [first._asdict(), second._asdict()]})
    return first, second


@dataclass(frozen=True)
class Setting:
    """What a report names beside its figures."""

    data: Mapping[str, Any]
    code: str
    seed: int
    left_out: Sequence[str]
    night: str | None
    made_at: datetime


def make_report(  # noqa: PLR0913, PLR0917 - two checkpoints, their outputs, and what they rest on
    benches: tuple[Bench, Bench],
    suites: Suites,
    outputs: tuple[Outputs, Outputs],
    probes: tuple[Probe, Probe],
    signs: DataSigns,
    limits: Limits,
    setting: Setting,
) -> GateReport:
    """Return the gate's report on the candidate. Raises ValueError where outputs and cases do not belong together."""
    checks = judge(measure(suites, outputs, probes, signs), limits)
    data = {
        **setting.data,
        **{name: cases_digest(suites.cases.get(name, ())) for name in NAMES},
        "counts": suites.counts(),
        "files": dict(suites.digests),
    }
    subject = Subject(
        candidate=named(benches[0].loaded.card),
        champion=named(benches[1].loaded.card),
        data=data,
        code=setting.code,
        seed=setting.seed,
        machine=machine(),
        left_out=setting.left_out,
        night=setting.night,
        made_at=setting.made_at,
    )
    return report_on(subject, checks)


def named(card: CheckpointCard) -> dict[str, Any]:
    """Return what a report says of a checkpoint: everything that leads back to what it learned."""
    details = card.details
    return {
        "name": card.name,
        "digest": card.digest,
        "stage": details.get("stage"),
        "parent": details.get("parent"),
        "base": card.base_digest,
        "dataset": details.get("dataset_digest"),
    }


def _file(trial: Trial, bench: Bench, suite: str) -> Path:
    return trial.folder / "outputs" / bench.digest[:12] / f"{suite}.jsonl"


def _kept(file: Path, cases: Sequence[Case]) -> list[Mapping[str, Any]]:
    """Return the outputs of an earlier attempt, as far as they belong to these cases in this order."""
    if not file.exists():
        return []
    rows: list[Mapping[str, Any]] = []
    for line, case in zip(file.read_text(encoding="utf-8").splitlines(), cases, strict=False):
        try:
            row = json.loads(line)
        except ValueError:
            break  # The last line of a killed run.
        if row["id"] != str(case["id"]):
            break
        rows.append(row)
    _write_lines(file, rows)
    return rows


def _keep(file: Path, row: Mapping[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as out:
        out.write(json.dumps(row, ensure_ascii=False) + "\n")


def _write_lines(file: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    work = file.with_suffix(".writing")
    work.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    work.replace(file)


def _write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    work = path.with_suffix(".writing")
    work.write_text(json.dumps(value, indent=1, default=str), encoding="utf-8")
    work.replace(path)
