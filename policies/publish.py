"""Publishes a policy version: checks it, writes its text and its digest. Nothing here edits a published version."""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from policies.catalog import CatalogError, declared_facts, key_of, lock_entry, path_of, read_lock, read_versions
from policies.document import PolicyFileError, read_policy
from policies.lint import Finding, lint
from policies.model import PolicyVersion


class RefusedToPublish(ValueError):
    """The version is not fit to publish; `findings` say why, one sentence each."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__("; ".join(finding.sentence for finding in findings))
        self.findings = findings


def publish(file: Path, directory: Path, today: date, *, backdated: bool = False) -> PolicyVersion:
    """Publish the version in `file` and return it; it governs from its `effective_from` on.

    A version that starts before `today` would change how past requests are judged: it is refused unless `backdated`,
    or unless the policy is new. Publishing the same version again is no error and changes nothing.
    Raises PolicyFileError, CatalogError or RefusedToPublish; the directory is then as it was.
    """
    version = read_policy(file)
    (directory / "text").mkdir(parents=True, exist_ok=True)
    with _alone_in(directory):
        return _publish(file, version, directory, today, backdated)


def _publish(file: Path, version: PolicyVersion, directory: Path, today: date, backdated: bool) -> PolicyVersion:
    others = tuple(one for one in read_versions(directory) if key_of(one) != key_of(version))
    lock = read_lock(directory)
    entry = lock.get(key_of(version))
    if entry is not None and entry["digest"] != version.digest:
        raise CatalogError(f"{key_of(version)} is published with another wording; give the new wording a new version")
    if entry is None:
        _refuse_the_past(version, others, today, backdated)
    findings = tuple(
        finding for finding in lint((*others, version), declared_facts(directory)) if finding.key == key_of(version)
    )
    if findings:
        raise RefusedToPublish(findings)
    target = path_of(directory, version)
    if file.resolve() != target.resolve():
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(target, file.read_text(encoding="utf-8"))
    write_lock(directory, lock | {key_of(version): lock_entry(version)})
    return version


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Let one publisher at a time read and rewrite `published.json`, so that none loses the other's entry."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def write_lock(directory: Path, lock: dict[str, dict[str, object]]) -> None:
    _write(directory / "published.json", json.dumps(lock, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def _refuse_the_past(version: PolicyVersion, others: tuple[PolicyVersion, ...], today: date, backdated: bool) -> None:
    known = any(one.policy_id == version.policy_id for one in others)
    start = version.effective_from or date.min
    if known and start < today and not backdated:
        raise CatalogError(
            f"{key_of(version)} would govern from {start}, before today ({today}), and change answers already given; "
            "let it start today or later, or say --backdated"
        )


def _write(path: Path, content: str) -> None:
    """Replace the file in one step, so that a reader never sees half of it."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(content)
    Path(temporary).chmod(0o644)
    Path(temporary).replace(path)


__all__ = ["PolicyFileError", "RefusedToPublish", "publish", "write_lock"]
