"""Print what the image installs: the run-time dependencies in a pyproject.toml and the build tool. No test extra."""

import sys
import tomllib
from pathlib import Path


def main() -> None:
    """Print one requirement a line."""
    project = tomllib.loads(Path(sys.argv[1]).read_text())
    print("\n".join([*project["project"]["dependencies"], "setuptools"]))


if __name__ == "__main__":
    main()
