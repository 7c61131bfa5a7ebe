"""The first administrator's password is told once, to the screen of who started the desk, and kept nowhere."""

import re

from sqlalchemy import text

from infra.database import engine_from
from tests.service import review_world as world
from workers.commands.accounts import LATER_VARIABLE, bootstrap_admin
from workers.prepare import first_admin


def test_the_password_is_told_once_and_opens_the_account_until_it_is_changed(migrated_url, tmp_path):
    settings = world.settings_for(migrated_url, tmp_path)
    told = bootstrap_admin(settings)
    password = re.search(r"admin / (\S+) \(shown once", told).group(1)
    assert bootstrap_admin(settings) is None
    engine = engine_from(settings, application_name="test")
    with engine.connect() as connection:
        (row,) = connection.execute(text("SELECT name, password_hash, must_change FROM account")).all()
    engine.dispose()
    assert row.must_change
    assert row.password_hash.startswith("$argon2id$")
    assert world.hasher().verify(row.password_hash, password)
    assert not list(tmp_path.rglob("*")), "nothing is written beside the database"


def test_a_desk_in_the_background_leaves_its_first_account_to_the_command_that_started_it(
    fresh_migrated_url, tmp_path, monkeypatch
):
    settings = world.settings_for(fresh_migrated_url, tmp_path)
    monkeypatch.setenv(LATER_VARIABLE, "1")
    assert "left to the command" in first_admin(settings)
    monkeypatch.delenv(LATER_VARIABLE)
    assert "shown once" in first_admin(settings)
    assert first_admin(settings) == "accounts are there"
