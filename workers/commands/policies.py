"""`returns-desk policies`: list, show, add, diff, lint and back-test versioned policies.

What may be published is decided in `policies.publish`.
"""

import difflib
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from infra.settings import SettingsInvalid, load_settings
from policies.catalog import BUILT_IN, Catalog, CatalogError, declared_facts, load_catalog, read_versions
from policies.document import PolicyFileError
from policies.lint import Finding, lint
from policies.model import PolicyVersion
from policies.publish import RefusedToPublish, publish
from workers.commands.backtest import backtest
from workers.commands.output import NEGATIVE, bad_input

app = typer.Typer(help="Versioned policies: which clause governs when.", no_args_is_help=True)

app.command()(backtest)

DirectoryOption = Annotated[
    Path | None,
    typer.Option("--dir", help="Directory with text/ and published.json; default POLICIES_DIR, or the built-in one."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
OnOption = Annotated[str | None, typer.Option("--on", help="The day asked about, such as 2026-11-24; default today.")]


@app.command("list", epilog="Example: returns-desk policies list --on 2027-01-01")
def list_versions(directory: DirectoryOption = None, on: OnOption = None, as_json: JsonOption = False) -> None:
    """List every version, with what it is on the day: in force, past or future."""
    catalog, day = _catalog(_directory(directory)), _day(on)
    rows = [_row(version, catalog, day) for version in catalog.versions]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    for row in rows:
        span = f"{row['effective_from']} .. {row['effective_to'] or '':10}"
        typer.echo(f"{row['policy_id']:6} {row['version']:10} {row['state']:9} {span}  {row['title']}")


@app.command(epilog="Example: returns-desk policies show P-7 --on 2025-06-01")
def show(
    policy_id: Annotated[str, typer.Argument(help="Such as P-7.")],
    version: Annotated[str | None, typer.Option("--version", help="Such as 2026-01.")] = None,
    on: OnOption = None,
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one version: the named one, or the one in force on the day. Exit 1 where none is in force."""
    catalog = _catalog(_directory(directory))
    if version is not None and on is not None:
        bad_input("--version and --on exclude each other: name the version, or the day")
    if version is not None:
        found: PolicyVersion | None = _named(catalog, policy_id, version)
    else:
        _known(catalog, policy_id)
        found = catalog.in_force(policy_id, _day(on))
    if found is None:
        typer.echo(f"No version of {policy_id} is in force on {_day(on)}.")
        raise typer.Exit(NEGATIVE)
    typer.echo(json.dumps(_whole(found), ensure_ascii=False, indent=1) if as_json else _readable(found))


@app.command(epilog="Example: returns-desk policies add my-P-7.md")
def add(
    files: Annotated[list[Path], typer.Argument(help="Policy files: a YAML header between --- lines, then prose.")],
    directory: DirectoryOption = None,
    backdated: Annotated[
        bool,
        typer.Option("--backdated", help="Allow a start before today, which changes how past requests are judged."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check and publish new versions; each governs from its effective_from on. Exit 2 where one is unfit."""
    folder = _directory(directory)
    published: list[PolicyVersion] = []
    for file in files:
        try:
            published.append(publish(file, folder, _today(), backdated=backdated))
        except RefusedToPublish as refusal:
            for finding in refusal.findings[:-1]:
                typer.echo(finding.sentence, err=True)
            bad_input(f"{file} was not published: {refusal.findings[-1].sentence}")
        except (PolicyFileError, CatalogError) as error:
            bad_input(str(error))
        except OSError as error:
            bad_input(f"{folder} cannot be written ({error}); choose another with --dir or POLICIES_DIR")
    if as_json:
        typer.echo(json.dumps([_whole(version) for version in published], ensure_ascii=False, indent=1))
        return
    for version in published:
        typer.echo(
            f"Published {version.policy_id} {version.version}, in force from {version.effective_from or 'ever'} "
            f"(digest {version.digest[:12]})."
        )


@app.command(epilog="Example: returns-desk policies diff P-7 2025-01 2026-01")
def diff(
    policy_id: Annotated[str, typer.Argument(help="Such as P-7.")],
    first: Annotated[str, typer.Argument(help="The earlier version.")],
    second: Annotated[str, typer.Argument(help="The later version.")],
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what differs between two versions, header and prose."""
    catalog = _catalog(_directory(directory))
    before, after = _named(catalog, policy_id, first), _named(catalog, policy_id, second)
    if as_json:
        old, new = _whole(before), _whole(after)
        changed = {name: {"from": old[name], "to": new[name]} for name in old if old[name] != new[name]}
        typer.echo(json.dumps(changed, ensure_ascii=False, indent=1))
        return
    lines = difflib.unified_diff(
        _readable(before).splitlines(),
        _readable(after).splitlines(),
        f"{policy_id} {first}",
        f"{policy_id} {second}",
        "",
        "",
        1,
        "",
    )
    typer.echo("\n".join(lines) or f"{policy_id} {first} and {second} say the same.")


@app.command("lint", epilog="Example: returns-desk policies lint --dir my-shop/policies")
def lint_directory(directory: DirectoryOption = None, as_json: JsonOption = False) -> None:
    """Prove that header, rule and prose agree, and that published versions are as published. Exit 1 on findings."""
    folder = _directory(directory)
    findings: list[Finding] = []
    count = 0
    try:
        versions = read_versions(folder)
        count = len(versions)
        findings.extend(lint(versions, declared_facts(folder), _today()))
        load_catalog(folder)
    except CatalogError as error:
        findings.append(Finding("catalog", "unfit_directory", str(error)))
    if as_json:
        rows = [{"key": one.key, "code": one.code, "sentence": one.sentence} for one in findings]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=1))
    else:
        for finding in findings:
            typer.echo(f"{finding.code}: {finding.sentence}")
        typer.echo(f"{count} versions, {len(findings)} findings.")
    if findings:
        raise typer.Exit(NEGATIVE)


def _today() -> date:
    return datetime.now(UTC).date()


def _day(on: str | None) -> date:
    if on is None:
        return _today()
    try:
        return date.fromisoformat(on)
    except ValueError:
        bad_input(f"--on {on!r} is no day; write it as 2026-11-24")


def _directory(given: Path | None) -> Path:
    if given is not None:
        return given
    try:
        return load_settings().policies_dir or BUILT_IN
    except SettingsInvalid as error:
        bad_input(f"{error}; or name the directory with --dir")


def _catalog(directory: Path) -> Catalog:
    try:
        return load_catalog(directory)
    except CatalogError as error:
        bad_input(str(error))


def _known(catalog: Catalog, policy_id: str) -> None:
    if policy_id not in catalog.policy_ids:
        bad_input(f"no policy {policy_id!r}; known are {', '.join(catalog.policy_ids) or 'none'}")


def _named(catalog: Catalog, policy_id: str, version: str) -> PolicyVersion:
    _known(catalog, policy_id)
    found = catalog.version(policy_id, version)
    if found is None:
        known = ", ".join(one.version for one in catalog.of(policy_id))
        bad_input(f"{policy_id} has no version {version!r}; it has {known}")
    return found


def _row(version: PolicyVersion, catalog: Catalog, day: date) -> dict[str, Any]:
    if catalog.in_force(version.policy_id, day) == version:
        state = "in force"
    else:
        state = "future" if version.effective_from and version.effective_from > day else "past"
    row = _whole(version)
    return {name: row[name] for name in ("policy_id", "version", "title", "effective_from", "effective_to")} | {
        "state": state,
        "reasons": row["reasons"],
        "rule": row["rule"],
        "digest": version.digest,
    }


def _whole(version: PolicyVersion) -> dict[str, Any]:
    return version.model_dump(mode="json") | {"digest": version.digest}


def _readable(version: PolicyVersion) -> str:
    tools = [
        grant.name + (f" up to {grant.max_amount_cents / 100:.2f}" if grant.max_amount_cents is not None else "")
        for grant in version.tools
    ]
    without = "none: closes by itself" if version.closes_without_rule else "none: a person decides"
    lines = [
        f"{version.policy_id} {version.version}: {version.title}",
        f"in force    {version.effective_from or 'ever'} .. {version.effective_to or 'until superseded'}",
        f"supersedes  {version.supersedes or '-'}",
        f"reasons     {', '.join(version.reasons) or '-'}",
        f"applies to  {version.applies_to or 'any order'}",
        f"rule        {version.rule or without}",
        f"tools       {', '.join(tools) or '-'}",
        f"digest      {version.digest}",
    ]
    return "\n".join([*lines, "", *version.sentences])
