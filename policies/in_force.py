"""Which version governs on a day: a pure function of the versions and the date."""

from collections.abc import Iterable
from datetime import date

from policies.model import PolicyVersion


def in_force(versions: Iterable[PolicyVersion], policy_id: str, on: date) -> PolicyVersion | None:
    """Return the version of `policy_id` in force on `on`: the latest that has started, unless it has ended."""
    return next((version for version in all_in_force(versions, on) if version.policy_id == policy_id), None)


def all_in_force(versions: Iterable[PolicyVersion], on: date) -> tuple[PolicyVersion, ...]:
    """Return at most one version a policy, in the order in which the policies first appear.

    Of two versions with the same start the later in the given order wins, so that a corrected
    publication of the same day replaces the first.
    """
    governing: dict[str, PolicyVersion] = {}
    for version in versions:
        start = version.effective_from or date.min
        if start > on:
            continue
        current = governing.get(version.policy_id)
        if current is None or start >= (current.effective_from or date.min):
            governing[version.policy_id] = version
    return tuple(v for v in governing.values() if v.effective_to is None or on <= v.effective_to)
