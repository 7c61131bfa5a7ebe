import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from infra import supervisor as supervising
from infra.console import Console
from infra.reach import NotReachable, require_database, require_free_port, require_redis
from infra.run_state import AlreadyRunning, RunState, State
from infra.settings import LogFormat
from infra.supervisor import Program, ProgramFailed, StopRequested, Supervisor

SLEEPS = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)
HAS_A_CHILD = (
    "import subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], "
    "start_new_session=True); print(child.pid, flush=True); time.sleep(600)"
)


@pytest.fixture
def var() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="returns-desk-") as name:
        yield Path(name)


@pytest.fixture
def console(var: Path) -> Iterator[Console]:
    made = Console(var / "log", LogFormat.CONSOLE, ["one", "two"])
    yield made
    made.close()


@pytest.fixture
def desk(var: Path, console: Console) -> Iterator[Supervisor]:
    made = Supervisor(console, RunState(var).mark)
    yield made
    made.stop()


def program(name: str, code: str, **more: object) -> Program:
    return Program(name, [sys.executable, "-u", "-c", code], **more)


def said(console: Console, name: str, text: str) -> Callable[[], bool]:
    return lambda: any(text in line for line in console.tail(name, 1000))


def gone(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE  # Where nobody reaps orphans, dead is all they can be.
    except psutil.NoSuchProcess:
        return True


def eventually(ask: Callable[[], bool], seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while not ask() and time.monotonic() < deadline:
        time.sleep(0.02)
    return ask()


def pid_of(desk: Supervisor, name: str) -> int:
    pid = next(process.pid for process in desk.processes() if process.name == name)
    assert pid is not None
    return pid


@pytest.mark.chaos
def test_a_killed_program_is_restarted_and_that_is_said(
    desk: Supervisor, console: Console, capfd: pytest.CaptureFixture[str]
) -> None:
    desk.start(program("one", SLEEPS))
    assert desk.wait_until(said(console, "one", "up"), ["one"], 10)
    first = pid_of(desk, "one")
    os.kill(first, signal.SIGKILL)
    assert desk.wait_until(lambda: desk.processes()[0].restarts == 1, ["one"], 10)
    assert pid_of(desk, "one") != first
    assert "one ended unexpectedly, restarting why=signal SIGKILL in_seconds=0.5" in capfd.readouterr().err


def test_the_wait_between_restarts_grows(desk: Supervisor, capfd: pytest.CaptureFixture[str]) -> None:
    desk.start(program("one", "raise SystemExit(3)"))
    with pytest.raises(ProgramFailed):
        desk.wait_until(lambda: False, ["one"], 20)
    errors = capfd.readouterr().err
    assert [f"in_seconds={seconds}" in errors for seconds in ("0.5", "1.0", "2.0")] == [True, True, True]


def test_a_program_that_never_gets_up_is_named_with_its_last_words(desk: Supervisor) -> None:
    desk.start(program("one", "import sys; print('no module named nothing', file=sys.stderr); sys.exit(1)"))
    with pytest.raises(
        ProgramFailed, match="one ended 3 times before it was ready; it last said: no module named nothing"
    ):
        desk.wait_until(lambda: False, ["one"], 20)


def test_stopping_takes_grandchildren_along_that_left_their_group(desk: Supervisor, console: Console) -> None:
    desk.start(program("one", HAS_A_CHILD))
    desk.wait_until(lambda: bool(console.tail("one")), ["one"], 10)
    grandchild = psutil.Process(int(console.tail("one")[-1]))
    desk.stop()
    assert eventually(lambda: gone(grandchild))


def test_a_program_that_ignores_the_request_is_killed_after_its_grace(desk: Supervisor, console: Console) -> None:
    desk.start(program("one", STUBBORN, stop_grace_seconds=0.5))
    desk.wait_until(said(console, "one", "up"), ["one"], 10)
    began = time.monotonic()
    desk.stop()
    assert 0.5 <= time.monotonic() - began < 3


def test_ctrl_c_asks_to_stop_and_a_second_one_kills_at_once(desk: Supervisor, console: Console) -> None:
    desk.start(program("one", STUBBORN, stop_grace_seconds=60))
    with desk.signals():
        desk.wait_until(said(console, "one", "up"), ["one"], 10)
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(StopRequested):
            desk.check()
        again = threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGINT])
        again.start()
        began = time.monotonic()
        desk.stop()
        assert time.monotonic() - began < 5
        again.join()


def test_a_command_that_runs_once_hands_on_its_output_and_its_status(desk: Supervisor) -> None:
    lines: list[str] = []
    code = "import sys; print('A10234 eligible'); print('noise', file=sys.stderr); sys.exit(4)"
    assert desk.run_once(program("one", code), lines.append) == 4
    assert lines == ["A10234 eligible"]


def test_ctrl_c_also_stops_a_command_that_runs_once(desk: Supervisor, var: Path) -> None:
    with desk.signals():
        threading.Timer(1, os.kill, [os.getpid(), signal.SIGINT]).start()
        with pytest.raises(StopRequested):
            desk.run_once(program("one", SLEEPS), print)
    assert RunState(var).orphans() == []


def test_a_second_supervisor_is_told_who_holds_the_directory(var: Path) -> None:
    with (
        RunState(var).locked(),
        pytest.raises(AlreadyRunning, match=f"already running on .* \\(pid {os.getpid()}\\): stop it with"),
        RunState(var).locked(),
    ):
        pass


def test_a_lock_file_left_by_a_killed_supervisor_does_not_matter(var: Path) -> None:
    run_state = RunState(var)
    with run_state.locked():
        pass
    (var / "run" / "supervisor.lock").write_text("1")
    assert run_state.owner() is None
    with run_state.locked():
        assert run_state.owner() == os.getpid()


def test_orphans_of_a_killed_supervisor_are_found_by_their_mark_and_stopped(var: Path, console: Console) -> None:
    abandoned = Supervisor(console, RunState(var).mark)
    abandoned.start(program("one", HAS_A_CHILD))
    abandoned.wait_until(lambda: bool(console.tail("one")), ["one"], 10)
    assert RunState(var).stop_orphans() == 2
    assert RunState(var).orphans() == []
    abandoned.stop()


def test_the_state_is_read_back_only_while_somebody_holds_the_lock(var: Path) -> None:
    run_state = RunState(var)
    state = State("ready", os.getpid(), "http://127.0.0.1:8000", "2025-01-01T00:00:00+00:00", [])
    with run_state.locked():
        run_state.write(state)
        assert run_state.read() == state
    assert run_state.read() is None


def test_the_addresses_file_holds_passwords_and_is_closed_to_others(var: Path) -> None:
    run_state = RunState(var)
    with run_state.locked():
        run_state.write_addresses({"database_url": "postgresql://u:p@h/d"})
        assert (var / "run" / "addresses.json").stat().st_mode & 0o077 == 0


def test_a_port_in_use_names_the_port_and_the_variable(valkey_server: object) -> None:
    with pytest.raises(NotReachable, match=r"port \d+ on 127.0.0.1 cannot be used .*valkey-server.*PORT="):
        require_free_port("127.0.0.1", valkey_server.port)


def test_an_unreachable_database_is_named_without_its_password() -> None:
    with pytest.raises(NotReachable, match=r"DATABASE_URL: no PostgreSQL answers at 127\.0\.0\.1:1 ") as caught:
        require_database("postgresql://user:hunter2@127.0.0.1:1/x", 1)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unreachable_broker_is_named_without_its_password() -> None:
    with pytest.raises(NotReachable, match=r"REDIS_URL: no Redis or Valkey answers at 127\.0\.0\.1:1 ") as caught:
        require_redis("redis://:hunter2@127.0.0.1:1/0", 1)
    assert "hunter2" not in str(caught.value)


def test_lines_of_a_quiet_program_are_shown_only_when_they_alarm(
    console: Console, capfd: pytest.CaptureFixture[str]
) -> None:
    console.line("one", "checkpoint complete", quiet=True)
    console.line("one", "FATAL:  could not write", quiet=True)
    console.line("one", "FATAL:  the database system is starting up", quiet=True)
    assert capfd.readouterr().err.splitlines() == ["one | FATAL:  could not write"]
    assert len(console.tail("one")) == 3


def test_json_lines_of_a_program_pass_as_they_are_and_plain_ones_are_wrapped(
    var: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    made = Console(var / "log2", LogFormat.JSON, ["one"])
    made.line("one", '{"event": "x"}')
    made.line("one", "plain")
    made.close()
    first, second = capfd.readouterr().err.splitlines()
    assert first == '{"event": "x"}'
    assert '"event": "plain", "process": "one"' in second


def test_steady_programs_start_over_with_a_short_wait(
    desk: Supervisor, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "STEADY_SECONDS", 0.0)
    desk.start(program("one", SLEEPS))
    for restarts in (1, 2, 3, 4):
        os.kill(pid_of(desk, "one"), signal.SIGKILL)
        expected = restarts
        assert desk.wait_until(lambda expected=expected: desk.processes()[0].restarts == expected, ["one"], 5)
