"""Seeding a desk: repeatable, and inventing nothing in production. Wiring refuses the stand-in there."""

import pytest
from sqlalchemy import text

from infra.settings import Environment, SettingsInvalid, get_settings
from services.adapters.http_tools import HttpTools
from services.adapters.orders import HttpOrders
from services.store.sessions import sessions
from workers.seed import KEY_FILE, seed
from workers.wiring import Desk, SystemClock, make_orders, make_released, make_tools


@pytest.fixture
def settings(fresh_migrated_url, tmp_path):
    return get_settings().model_copy(update={"database_url": fresh_migrated_url, "var_dir": tmp_path})


def counts(settings):
    parts = Desk(settings)
    try:
        with parts.sessions() as session:
            return {
                table: session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608 - our own names
                for table in ("shop", "shop_order", "api_key", "policy_version")
            }
    finally:
        parts.engine.dispose()


def test_seeding_twice_changes_nothing_and_shows_the_key_once(settings):
    first = seed(settings)
    before = counts(settings)
    assert before["shop_order"] >= 200
    assert before["policy_version"] >= 14
    key = (settings.var_dir / KEY_FILE).read_text().strip()
    assert key in first
    assert (settings.var_dir / KEY_FILE).stat().st_mode & 0o077 == 0
    assert key not in seed(settings)
    assert counts(settings) == before


def test_a_lost_key_file_is_replaced_by_a_new_key(settings):
    seed(settings)
    (settings.var_dir / KEY_FILE).unlink()
    assert "rdk_" in seed(settings)


def test_production_gets_policies_and_nothing_invented(settings):
    said = seed(settings.model_copy(update={"environment": Environment.PRODUCTION}))
    assert "rdk_" not in said
    found = counts(settings)
    assert found.pop("policy_version") >= 14
    assert set(found.values()) == {0}


def test_the_scripted_stand_in_is_refused_in_production(settings):
    wanted = {"environment": Environment.PRODUCTION, "decider": "scripted"}
    with pytest.raises(SettingsInvalid, match="DECIDER"):
        make_released(settings.model_copy(update=wanted), sessions(Desk(settings).engine), SystemClock())


def test_addresses_in_the_settings_choose_the_services_of_the_shop(settings):
    wanted = {"order_source_url": "http://orders.example.com", "tool_provider_url": "http://tools.example.com"}
    changed = settings.model_copy(update=wanted)
    parts = Desk(changed)
    opener = sessions(parts.engine)
    orders = make_orders(changed, opener)
    assert isinstance(orders, HttpOrders)
    assert isinstance(make_tools(changed, opener, orders, SystemClock()), HttpTools)
    parts.engine.dispose()
