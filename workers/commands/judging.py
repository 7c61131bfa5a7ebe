"""The judges of `eval`: which one, what people have said of replies, what is printed. Judging is lifecycle's."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from workers.commands.output import bad_input

if TYPE_CHECKING:
    from lifecycle.judge import Judge, Rated

MAX_TOKENS = 200


def judged(kind: str, cases: Sequence[Mapping[str, Any]], outputs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the judge's report on the replies of `outputs`, its agreement with people in it."""
    from lifecycle.judge import asked_of, report_of  # noqa: PLC0415 - keeps --help fast

    asked = [asked_of(case, output) for case, output in zip(cases, outputs, strict=True) if output.get("reply")]
    return report_of(_judge(kind), asked, _ratings())


def judge_lines(report: Mapping[str, Any]) -> list[str]:
    """Return what is printed: no score without its agreement with people beside it."""
    good = "-" if report["good"] is None else f"{report['good'] * 100:.1f} %"
    lines = ["", f"judge {report['judge']}: {good} of {report['replies']} replies good; {report['agreement']['says']}"]
    lines += [f"  {name:<36} {share * 100:6.1f} %" for name, share in report["criteria"].items() if share is not None]
    if report["unusable"]:
        lines.append(f"  {report['unusable']} replies got no usable grades")
    return [*lines, "  an opinion; it lets no checkpoint through and stops none"]


def _judge(kind: str) -> "Judge":
    from infra.settings import SettingsInvalid, get_settings  # noqa: PLC0415
    from lifecycle.judge import ModelJudge, TraitJudge  # noqa: PLC0415
    from services.ports import DeciderUnavailable  # noqa: PLC0415
    from workers.wiring import make_remote  # noqa: PLC0415

    if kind == "traits":
        return TraitJudge()
    if kind != "server":
        bad_input(f"--judge: {kind!r} is unknown; one of traits, server")
    try:
        remote = make_remote(get_settings())
    except SettingsInvalid as error:
        bad_input(f"--judge: {error}")

    def ask(messages: Sequence[dict[str, str]], schema: Mapping[str, Any]) -> str:
        try:
            said = remote.complete(list(messages), MAX_TOKENS, schema)
        except DeciderUnavailable as error:
            bad_input(f"--judge: {error}")
        return "" if said.error else said.raw_output

    return ModelJudge(ask, remote.checkpoint_id)


def _ratings() -> "list[Rated]":
    """Return what reviewers' labels say of replies; nothing where no database is configured."""
    from infra.settings import SettingsInvalid, get_settings  # noqa: PLC0415
    from lifecycle.judge import ratings_of  # noqa: PLC0415
    from services.store.training_labels import Choice, training_labels  # noqa: PLC0415
    from workers.commands.opened import opened  # noqa: PLC0415

    try:
        settings = get_settings()
    except SettingsInvalid as error:
        bad_input(str(error))
    if not settings.database_url:
        return []
    window = timedelta(seconds=settings.undo_window_seconds)
    with opened("returns-desk-eval") as opener, opener() as session:
        labels = training_labels(session, Choice(datetime.now(UTC), window))
        return ratings_of(label.labelled for label in labels)
