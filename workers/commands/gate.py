"""`returns-desk gate`: a candidate beside the champion, same cases, same run; SHIP or BLOCK with reasons."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.commands.output import NEGATIVE, bad_input

if TYPE_CHECKING:
    from infra.settings import Settings
    from services.domain.gate import GateReport


def gate(
    *,
    candidate: Annotated[str, typer.Option(help="Name, digest or folder of the candidate.")],
    champion: Annotated[str | None, typer.Option(help="What it is compared with; the released one if omitted.")] = None,
    cases: Annotated[
        int | None, typer.Option(min=1, help="At most so many cases of each suite; all if omitted. The report says so.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the report here: .json or .md.")] = None,
    store: Annotated[bool, typer.Option("--store/--no-store", help="Put the report on record.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Evaluate two checkpoints and print the gate's report; exits with 1 where it blocks.

    Example: returns-desk gate --candidate night-2026-11-24-dpo
    """
    from infra.settings import SettingsInvalid, get_settings  # noqa: PLC0415 - keeps --help fast
    from lifecycle.gate import as_markdown  # noqa: PLC0415
    from services.domain.gate import GateVerdict  # noqa: PLC0415

    try:
        settings = get_settings()
    except SettingsInvalid as error:
        bad_input(str(error))
    if out is not None and (out.suffix not in {".json", ".md"} or not out.parent.is_dir()):
        bad_input(f"--out: {out} must end in .json or .md, in a folder that exists")
    report = _stored(settings, candidate, champion, cases) if store else _judged(settings, candidate, champion, cases)
    document, page = json.dumps(report.model_dump(mode="json"), indent=1, ensure_ascii=False), as_markdown(report)
    if out is not None:
        out.write_text((document if out.suffix == ".json" else page) + "\n", encoding="utf-8")
    typer.echo(document if as_json else page)
    if report.verdict is GateVerdict.BLOCK:
        raise typer.Exit(NEGATIVE)


def _stored(settings: "Settings", candidate: str, champion: str | None, cases: int | None) -> "GateReport":
    from services.store.failures import regression_cases  # noqa: PLC0415
    from services.store.night_records import keep_report  # noqa: PLC0415
    from services.store.nightly import dataset  # noqa: PLC0415
    from workers.commands.opened import opened  # noqa: PLC0415
    from workers.releasing import Releasing  # noqa: PLC0415
    from workers.wiring import SystemClock  # noqa: PLC0415

    with opened("returns-desk-gate") as opener:
        with opener() as session:
            own = regression_cases(session)
        against = champion or Releasing(settings, opener, SystemClock()).champion().digest

        def signs(digest: str | None) -> Any:
            with opener() as session:
                found = dataset(session, digest) if digest else None
            return found.counts.get("signs", {}) if found else {}

        report = _judged(settings, candidate, against, cases, own, signs)
        with opener() as session:
            keep_report(session, report, datetime.now(UTC))
    return report


def _judged(
    settings: "Settings",
    candidate: str,
    champion: str | None,
    cases: int | None,
    own: Any = (),
    signs: Any = lambda _: {},
) -> "GateReport":
    from lifecycle.gate import Limits  # noqa: PLC0415
    from lifecycle.night_judging import Setting, Trial, make_report, probe_both, run_suites  # noqa: PLC0415
    from lifecycle.night_plan import NightPlan  # noqa: PLC0415
    from lifecycle.night_signs import signs_of  # noqa: PLC0415
    from lifecycle.suites import load_suites  # noqa: PLC0415
    from services.inference.base import ensure_base  # noqa: PLC0415
    from services.inference.cards import CheckpointError  # noqa: PLC0415
    from services.inference.wheels import WeightsUnavailable  # noqa: PLC0415
    from workers.checkpoints import champion as released  # noqa: PLC0415
    from workers.checkpoints import roots  # noqa: PLC0415
    from workers.commands.train import code_version  # noqa: PLC0415
    from workers.nightly_parts import run_rows  # noqa: PLC0415

    now = datetime.now(UTC)
    folder = settings.var_dir.resolve() / "gates" / f"{now:%Y%m%d-%H%M%S}"
    trial = Trial(folder, candidate, champion or released(settings), roots(settings), run_rows)
    try:
        ensure_base(settings.checkpoints_dir)
        benches = trial.benches()
    except (WeightsUnavailable, CheckpointError) as error:
        bad_input(f"--candidate or --champion: {error}")
    seed = settings.nightly_seed
    suites = load_suites(seed).with_regressions(own)
    chosen = suites.first(dict.fromkeys(suites.counts(), cases)) if cases else suites
    left_out = [
        f"{total - chosen.counts()[name]} of {total} {name.replace('_', '-')} cases were not run"
        for name, total in suites.counts().items()
        if chosen.counts()[name] < total
    ]
    outputs = run_suites(trial, benches, chosen)
    probes = probe_both(trial, benches, chosen, NightPlan().probe_cases)
    dataset_digest = benches[0].loaded.card.details.get("dataset_digest")
    setting = Setting({"dataset": dataset_digest}, code_version(), seed, left_out, None, now)
    limits = Limits(labels_per_reviewer=settings.nightly_most_labels_per_reviewer, memory_mib=settings.gate_memory_mib)
    return make_report(benches, chosen, outputs, probes, signs_of(signs(dataset_digest)), limits, setting)
