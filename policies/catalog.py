"""All published versions of one directory, checked against their digests.

Choosing by date is `in_force`, checking the wording is `lint`, publishing is `publish`.

A directory holds `text/<ID>/<version>.md`, `published.json` (the digest under which each version was published) and,
where a shop needs facts of its own, `facts.yaml` (name: yes_no, whole or text).
"""

import hashlib
import json
import keyword
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from policies.document import PolicyFileError, read_policy
from policies.facts import STANDARD_FACTS, FactType
from policies.in_force import all_in_force, in_force
from policies.model import PolicyVersion
from policies.rules import RuleError, compile_rule
from policies.yaml_text import load_yaml

BUILT_IN = Path(__file__).parent
"""The directory that ships with the product: text/ and published.json beside this file."""

_DATE_MIN = date.min


class CatalogError(ValueError):
    """A directory that must not be served; the message is one line with the remedy."""


@dataclass(frozen=True)
class Catalog:
    """Published versions, ordered by policy and start, and the facts their rules may use."""

    versions: tuple[PolicyVersion, ...]
    facts: Mapping[str, FactType]
    directory: Path

    def in_force(self, policy_id: str, on: date) -> PolicyVersion | None:
        return in_force(self.versions, policy_id, on)

    def all_in_force(self, on: date) -> tuple[PolicyVersion, ...]:
        return all_in_force(self.versions, on)

    def of(self, policy_id: str) -> tuple[PolicyVersion, ...]:
        """Return all versions of one policy, the earliest first."""
        return tuple(version for version in self.versions if version.policy_id == policy_id)

    def version(self, policy_id: str, version: str) -> PolicyVersion | None:
        return next((one for one in self.of(policy_id) if one.version == version), None)

    @property
    def policy_ids(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(version.policy_id for version in self.versions))


def load_catalog(directory: Path = BUILT_IN) -> Catalog:
    """Return the catalog of a directory.

    Raises CatalogError where a published version is edited or gone, a version is not published, or a rule asks for a
    fact that is no longer declared.
    """
    versions = read_versions(directory)
    locked = read_lock(directory)
    for version in versions:
        _check_published(version, locked)
    present = {key_of(version) for version in versions}
    for key in locked:
        if key not in present:
            raise CatalogError(f"{key} was published but its file is gone; restore {_relative_path_of_key(key)}")
    facts = declared_facts(directory)
    for version in versions:
        _check_rules(version, facts)
    return Catalog(versions, facts, directory)


def read_versions(directory: Path) -> tuple[PolicyVersion, ...]:
    """Return the versions whose files lie in the directory, published or not, by policy and start.

    Raises CatalogError where a file is unreadable or lies under another name than its header says.
    """
    root = directory / "text"
    if not root.is_dir():
        raise CatalogError(
            f"{directory} holds no policies: there is no folder {root}; set POLICIES_DIR to one that does"
        )
    found: list[PolicyVersion] = []
    for path in sorted(root.glob("*/*.md")):
        try:
            version = read_policy(path)
        except PolicyFileError as error:
            raise CatalogError(str(error)) from error
        if path != path_of(directory, version):
            raise CatalogError(
                f"{path} holds {key_of(version)}; id and version in the header must match folder and file name"
            )
        found.append(version)
    return tuple(sorted(found, key=_order))


def declared_facts(directory: Path) -> Mapping[str, FactType]:
    """Return the standard facts and those of the directory's `facts.yaml`. Raises CatalogError on a bad entry."""
    path = directory / "facts.yaml"
    if not path.is_file():
        return STANDARD_FACTS
    try:
        entries = load_yaml(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CatalogError(f"{path} is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(entries, dict):
        raise CatalogError(f"{path} must hold 'name: type' lines")
    facts = dict(STANDARD_FACTS)
    for name, kind in entries.items():
        facts[_fact_name(path, name)] = _fact_type(path, name, kind)
    return facts


def read_lock(directory: Path) -> dict[str, dict[str, Any]]:
    """Return `published.json`: by `id@version`, the digest and one digest a field. Empty where nothing is published."""
    path = directory / "published.json"
    if not path.is_file():
        return {}
    try:
        lock = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CatalogError(f"{path} is damaged ({error}); restore it from version control") from error
    if not isinstance(lock, dict) or not all(isinstance(entry, dict) and "digest" in entry for entry in lock.values()):
        raise CatalogError(f"{path} is damaged (an entry has no digest); restore it from version control")
    return lock


def key_of(version: PolicyVersion) -> str:
    return f"{version.policy_id}@{version.version}"


def path_of(directory: Path, version: PolicyVersion) -> Path:
    return directory / "text" / version.policy_id / f"{version.version}.md"


def lock_entry(version: PolicyVersion) -> dict[str, Any]:
    """Return what `published.json` keeps of a version: its digest, and one a field to name what an edit changed."""
    stated = version.model_dump(mode="json", exclude_defaults=True)
    fields = {name: _short_digest(value) for name, value in stated.items() if name not in {"policy_id", "version"}}
    return {"digest": version.digest, "fields": fields}


def _check_published(version: PolicyVersion, locked: Mapping[str, dict[str, Any]]) -> None:
    key = key_of(version)
    entry = locked.get(key)
    if entry is None:
        raise CatalogError(f"{key} is not published; publish it with `returns-desk policies add FILE`")
    if entry["digest"] == version.digest:
        return
    before, now = entry.get("fields", {}), lock_entry(version)["fields"]
    changed = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    raise CatalogError(
        f"{key} was edited after it was published ({', '.join(changed) or 'digest'} changed); restore the file and "
        "publish the new wording as a new version with `returns-desk policies add FILE`"
    )


def _check_rules(version: PolicyVersion, facts: Mapping[str, FactType]) -> None:
    """Refuse at load what would otherwise fail at every request: publishing checked the rules against older facts."""
    for source in (version.rule, version.applies_to):
        try:
            if source is not None:
                compile_rule(source, facts)
        except RuleError as error:
            raise CatalogError(f"{key_of(version)}: {error}; declare it in facts.yaml again") from error


def _order(version: PolicyVersion) -> tuple[tuple[str, int], date, str]:
    stem, _, number = version.policy_id.rpartition("-")
    place = (stem, int(number)) if number.isdecimal() else (version.policy_id, 0)
    return place, version.effective_from or _DATE_MIN, version.version


def _short_digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]


def _relative_path_of_key(key: str) -> str:
    policy_id, _, version = key.rpartition("@")
    return f"text/{policy_id}/{version}.md"


def _fact_name(path: Path, name: Any) -> str:
    if not isinstance(name, str) or not name.isidentifier() or not name.isascii() or keyword.iskeyword(name):
        raise CatalogError(f"{path}: {name!r} is no fact name; use lower-case letters, digits and underscores")
    return name


def _fact_type(path: Path, name: str, kind: Any) -> FactType:
    try:
        wanted = FactType(kind)
    except ValueError:
        raise CatalogError(f"{path}: the fact {name} has the type {kind!r}; use yes_no, whole or text") from None
    if STANDARD_FACTS.get(name, wanted) is not wanted:
        raise CatalogError(f"{path}: {name} is a standard fact of type {STANDARD_FACTS[name].value}; use another name")
    return wanted
