"""Say whether a Celery worker on this host answers: `python -m workers.answers`, the health check of an image."""

import socket
import sys

from infra.reach import celery_workers_answering
from infra.settings import get_settings


def main() -> None:
    """Exit with 0 when one answers and with 1 when none does."""
    url = get_settings().redis_url
    if url is None:
        sys.exit("answers: REDIS_URL is not set")
    if not celery_workers_answering(url, timeout_seconds=3, host=socket.gethostname()):
        sys.exit("answers: no worker on this host answers")


if __name__ == "__main__":
    main()
