"""A real uvicorn on a loopback port for tests of the API, with a shop, a key and orders in a real database."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx
import psycopg
import uvicorn

from infra.embedded import free_port
from infra.settings import Settings
from services.api.app import create_app
from services.api.keyring import digest_of_key, new_key

SHOP = "sample-shop"
ORDERS = ("A10234", "A10235", "A10236")
BODY = {"order_id": "A10234", "message": "My lamp arrived cracked, can I send it back?"}


def settings_for(database_url: str, **changes) -> Settings:
    values = {"environment": "testing", "secret_key": "s" * 40, "database_url": database_url}
    values |= {"rate_limit_requests_per_minute": 600_000, "rate_limit_burst_requests": 100_000}
    return Settings(_env_file=None, **(values | changes))


@contextmanager
def serving(settings: Settings, **arguments) -> Iterator[str]:
    """Serve the API from a thread; yield its address. Ends at once, whatever streams are open."""
    port = free_port()
    app = create_app(settings, **arguments)
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_config=None, access_log=False, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the API did not start")
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)


def add_shop(database_url: str, shop: str = SHOP, orders=ORDERS) -> str:
    """Add a shop with orders; return a key of it."""
    key, now = new_key(), datetime.now(UTC)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO shop VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", (shop, shop, now))
        connection.execute(
            "INSERT INTO api_key (id, shop_id, name, prefix, sha256, created_at) VALUES (%s, %s, 'test', %s, %s, %s)",
            (f"key_{key[-20:]}", shop, key[:12], digest_of_key(key), now),
        )
        for order in orders:
            connection.execute(
                "INSERT INTO shop_order (shop_id, order_id, document, updated_at) VALUES (%s, %s, '{}', %s) "
                "ON CONFLICT DO NOTHING",
                (shop, order, now),
            )
    return key


def client_for(address: str, key: str | None = None, **arguments) -> httpx.Client:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.Client(base_url=address, headers=headers, timeout=30, trust_env=False, **arguments)


def count(database_url: str, statement: str, *parameters) -> int:
    with psycopg.connect(database_url) as connection:
        return connection.execute(statement, parameters).fetchone()[0]


def add_event(database_url: str, return_id: str, kind: str, data: str = "{}", shop: str = SHOP) -> int:
    """Add an event as the store does, and announce it; return its id."""
    with psycopg.connect(database_url, autocommit=True) as connection, connection.transaction():
        event_id = connection.execute(
            "INSERT INTO event (return_id, shop_id, kind, data, at) VALUES (%s, %s, %s, %s, now()) RETURNING id",
            (return_id, shop, kind, data),
        ).fetchone()[0]
        connection.execute(
            "INSERT INTO outbox (topic, subject_id, created_at) VALUES ('return.event', %s, now())", (str(event_id),)
        )
    return event_id
