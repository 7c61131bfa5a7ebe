"""One log format for every process: coloured and readable on a terminal, JSON lines elsewhere.

Records of the standard library (uvicorn, celery, sqlalchemy) pass through the same processors as ours, and whatever is
bound with `bound(...)` (request id, return id) is on every line. Not responsible for metrics, nor for files: the
supervisor keeps those.
"""

import logging
import os
import sys
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from infra.settings import LogFormat, Settings, get_settings

PROCESS_VARIABLE = "LOG_PROCESS"
COLOUR_VARIABLE = "FORCE_COLOR"
_SECRET_PARTS = ("password", "secret", "token", "authorization", "api_key")
_QUIET = (
    *("httpx", "httpcore", "kombu", "amqp", "matplotlib", "urllib3"),
    *("alembic.runtime.plugins", "alembic.runtime.migration", "celery.utils.functional"),
    # Beat and the sweeper speak every second; what a task did, our own lines say.
    *("celery.beat", "celery.worker.strategy", "celery.app.trace"),
)
_PROBES = ("/healthz", "/readyz", "/metrics")


def get_logger(name: str) -> Any:
    """Return a logger that takes an event and keyword facts: `log.info("return accepted", return_id=…)`."""
    return structlog.stdlib.get_logger(name)


def bound(**facts: object) -> AbstractContextManager[None]:
    """Put facts such as `return_id` on every line logged inside the block, also by libraries."""
    return structlog.contextvars.bound_contextvars(**facts)


def configure_logging(
    process: str | None = None, settings: Settings | None = None, stream: TextIO | None = None
) -> None:
    """Send every log record of this process to `stream` (standard error) in the configured format. May be repeated."""
    chosen = settings or get_settings()
    output = stream or sys.stderr
    as_json, colours = _look(chosen.log_format, output)
    shared = _shared_processors(process or os.environ.get(PROCESS_VARIABLE))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(output)
    handler.setFormatter(_formatter(shared, as_json=as_json, colours=colours))
    root = logging.getLogger()
    handler.addFilter(_not_a_probe)
    root.handlers[:] = [handler]
    root.setLevel(chosen.log_level)
    _take_over_libraries()


def hook_celery(process: str | None = None) -> None:
    """Make Celery leave logging to us. Call once where the Celery application is made."""
    from celery.platforms import SecurityWarning  # noqa: PLC0415 - only workers have Celery at hand
    from celery.signals import setup_logging, worker_process_init  # noqa: PLC0415

    # It warns of pickle under root. Our messages are JSON and nothing else is accepted (infra.queue).
    warnings.filterwarnings("ignore", category=SecurityWarning)

    def configure(**_: object) -> None:
        configure_logging(process)

    setup_logging.connect(configure, weak=False)
    worker_process_init.connect(configure, weak=False)


def _look(wanted: LogFormat, output: TextIO) -> tuple[bool, bool]:
    terminal = output.isatty() or bool(os.environ.get(COLOUR_VARIABLE))
    colours = terminal and not os.environ.get("NO_COLOR")
    as_json = wanted is LogFormat.JSON or (wanted is LogFormat.AUTO and not terminal)
    return as_json, colours


def _shared_processors(process: str | None) -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _name_process(process),
        _hide_secrets,
        structlog.processors.StackInfoRenderer(),
    ]


def _formatter(shared: list[Processor], *, as_json: bool, colours: bool) -> logging.Formatter:
    ending: list[Processor]
    if as_json:
        ending = [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer(default=str)]
    else:
        console = structlog.dev.ConsoleRenderer(
            colors=colours, pad_event_to=36, exception_formatter=structlog.dev.plain_traceback
        )
        ending = [_short_time, _without("process"), console]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder(), _drop_copies, *shared],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
    )


def _take_over_libraries() -> None:
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "celery", "celery.task", "celery.redirected"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


def _not_a_probe(record: logging.LogRecord) -> bool:
    """Drop the access lines of health checks: they come every few seconds and say nothing."""
    return not (record.name == "uvicorn.access" and any(f" {path} " in record.getMessage() for path in _PROBES))


def _name_process(process: str | None) -> Callable[[WrappedLogger, str, EventDict], EventDict]:
    def add(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        if process is not None:
            event.setdefault("process", process)
        return event

    return add


def _hide_secrets(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    for key in event:
        if any(part in key.lower() for part in _SECRET_PARTS):
            event[key] = "[hidden]"
    return event


def _drop_copies(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Drop what uvicorn and celery repeat beside the message, as colours or as a dictionary."""
    for key in ("color_message", "data"):
        event.pop(key, None)
    return event


def _short_time(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Keep hours to milliseconds: on a terminal the date is the reader's."""
    event["timestamp"] = str(event["timestamp"])[11:23]
    return event


def _without(key: str) -> Callable[[WrappedLogger, str, EventDict], EventDict]:
    def drop(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event.pop(key, None)
        return event

    return drop
