"""Print what the image installs: dependencies of a pyproject.toml, telemetry, the build tool. No test extra."""

import sys
import tomllib
from pathlib import Path


def main() -> None:
    """Print one requirement a line."""
    project = tomllib.loads(Path(sys.argv[1]).read_text())
    extra = project["project"]["optional-dependencies"]["telemetry"]
    print("\n".join([*project["project"]["dependencies"], *extra, "setuptools"]))


if __name__ == "__main__":
    main()
