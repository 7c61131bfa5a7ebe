"""The migrated database equals the models, and guards by itself what must not change."""

from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import IntegrityError

from infra.database import make_engine
from infra.migrations import current, head, upgrade
from services.store.tables import metadata

NOW = datetime(2026, 11, 1, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def engine(migrated_url):
    engine = make_engine(migrated_url)
    yield engine
    engine.dispose()


def test_an_empty_database_migrated_to_head_equals_the_models(engine: Engine):
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        assert current(connection) == head()


def test_every_check_of_the_models_is_in_the_database(engine: Engine):
    inspector = inspect(engine)
    for table in metadata.tables.values():
        wanted = {str(c.name) for c in table.constraints if type(c).__name__ == "CheckConstraint"}
        assert {c["name"] for c in inspector.get_check_constraints(table.name)} == wanted, table.name


def test_migrating_twice_changes_nothing(postgres_url):
    upgrade(postgres_url)
    upgrade(postgres_url)
    engine = make_engine(postgres_url)
    with engine.connect() as connection:
        assert current(connection) == head()
    engine.dispose()


def _shop_and_return(connection) -> None:
    connection.execute(text("INSERT INTO shop (id, name, created_at) VALUES ('s', 'Shop', :now)"), {"now": NOW})
    connection.execute(
        text(
            "INSERT INTO return_request (id, shop_id, order_id, message, status, received_at, updated_at)"
            " VALUES ('r', 's', 'A1', 'broken', 'received', :now, :now)"
        ),
        {"now": NOW},
    )


@pytest.mark.parametrize("change", ["UPDATE event SET kind = 'x'", "DELETE FROM event"])
def test_an_event_can_only_be_added(engine: Engine, change):
    with engine.connect() as connection:
        _shop_and_return(connection)
        connection.execute(
            text("INSERT INTO event (return_id, shop_id, kind, data, at) VALUES ('r', 's', 'k', '{}', :now)"),
            {"now": NOW},
        )
        with pytest.raises(IntegrityError, match="append-only"):
            connection.execute(text(change))


def test_a_status_outside_the_list_is_refused(engine: Engine):
    with engine.connect() as connection:
        _shop_and_return(connection)
        with pytest.raises(IntegrityError, match="ck_return_request_status"):
            connection.execute(text("UPDATE return_request SET status = 'lost'"))


def test_a_return_has_at_most_one_unfinished_review_item(engine: Engine):
    with engine.connect() as connection:
        _shop_and_return(connection)
        add = text(
            "INSERT INTO review_item (id, return_id, shop_id, order_id, reason, detail, priority, state, version,"
            " due_at, created_at) VALUES (:id, 'r', 's', 'A1', 'x', '', 5, 'open', 1, :now, :now)"
        )
        connection.execute(add, {"id": "1", "now": NOW})
        with pytest.raises(IntegrityError, match="uq_review_item_unfinished"):
            connection.execute(add, {"id": "2", "now": NOW})


def test_a_posting_that_does_not_balance_cannot_commit(engine: Engine):
    connection = engine.connect()
    try:
        _shop_and_return(connection)
        connection.execute(
            text(
                "INSERT INTO journal_transaction"
                " (id, idempotency_key, return_id, shop_id, order_id, kind, currency, at)"
                " VALUES ('j', 'k', 'r', 's', 'A1', 'refund', 'EUR', :now)"
            ),
            {"now": NOW},
        )
        connection.execute(
            text("INSERT INTO journal_line (transaction_id, account, amount_cents) VALUES ('j', 'a', 100)")
        )
        with pytest.raises(IntegrityError, match="does not balance"):
            connection.commit()
    finally:
        connection.close()
