"""The audit chain, policy versions as first seen, living processes, outbox and housekeeping, on real PostgreSQL."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from infra.database import make_engine
from policies import PolicyVersion
from services.store import audit, outbox
from services.store.events import Happened, add_events, events_after
from services.store.policies import PublishedTextChanged, find_version, note_versions
from services.store.processes import forget_silent, say_alive, say_gone
from services.store.sessions import sessions
from services.store.sweeping import forget_expired

NOW = datetime(2026, 11, 1, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def engine(migrated_url):
    engine = make_engine(migrated_url)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO shop (id, name, created_at) VALUES ('s', 'Shop', :now)"), {"now": NOW})
        for return_id in ("r", "quiet"):
            connection.execute(
                text(
                    "INSERT INTO return_request (id, shop_id, order_id, message, status, received_at, updated_at)"
                    " VALUES (:id, 's', 'A1', 'broken', 'received', :now, :now)"
                ),
                {"now": NOW, "id": return_id},
            )
    yield engine
    engine.dispose()


@pytest.fixture
def opener(engine):
    return sessions(engine)


def test_the_audit_chain_holds_and_shows_a_change_made_around_the_database(opener):
    with opener() as session:
        for number in range(5):
            detail = {"before": None, "after": number}
            audit.append_audit(session, "kim", "label.approve", f"item-{number}", detail, now=NOW)
    with opener() as session:
        assert audit.verify_chain(session).broken_at is None
        third = audit.latest_entries(session)[2].id
    with opener() as session:
        session.execute(text("ALTER TABLE audit_log DISABLE TRIGGER audit_log_append_only"))
        session.execute(text("UPDATE audit_log SET actor = 'lee' WHERE id = :id"), {"id": third})
        changed = audit.verify_chain(session)
        session.execute(text("DELETE FROM audit_log WHERE id = :id"), {"id": third})
        removed = audit.verify_chain(session)
        session.rollback()
    assert changed.broken_at == third
    assert removed.broken_at == third + 1


def test_a_policy_version_seen_before_is_refused_with_another_text(opener):
    first = PolicyVersion(policy_id="P-7", version="1", text="Within 30 days.")
    with opener() as session:
        assert note_versions(session, [first], NOW) == 1
    with opener() as session:
        assert note_versions(session, [first], NOW) == 0
        assert find_version(session, "P-7", "1") == first
        with pytest.raises(PublishedTextChanged, match="P-7@1"):
            note_versions(session, [PolicyVersion(policy_id="P-7", version="1", text="Within 7 days.")], NOW)


def test_a_process_is_listed_while_it_speaks_and_forgotten_when_it_is_silent(opener):
    count = text("SELECT count(*) FROM process")
    with opener() as session:
        say_alive(session, "triage@a", "triage", "c1")
        say_alive(session, "triage@a", "triage", "c2")
        assert session.execute(text("SELECT name, checkpoint FROM process")).all() == [("triage@a", "c2")]
        forget_silent(session, timedelta(hours=1))
        assert session.execute(count).scalar_one() == 1
        session.execute(text("UPDATE process SET seen_at = now() - interval '2 hours'"))
        forget_silent(session, timedelta(hours=1))
        assert session.execute(count).scalar_one() == 0
        say_alive(session, "triage@a", "triage", None)
        say_gone(session, "triage@a")
        assert session.execute(count).scalar_one() == 0


def test_events_come_in_order_and_only_shops_that_listen_fill_the_outbox(opener):
    with opener() as session:
        add_events(session, "quiet", "s", [Happened("a", {}), Happened("b", {"x": 1})], now=NOW)
        assert outbox.unsent(session, outbox.RETURN_EVENT) == []
        session.execute(
            text(
                "INSERT INTO webhook_endpoint (id, shop_id, url, secret, kinds, enabled, created_at)"
                " VALUES ('w', 's', 'https://example.com', 'x', '[]', true, :now)"
            ),
            {"now": NOW},
        )
        add_events(session, "r", "s", [Happened("a", {}), Happened("b", {"x": 1})], now=NOW)
        found = events_after(session, "r")
        assert [(event.kind, event.data) for event in found] == [("a", {}), ("b", {"x": 1})]
        assert [event.kind for event in events_after(session, "r", after=found[0].id)] == ["b"]
        told = outbox.unsent(session, outbox.RETURN_EVENT)
        assert [message.subject_id for message in told] == [str(event.id) for event in found]
        outbox.mark_sent(session, [message.id for message in told])
        assert outbox.unsent(session, outbox.RETURN_EVENT) == []


def test_two_relays_at_once_see_different_messages(opener):
    with opener() as session:
        session.execute(text("DELETE FROM outbox"))
        for number in range(4):
            outbox.announce_job(session, f"job-{number}", NOW)
    with opener() as first, opener() as second:
        seen_first = outbox.unsent(first, outbox.JOB_READY, limit=2)
        seen_second = outbox.unsent(second, outbox.JOB_READY, limit=2)
    assert {m.subject_id for m in seen_first} | {m.subject_id for m in seen_second} == {f"job-{n}" for n in range(4)}


def test_housekeeping_forgets_expired_keys_and_old_messages_and_nothing_else(opener):
    with opener() as session:
        session.execute(text("DELETE FROM outbox"))
        for key, age in (("old", "-1 day"), ("new", "1 day")):
            session.execute(
                text(
                    "INSERT INTO idempotency_key (shop_id, route, key, fingerprint, state, created_at, expires_at)"
                    " VALUES ('s', 'r', :key, 'f', 'in_progress', now(), now() + CAST(:age AS interval))"
                ),
                {"key": key, "age": age},
            )
        for days_ago in (8, 0, None):
            session.execute(
                text(
                    "INSERT INTO outbox (topic, subject_id, created_at, sent_at)"
                    " VALUES ('job.ready', 'j', now(), now() - make_interval(days => CAST(:days AS int)))"
                ),
                {"days": days_ago},
            )
    assert forget_expired(opener) == 2
    with opener() as session:
        assert session.execute(text("SELECT key FROM idempotency_key")).scalars().all() == ["new"]
        assert session.execute(text("SELECT count(*) FROM outbox")).scalar_one() == 2
