"""Alerts end to end on real PostgreSQL: raised once, sent signed and by mail to real servers, acknowledged, ended."""

import json
import threading
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from infra.database import make_engine
from infra.settings import load_settings
from services.adapters.webhooks import new_secret, verify
from services.domain.review import Role
from services.store.alerts import acknowledge, evaluate, limits_of, open_alerts, past_alerts
from services.store.sessions import sessions
from tests.service import mail_server
from tests.service import review_world as world
from tests.service.test_webhooks import Receiver
from workers.alerts import Watch
from workers.wiring import make_mailbox

SECRET = SecretStr(new_secret())


class Clock:
    def __init__(self):
        self.offset = timedelta()

    def now(self):
        return datetime.now(UTC) + self.offset


@pytest.fixture
def opener(fresh_migrated_url):
    engine = make_engine(fresh_migrated_url)
    yield sessions(engine)
    engine.dispose()


@pytest.fixture
def watching(fresh_migrated_url, opener, tmp_path):
    """Return a function that makes watches with some settings, as the periodic worker has one."""
    made = []

    def one(**changes):
        settings = world.settings_for(fresh_migrated_url, tmp_path, webhook_timeout_seconds=2.0, **changes)
        made.append(Watch(opener, settings, Clock(), make_mailbox(settings)))
        return made[-1]

    yield one
    for watch in made:
        watch.close()


def round_of(watch) -> None:
    for sent in watch.round():
        sent.result(timeout=30)


def old_job(opener, state="ready") -> None:
    with opener() as session:
        session.execute(
            text(
                "INSERT INTO job (id, kind, subject_id, state, attempt, crashes, due_at, created_at)"
                " VALUES ('j1', 'triage', 'r1', :state, 0, 0, now() - interval '1 hour', now() - interval '1 hour')"
            ),
            {"state": state},
        )


def all_done(opener) -> None:
    with opener() as session:
        session.execute(text("UPDATE job SET state = 'done', finished_at = now()"))


def notices(opener):
    with opener() as session:
        return session.execute(
            text(
                "SELECT channel, recipient, state, attempts, last_error FROM alert_notice ORDER BY channel, created_at"
            )
        ).all()


def test_one_episode_is_one_signed_webhook_and_one_letter_however_often_it_is_looked_at(opener, watching):
    receiver = Receiver()
    with mail_server.receiving() as mail:
        watch = watching(
            alert_webhook_url=receiver.url,
            alert_webhook_secret=SECRET,
            alert_mail_to="ops@shop.example",
            smtp_host="127.0.0.1",
            smtp_port=mail.port,
            smtp_starttls=False,
        )
        old_job(opener)
        for _ in range(3):
            round_of(watch)
    receiver.close()
    ((headers, body),) = receiver.received
    verify([SECRET.get_secret_value()], headers, body, datetime.now(UTC))
    said = json.loads(body)
    assert said["type"] == "alert.raised"
    assert said["data"]["kind"] == "queue_old"
    assert "oldest job waits for a worker for 60 min" in said["data"]["said"]
    (letter,) = mail.accepted
    assert letter["To"] == "ops@shop.example"
    assert "queue old" in letter["Subject"]
    assert "oldest job" in letter.get_content()
    assert [(row.channel, row.state, row.attempts) for row in notices(opener)] == [
        ("mail", "delivered", 1),
        ("webhook", "delivered", 1),
    ]


def test_a_receiver_that_fails_is_tried_again_and_no_second_episode_is_told(opener, watching):
    receiver = Receiver()
    receiver.answer = 500
    watch = watching(alert_webhook_url=receiver.url, alert_webhook_secret=SECRET)
    old_job(opener)
    round_of(watch)
    (row,) = notices(opener)
    assert (row.state, row.attempts) == ("pending", 1)
    assert "HTTP 500" in row.last_error
    receiver.answer = 204
    with opener() as session:
        session.execute(text("UPDATE alert_notice SET next_at = now() - interval '1 s'"))
    round_of(watch)
    receiver.close()
    (row,) = notices(opener)
    assert (row.state, row.attempts, row.last_error) == ("delivered", 2, None)
    assert len({headers["webhook-id"] for headers, _ in receiver.received}) == 1


def test_it_ends_after_quiet_and_what_begins_anew_is_told_anew(opener, watching):
    watch = watching()
    old_job(opener)
    round_of(watch)
    all_done(opener)
    watch._clock.offset = timedelta(minutes=20)
    round_of(watch)
    with opener() as session:
        (standing,) = open_alerts(session)
    watch._clock.offset = timedelta(minutes=31)
    round_of(watch)
    with opener() as session:
        assert open_alerts(session) == []
        assert [one.id for one in past_alerts(session)] == [standing.id]
        session.execute(text("UPDATE job SET state = 'ready', finished_at = NULL"))
    round_of(watch)
    with opener() as session:
        (again,) = open_alerts(session)
    assert again.id != standing.id


def test_evaluations_at_once_raise_it_once(opener, watching):
    old_job(opener)
    settings = watching()._settings
    errors = []

    def one():
        try:
            with opener() as session:
                evaluate(session, limits_of(settings), [], datetime.now(UTC))
        except Exception as error:  # noqa: BLE001 - a thread's error must reach the test
            errors.append(error)

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with opener() as session:
        assert len(open_alerts(session)) == 1


def test_a_blocked_night_rings_by_its_name_until_a_better_one_ends(opener, watching):
    watch = watching()
    with opener() as session:
        for night, status in (("2026-11-23", "shipped"), ("2026-11-24", "blocked")):
            session.execute(
                text(
                    'INSERT INTO night (id, "on", status, asked_by, started_at, finished_at, cutoff, plan, left_out,'
                    " note) SELECT n, cast(n AS date), :status, 'beat', now(), cast(n AS date), now(), '{}', '[]',"
                    " 'wrong approvals went up' FROM cast(:id AS text) n"
                ),
                {"id": night, "status": status},
            )
    round_of(watch)
    with opener() as session:
        (alert,) = open_alerts(session)
        assert (alert.kind, alert.subject) == ("gate_blocked", "2026-11-24")
        assert "wrong approvals went up" in alert.said
        assert acknowledge(session, alert.id, "op", "I look at it", datetime.now(UTC))
        assert not acknowledge(session, alert.id, "root", "", datetime.now(UTC))
        entry = session.execute(text("SELECT actor, action, subject FROM audit_log")).one()
        assert tuple(entry) == ("op", "alert.acknowledged", alert.id)


def test_an_operator_acknowledges_on_the_page_and_a_reviewer_cannot(fresh_migrated_url, opener, tmp_path, watching):
    settings = world.settings_for(fresh_migrated_url, tmp_path)
    desk = world.make_desk(settings)
    world.add_people(desk, {"op": Role.OPERATOR, "ada": Role.REVIEWER})
    old_job(opener)
    round_of(watching())
    with world.serving(settings) as address:
        with world.Reviewer(address, "ada") as ada:
            csrf = ada.csrf(ada.get("/review"))
            with opener() as session:
                (alert,) = open_alerts(session)
            answer = ada.client.post(f"/ops/alerts/{alert.id}/acknowledge", data={"csrf": csrf})
            assert answer.status_code == 403
        with world.Reviewer(address, "op") as op:
            assert "The oldest job waits" in op.get("/ops")
            page = op.get("/ops/alerts")
            sent = {"csrf": op.csrf(page), "note": "workers <b>restarted</b>"}
            answer = op.client.post(f"/ops/alerts/{alert.id}/acknowledge", data=sent)
            assert answer.headers["location"] == "/ops/alerts"
            page = op.get("/ops/alerts")
            assert "op knows" in page
            assert "workers &lt;b&gt;restarted&lt;/b&gt;" in page
            assert op.client.post(f"/ops/alerts/{alert.id}/acknowledge", data=sent).status_code == 409
    desk.engine.dispose()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("ALERT_WEBHOOK_URL", "https://pager.example/hook", "ALERT_WEBHOOK_SECRET"),
        ("ALERT_MAIL_TO", "nobody", "ALERT_MAIL_TO"),
        ("ALERT_DRIFT_SHARE", "2", "ALERT_DRIFT_SHARE"),
    ],
)
def test_a_wrong_setting_is_named_with_its_remedy(monkeypatch, name, value, told):
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=told):
        load_settings()
