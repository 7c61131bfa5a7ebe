import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from infra.logs import bound, configure_logging, get_logger
from infra.settings import LogFormat, get_settings


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(log_format: LogFormat, process: str | None = None) -> io.StringIO:
    stream = io.StringIO()
    configure_logging(process, get_settings().model_copy(update={"log_format": log_format}), stream)
    return stream


def test_our_lines_and_a_librarys_carry_the_same_bound_ids_as_json() -> None:
    stream = lines(LogFormat.JSON, "api")
    with bound(return_id="r-1"):
        get_logger("services.api").info("return accepted", order_id="A10234")
        logging.getLogger("uvicorn.access").info("%s %s", "POST", "/v1/returns")
    ours, theirs = (json.loads(line) for line in stream.getvalue().splitlines())
    assert ours["event"] == "return accepted"
    assert ours["order_id"] == "A10234"
    assert theirs["event"] == "POST /v1/returns"
    for line in (ours, theirs):
        assert (line["return_id"], line["process"], line["level"]) == ("r-1", "api", "info")
        assert line["timestamp"].endswith("Z")


def test_nothing_stays_bound_after_the_block() -> None:
    stream = lines(LogFormat.JSON)
    with bound(return_id="r-1"):
        pass
    get_logger("x").info("later")
    assert "return_id" not in json.loads(stream.getvalue())


def test_a_secret_never_reaches_a_line() -> None:
    stream = lines(LogFormat.JSON)
    get_logger("x").info("call", api_key="s3cr3t", smtp_password="s3cr3t", Authorization="Bearer s3cr3t")
    assert "s3cr3t" not in stream.getvalue()


def test_a_traceback_is_one_json_line() -> None:
    stream = lines(LogFormat.JSON)
    try:
        int("boom")
    except ValueError:
        get_logger("x").exception("failed")
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line)["exception"][0]["exc_type"] == "ValueError"


def test_auto_is_json_where_nobody_watches() -> None:
    stream = lines(LogFormat.AUTO)
    get_logger("x").info("hello")
    assert json.loads(stream.getvalue())["event"] == "hello"


def test_the_console_format_is_a_readable_line_with_its_facts() -> None:
    stream = lines(LogFormat.CONSOLE)
    get_logger("x").warning("worker restarts", after_seconds=2)
    assert "worker restarts" in stream.getvalue()
    assert "after_seconds=2" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_lines_below_the_level_are_dropped() -> None:
    stream = lines(LogFormat.JSON)
    get_logger("x").debug("detail")
    assert stream.getvalue() == ""


def test_the_access_lines_of_health_checks_are_dropped_and_those_of_people_are_not() -> None:
    stream = lines(LogFormat.JSON)
    access = logging.getLogger("uvicorn.access")
    for path in ("/readyz", "/v1/returns"):
        access.info('%s - "%s %s HTTP/%s" %d', "127.0.0.1:1", "GET", path, "1.1", 200)
    (line,) = stream.getvalue().splitlines()
    assert "/v1/returns" in line
