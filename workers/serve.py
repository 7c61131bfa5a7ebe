"""Run the HTTP server: `python -m workers.serve`. What it serves is composed in `workers.http`."""

import uvicorn

from infra.logs import configure_logging
from infra.settings import get_settings

STOP_SECONDS = 2


def main() -> None:
    """Serve until a signal; open event streams get two seconds to end."""
    settings = get_settings()
    configure_logging("api", settings)
    uvicorn.run(
        "workers.http:make_app",
        factory=True,
        host=settings.bind_address,
        port=settings.port,
        log_config=None,
        access_log=settings.log_level == "DEBUG",  # a line a request drowns what an operator looks for
        timeout_graceful_shutdown=STOP_SECONDS,
        server_header=False,
    )


if __name__ == "__main__":
    main()
