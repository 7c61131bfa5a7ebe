"""Proves that header, rule and prose of the published clauses agree, and that each version can come into force.

Reading files and refusing edited ones is `catalog`; what a rule answers is `rules`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from policies.facts import STANDARD_FACTS, FactType
from policies.in_force import all_in_force
from policies.lint_rule import rule_problems
from policies.model import PolicyVersion
from policies.vocabulary import MONEY_TOOLS, Reason

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Finding:
    """One disagreement: `key` is `id@version` (or `catalog`), `code` is stable, `sentence` says the remedy."""

    key: str
    code: str
    sentence: str


def lint(
    versions: Iterable[PolicyVersion],
    facts: Mapping[str, FactType] = STANDARD_FACTS,
    today: date | None = None,
) -> tuple[Finding, ...]:
    """Return every finding about the versions, in their order; empty where all agree.

    With `today`, also finds reasons that no clause covers on that day or on a later day on which a version changes.
    """
    known = tuple(versions)
    found = [finding for version in known for finding in _about_one(version, facts)]
    for policy_id in dict.fromkeys(version.policy_id for version in known):
        found.extend(_about_dates([version for version in known if version.policy_id == policy_id]))
    if today is not None:
        found.extend(_uncovered_reasons(known, today))
    return tuple(found)


def _about_one(version: PolicyVersion, facts: Mapping[str, FactType]) -> Iterator[Finding]:
    say = _teller(version)
    for name, value in (("id", version.policy_id), ("version", version.version)):
        if not _NAME.fullmatch(value):
            yield say("bad_name", f"{name} {value!r} cannot be a file name; use letters, digits, dots and hyphens")
    if not version.title.strip():
        yield say("no_title", "title is empty; name the clause in a few words")
    if version.effective_from is None:
        yield say("no_start", "effective_from is missing; name the first day in force")
    elif version.effective_to is not None and version.effective_to < version.effective_from:
        yield say("ends_before_start", f"effective_to {version.effective_to} is before {version.effective_from}")
    if version.rule is not None and version.closes_without_rule:
        yield say("needless_exception", "closes_without_rule is set on a clause that has a rule; drop it")
    yield from _about_tools(version)
    for problem in rule_problems(version, facts):
        yield say(problem.code, problem.sentence)


def _about_tools(version: PolicyVersion) -> Iterator[Finding]:
    say = _teller(version)
    seen: set[str] = set()
    for grant in version.tools:
        if grant.name in seen:
            yield say("tool_twice", f"{grant.name} is granted twice; keep one line")
        seen.add(grant.name)
        if grant.name in MONEY_TOOLS and grant.max_amount_cents is None:
            yield say(
                "no_limit",
                f"{grant.name} moves money without max_amount_cents; state the amount a person need not see (0: none)",
            )
        if grant.name not in MONEY_TOOLS and grant.max_amount_cents is not None:
            yield say("needless_limit", f"{grant.name} moves no money; drop its max_amount_cents")


def _about_dates(versions: list[PolicyVersion]) -> Iterator[Finding]:
    """Find what is wrong between the versions of one policy."""
    names = {version.version for version in versions}
    if len(names) < len(versions):
        twice = next(v for v in versions if [o.version for o in versions].count(v.version) > 1)
        yield _teller(twice)("version_twice", f"version {twice.version} stands twice; give one another name")
    # The sort is stable, as `in_force` is: of two that start on one day, the later in the given order governs.
    ordered = sorted(versions, key=lambda version: version.effective_from or date.min)
    for place, version in enumerate(ordered):
        if version.supersedes is None or version.supersedes in {one.version for one in ordered[:place]}:
            continue
        say = _teller(version)
        if version.supersedes in names - {version.version}:
            yield say("later_predecessor", f"supersedes {version.supersedes!r}, which starts after it; move a date")
        else:
            yield say("unknown_predecessor", f"supersedes {version.supersedes!r}, no other version of this policy")
    for earlier, later in pairwise(ordered):
        yield from _about_neighbours(earlier, later)


def _about_neighbours(earlier: PolicyVersion, later: PolicyVersion) -> Iterator[Finding]:
    start = later.effective_from or date.min
    say = _teller(later)
    if later.supersedes is None:
        yield say("no_predecessor", f"supersedes is missing; name {earlier.version!r}, which it replaces")
    if (earlier.effective_from or date.min) == start:
        if later.supersedes != earlier.version:
            yield say(
                "unreachable",
                f"starts on the same day as {earlier.version}, so one of the two never governs; move a date",
            )
        return
    if earlier.effective_to is None:
        return
    if earlier.effective_to >= start:
        yield say(
            "dates_overlap", f"starts on {start}, while {earlier.version} is in force until {earlier.effective_to}"
        )
    elif (start - earlier.effective_to).days > 1:
        yield say(
            "gap", f"starts on {start}, but {earlier.version} ends on {earlier.effective_to}: nothing governs between"
        )


def _uncovered_reasons(versions: tuple[PolicyVersion, ...], today: date) -> Iterator[Finding]:
    days = {today} | {v.effective_from for v in versions if v.effective_from and v.effective_from > today}
    told: set[Reason] = set()
    for day in sorted(days):
        covered = {reason for version in all_in_force(versions, day) for reason in version.reasons}
        for reason in Reason:
            if reason not in covered and reason not in told:
                told.add(reason)
                yield Finding(
                    "catalog",
                    "reason_uncovered",
                    f"no clause in force on {day} names the reason {reason}; add it to one",
                )


def _teller(version: PolicyVersion) -> Callable[[str, str], Finding]:
    key = f"{version.policy_id}@{version.version}"

    def say(code: str, sentence: str) -> Finding:
        return Finding(key, code, f"{key}: {sentence}")

    return say
