"""Say before the start whether ports and servers can be had, in one line each with the remedy. Starts nothing."""

import contextlib
import socket

import psutil
import psycopg
import redis
from celery import Celery
from kombu.exceptions import OperationalError
from sqlalchemy.engine import make_url

from infra.database import sqlalchemy_url


class NotReachable(RuntimeError):
    """A port or a server cannot be had; the message is one line that names the setting and the remedy."""


def require_free_port(address: str, port: int) -> None:
    """Raise NotReachable when somebody listens on the port, naming who where the system tells."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            who = _listener(port)
            raise NotReachable(
                f"port {port} on {address} cannot be used ({who or error.strerror}): stop what uses it, or choose "
                f"another, for example PORT={port + 1 if port < 65535 else 8000}"
            ) from error


def require_database(url: str, timeout_seconds: int) -> None:
    """Raise NotReachable when DATABASE_URL does not answer. The message never holds the password."""
    parsed = sqlalchemy_url(url)
    try:
        with psycopg.connect(
            parsed.set(drivername="postgresql").render_as_string(hide_password=False), connect_timeout=timeout_seconds
        ):
            return
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[-1]
        raise NotReachable(
            f"DATABASE_URL: no PostgreSQL answers at {parsed.host}:{parsed.port or 5432} ({reason}): start it, correct "
            "the address, or leave DATABASE_URL empty to use the embedded server"
        ) from error


def require_redis(url: str, timeout_seconds: float) -> None:
    """Raise NotReachable when REDIS_URL does not answer. The message never holds the password."""
    if url.startswith("sentinel://"):
        return  # Several addresses; the workers say when none answers.
    parsed = make_url(url)
    client = redis.Redis.from_url(url.replace("valkey://", "redis://"), socket_timeout=timeout_seconds)
    try:
        client.ping()
    except redis.RedisError as error:
        raise NotReachable(
            f"REDIS_URL: no Redis or Valkey answers at {parsed.host}:{parsed.port or 6379} ({error}): start it, "
            "correct the address, or leave REDIS_URL empty to use the embedded server"
        ) from error
    finally:
        client.close()


def celery_workers_answering(redis_url: str, timeout_seconds: float = 1.0, host: str | None = None) -> set[str]:
    """Return the names, without the host, of the Celery workers (of one host, where given) that answer a ping."""
    with Celery(broker=redis_url, set_as_current=False) as app:
        try:
            answers = app.control.ping(timeout=timeout_seconds)
        except (OSError, redis.RedisError, OperationalError):
            return set()
    names = [name.split("@", 1) for answer in answers for name in answer]
    return {name for name, where in names if host is None or where == host}


def _listener(port: int) -> str | None:
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f"used by {psutil.Process(connection.pid).name()}, pid {connection.pid}"
    return None
