"""Fill a desk with what it needs to be tried: the policies' digests, and in development a sample shop and its orders.

May be repeated. Outside development only the policies are noted: no shop, key or order is invented there.
"""

import os
from datetime import datetime
from pathlib import Path

from infra.settings import Environment, Settings, get_settings
from policies.catalog import BUILT_IN, Catalog, load_catalog
from services.adapters.order_file import read_orders
from services.store.orders import OrderRows
from services.store.policies import note_versions
from services.store.sessions import Sessions
from services.store.shops import ensure_shop, has_key
from workers.wiring import Desk, SystemClock

SAMPLES = Path(__file__).resolve().parent.parent / "infra" / "samples"
KEY_FILE = "development_key"


def seed(settings: Settings | None = None) -> str:
    """Fill the database; return what it holds now, in words.

    Raises policies.catalog.CatalogError, services.store.policies.PublishedTextChanged, OrderFileInvalid.
    """
    parts = Desk(settings or get_settings())
    now = SystemClock().now()
    try:
        catalog = load_catalog(parts.settings.policies_dir or BUILT_IN)
        said = [f"{_policies(parts.sessions, catalog, now)} policy versions"]
        if parts.settings.environment is not Environment.PRODUCTION:
            said += _samples(parts, now)
        return ", ".join(said)
    finally:
        parts.engine.dispose()


def _policies(opener: Sessions, catalog: Catalog, now: datetime) -> int:
    with opener() as session:
        note_versions(session, catalog.versions, now)
    return len(catalog.versions)


def _samples(parts: Desk, now: datetime) -> list[str]:
    shop = parts.settings.sample_shop_id
    with parts.sessions() as session:
        ensure_shop(session, shop, "Sample shop", now)
    file = read_orders(SAMPLES / "orders.json", shop)
    count = OrderRows(parts.sessions).put(file.moved_to(now.date()), now)
    return [f"{count} orders of {shop}", *_development_key(parts, shop, now)]


def _development_key(parts: Desk, shop: str, now: datetime) -> list[str]:
    """Make a key for the sample shop where there is none; it is shown once and kept in a file for `submit`."""
    from services.api.keyring import digest_of_key, new_key  # noqa: PLC0415 - how keys look is the API's knowledge
    from services.store.api_keys import add_key  # noqa: PLC0415

    path = parts.settings.var_dir / KEY_FILE
    with parts.sessions() as session:
        if path.exists() and has_key(session, digest_of_key(path.read_text().strip())):
            return []
        key = new_key()
        add_key(session, shop, "development", now, prefix=key[:12], digest=digest_of_key(key))
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(key + "\n")
    return [f"API key of {shop}: {key} (kept in {path})"]
