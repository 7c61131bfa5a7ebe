"""Published policy versions as this desk first saw them: the same name can never come with another text."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from policies import PolicyVersion
from services.store.tables import PolicyVersionRow


class PublishedTextChanged(Exception):
    """A version that this desk has decided by now has another text or header; the message says which and the remedy."""


def note_versions(session: Session, versions: Iterable[PolicyVersion], now: datetime) -> int:
    """Note versions not seen before in the caller's transaction; return how many. Raises PublishedTextChanged."""
    known = {
        (policy_id, version): digest
        for policy_id, version, digest in session.execute(
            select(col(PolicyVersionRow.policy_id), col(PolicyVersionRow.version), col(PolicyVersionRow.digest))
        )
    }
    added = 0
    for one in versions:
        digest = known.get((one.policy_id, one.version))
        if digest is None:
            session.add(_row(one, now))
            added += 1
        elif digest != one.digest:
            raise PublishedTextChanged(
                f"{one.policy_id}@{one.version} was seen here with another text: restore it, and publish the new "
                "wording as a new version"
            )
    return added


def find_version(session: Session, policy_id: str, version: str) -> PolicyVersion | None:
    """Return the version as first seen, for pages that show a clause as it stood."""
    row = session.get(PolicyVersionRow, (policy_id, version))
    return PolicyVersion.model_validate(row.document) if row else None


def _row(version: PolicyVersion, now: datetime) -> PolicyVersionRow:
    return PolicyVersionRow(
        policy_id=version.policy_id,
        version=version.version,
        digest=version.digest,
        effective_from=version.effective_from,
        document=version.model_dump(mode="json"),
        first_seen_at=now,
    )
