"""Become the Celery worker of one queue: `python -m workers.start triage`. For images and service managers."""

import os
import sys

from infra.settings import get_settings
from workers.programs import WORKERS, application


def main() -> None:
    """Replace this process by the worker, so that signals and the exit status are the worker's own."""
    if len(sys.argv) != 2 or sys.argv[1] not in WORKERS:
        sys.exit(f"start: say which of {', '.join(WORKERS)}, for example: python -m workers.start triage")
    program = next(one for one in application(get_settings()) if one.name == sys.argv[1])
    (get_settings().var_dir / "run").mkdir(parents=True, exist_ok=True)
    os.execvpe(program.command[0], list(program.command), os.environ | {"LOG_PROCESS": program.name})  # noqa: S606 - our own


if __name__ == "__main__":
    main()
