"""`returns-desk failures`: who mends what went wrong, and how; one failure turned into a regression case.

The table of owners is `domain.failures`', lines are read by `domain.failure_cases`.
"""

import getpass
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.commands.jsonl import read_rows, write_line, writer
from workers.commands.opened import opened
from workers.commands.output import NEGATIVE, bad_input

if TYPE_CHECKING:
    from policies import PolicyVersion
    from policies.catalog import Catalog
    from services.domain.failures import Routed
    from services.store.failures import Failure
    from workers.failure_desk import FailureDesk

app = typer.Typer(help="What failed, who mends it, and the smallest fix first.", no_args_is_help=True)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
WhoOption = Annotated[str | None, typer.Option(help="Who does it; default the account of this machine.")]


@app.command()
def route(
    *,
    source: Annotated[
        str | None, typer.Option("--in", help="JSONL of failed cases, - for standard input; default the desk's own.")
    ] = None,
    out: Annotated[str | None, typer.Option(help="Also write one line a failure, - for standard output.")] = None,
    policy: Annotated[
        list[Path] | None, typer.Option("--policy", help="Drafts of clause versions to try as a cure.")
    ] = None,
    checkpoint: Annotated[
        str | None, typer.Option(help="Let this checkpoint decide on the drafts too; default the rule alone.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Name owner and next action of each failure; a clause version that cures it is preferred to training.

    Lines may be traces, output of `decide` or `verify`, with expected_decision or reviewer_reason where known. Without
    --in it goes through the desk's own traces and labels, puts what is new on record and lists what is open; what a
    draft would cure is shown, not written.

    Example: returns-desk failures route --in failed.jsonl --out routed.jsonl
    """
    if source is None:
        _route_own(policy or [], checkpoint, as_json)
        return
    routed, passed = _route_lines(source, _versions(policy or []))
    if out is not None:
        with writer(out) as target:
            for one in routed:
                write_line(target, _row(one))
    if out == "-":
        return
    if as_json:
        typer.echo(json.dumps({"failures": [_row(one) for one in routed], "no_failure": passed}, indent=1))
        return
    for line in _report(routed):
        typer.echo(line)
    if passed:
        typer.echo(
            f"{len(passed)} are no failure (they passed, or left the case to a person): {', '.join(passed[:10])}"
        )


@app.command("list")
def list_all(
    *,
    owner: Annotated[str | None, typer.Option(help="Only what this owner mends, such as sft_data.")] = None,
    status: Annotated[str, typer.Option(help="open, regression, cured or dismissed.")] = "open",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most failures to show.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List failures on record, the smallest fix first.

    Example: returns-desk failures list --owner preference_data
    """
    from services.domain.failures import FailureStatus  # noqa: PLC0415 - keeps --help fast
    from services.domain.verdict import FailureOwner  # noqa: PLC0415
    from services.store.failures import failures  # noqa: PLC0415

    if owner is not None and owner not in set(FailureOwner):
        bad_input(f"--owner: {owner!r} is no owner; one of {', '.join(FailureOwner)}")
    if status not in set(FailureStatus):
        bad_input(f"--status: {status!r} is no status; one of {', '.join(FailureStatus)}")
    with opened("returns-desk-failures") as opener, opener() as session:
        chosen = FailureOwner(owner) if owner else None
        found = failures(session, owner=chosen, status=FailureStatus(status), limit=limit)
    _list(found, as_json)


@app.command()
def regress(
    failure_id: Annotated[str, typer.Argument(help="As `failures list` names it.")],
    *,
    who: WhoOption = None,
    as_json: JsonOption = False,
) -> None:
    """Turn a failure into a regression case that the gate asks of every candidate; nothing of its order trains.

    Exit 1 where nobody says yet what is right, or where the failure is unknown or closed.

    Example: returns-desk failures regress fail_0199a1
    """
    with _desk() as desk:
        case = desk.regress(failure_id, who or _account())
    typer.echo(json.dumps(dict(case.document), indent=1, ensure_ascii=False) if as_json else f"{case.id} is asked now")


@app.command()
def dismiss(
    failure_id: Annotated[str, typer.Argument(help="As `failures list` names it.")],
    *,
    why: Annotated[str, typer.Option(help="Why it is none; stands in the audit log.")],
    who: WhoOption = None,
) -> None:
    """End a failure that is none. Exit 1 where it is unknown or closed.

    Example: returns-desk failures dismiss fail_0199a1 --why "the customer withdrew"
    """
    with _desk() as desk:
        desk.dismiss(failure_id, who or _account(), why)
    typer.echo(f"{failure_id} is dismissed")


@app.command()
def cases(*, out: Annotated[str, typer.Option(help="The JSONL file to write, - for standard output.")] = "-") -> None:
    """Write the regression cases as lines that `returns-desk eval` reads. Exit 1 where there are none.

    Example: returns-desk failures cases --out regressions.jsonl; returns-desk eval --cases regressions.jsonl
    """
    from services.store.failures import regression_cases  # noqa: PLC0415

    with opened("returns-desk-failures") as opener, opener() as session:
        found = regression_cases(session)
    with writer(out) as target:
        for case in found:
            write_line(target, case)
    if not found:
        typer.echo("returns-desk: there is no regression case; `returns-desk failures regress ID` makes one", err=True)
        raise typer.Exit(NEGATIVE)


def _route_own(policy: Sequence[Path], checkpoint: str | None, as_json: bool) -> None:
    from services.store.failures import failures  # noqa: PLC0415
    from workers.commands.backtest import load_again  # noqa: PLC0415
    from workers.failure_desk import MOST_OPEN  # noqa: PLC0415

    drafts = _read_policies(policy)
    decider = load_again(checkpoint) if checkpoint and drafts else None
    with _desk() as desk:
        new = desk.route()
        cured = desk.would_cure(drafts, decider) if drafts else {}
        with desk.sessions() as session:
            found = failures(session, limit=MOST_OPEN)
    shown = [_as_if(one, cured[one.id]) if one.id in cured else one for one in found]
    shown.sort(key=lambda one: (one.effort, one.owner.value))
    if not as_json:
        typer.echo(f"{new} failures put on record" + (f"; the drafts would cure {len(cured)}" if drafts else ""))
    _list(shown, as_json)


def _as_if(one: "Failure", routed: "Routed") -> "Failure":
    return one._replace(
        owner=routed.owner,
        action=routed.action,
        effort=routed.effort,
        cured_by=routed.cured_by,
        updates_weights=routed.updates_weights,
    )


def _route_lines(source: str, versions: "Sequence[PolicyVersion]") -> "tuple[list[Routed], list[str]]":
    from services.domain.failure_cases import BadFailure, cure_among, of_row  # noqa: PLC0415
    from services.domain.failures import route_failure  # noqa: PLC0415

    routed, passed = [], []
    for number, row in read_rows(source):
        try:
            located = of_row(row, number)
        except BadFailure as error:
            bad_input(f"--in: line {number}: {error}")
        found = route_failure(located.case, cure_among(located, versions))
        if found is None:
            passed.append(located.case.id)
        else:
            routed.append(found)
    if not routed and not passed:
        bad_input(f"--in: {source} holds no line")
    routed.sort(key=lambda one: one.effort)
    return routed, passed


def _report(routed: "Sequence[Routed]") -> Iterator[str]:
    """Yield the failures by owner, the smallest fix first, and what of it would change weights."""
    from services.domain.failures import OWNER_TITLES  # noqa: PLC0415

    counts = Counter(one.owner for one in routed)
    for owner in dict.fromkeys(one.owner for one in routed):
        yield f"{OWNER_TITLES[owner]} ({counts[owner]})"
        for one in (each for each in routed if each.owner is owner):
            yield f"  {one.id}  {one.cause}: {one.detail}"
            yield f"      next: {one.action}"
    frozen = sum(not one.updates_weights for one in routed)
    cured = sum(one.cured_by is not None for one in routed)
    told = f"{len(routed)} failures: {frozen} leave the weights as they are ({cured} cured by evidence alone)"
    yield f"{told}, {len(routed) - frozen} go into training data"


def _list(found: "Sequence[Failure]", as_json: bool) -> None:
    from services.domain.failures import OWNER_TITLES  # noqa: PLC0415

    if as_json:
        typer.echo(json.dumps([one._asdict() for one in found], default=str, indent=1))
        return
    last = None
    for one in found:
        if one.owner is not last:
            typer.echo(OWNER_TITLES[one.owner])
            last = one.owner
        typer.echo(f"  {one.id}  {one.cause}: {one.detail[:160]}")
        typer.echo(f"      next: {one.action}")
    if not found:
        typer.echo("no failure is open")


def _row(one: "Routed") -> dict[str, Any]:
    return {
        "id": one.id,
        "owner": one.owner.value,
        "owner_title": one.owner_title,
        "next_action": one.action,
        "cause": one.cause,
        "detail": one.detail,
        "also": list(one.also),
        "effort": one.effort,
        "updates_weights": one.updates_weights,
        "cured_by": one.cured_by,
    }


def _versions(policy: Sequence[Path]) -> "Sequence[PolicyVersion]":
    return (*_read_policies(policy), *_catalog().versions)


def _catalog() -> "Catalog":
    from infra.settings import SettingsInvalid, load_settings  # noqa: PLC0415
    from policies.catalog import BUILT_IN, CatalogError, load_catalog  # noqa: PLC0415

    try:
        return load_catalog(load_settings().policies_dir or BUILT_IN)
    except (CatalogError, SettingsInvalid) as error:
        bad_input(str(error))


def _read_policies(files: Sequence[Path]) -> "list[PolicyVersion]":
    from policies.document import PolicyFileError, read_policy  # noqa: PLC0415

    try:
        return [read_policy(file) for file in files]
    except PolicyFileError as error:
        bad_input(f"--policy: {error}")


@contextmanager
def _desk() -> "Iterator[FailureDesk]":
    from infra.settings import get_settings  # noqa: PLC0415
    from services.store.failures import NotAFailure  # noqa: PLC0415
    from workers.failure_desk import FailureDesk  # noqa: PLC0415
    from workers.wiring import SystemClock  # noqa: PLC0415

    with opened("returns-desk-failures") as opener:
        try:
            yield FailureDesk(get_settings(), opener, SystemClock(), _catalog())
        except NotAFailure as error:
            typer.echo(f"returns-desk: {error}", err=True)
            raise typer.Exit(NEGATIVE) from error


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "operator"
