"""Kill -9 of every part under load: nothing accepted is lost, everything comes to rest once, no effect happens twice.

The order and the moments of the kills follow from CHAOS_SEED (printed on failure), so that a run can be repeated.
"""

import os
import random
import threading
import time
import uuid
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from infra.database import make_engine
from infra.queue import Poker, TaskName
from services.api.keyring import digest_of_key, new_key
from services.domain.orders import OrderLine, ShopOrder
from services.store.api_keys import add_key
from services.store.orders import OrderRows
from services.store.sessions import sessions
from tests.journeys.desk_processes import DeskProcesses, wait

pytestmark = pytest.mark.chaos

SEED = int(os.environ.get("CHAOS_SEED", "20261124"))
REQUESTS = int(os.environ.get("CHAOS_REQUESTS", "500"))
PATIENCE = 300
"""Seconds a wait may last: far more than an idle machine needs, since tests share theirs with others."""

SHOP = "chaos-shop"
KEY = new_key()


@pytest.fixture(scope="module")
def servers(server_directory):
    with DeskProcesses(server_directory / "chaos") as processes:
        yield processes


@pytest.fixture
def desk(servers):
    """Return the desk, emptied, with nothing of the application running; what a test starts ends with it."""
    yield servers.reset()
    servers.reset()


def order(number):
    line = OrderLine(
        item="lamp", category="home", price_cents=4900, facts={"damage_confirmed": True, "final_sale": False}
    )
    today = datetime.now(UTC).date()
    return ShopOrder(
        order_id=f"C{number:05}",
        shop_id=SHOP,
        currency="EUR",
        purchased_on=today - timedelta(days=16),
        promised_on=today - timedelta(days=12),
        delivered_on=today - timedelta(days=12),
        lines=(line,),
    )


def fill(desk, orders=REQUESTS):
    engine = make_engine(desk.postgres.url)
    opener = sessions(engine)
    now = datetime.now(UTC)
    with opener() as session:
        add_key(session, SHOP, "chaos", now, prefix=KEY[:12], digest=digest_of_key(KEY))
    OrderRows(opener).put([order(number) for number in range(orders)], now)
    engine.dispose()


class Submitters:
    """Eight clients that submit every request and, as honest clients do, repeat it with its key until accepted."""

    def __init__(self, url, count):
        self.accepted = {}
        self._numbers = iter(range(count))
        self._lock = threading.Lock()
        self._url = url
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(8)]

    def start(self):
        for thread in self._threads:
            thread.start()

    def join(self, seconds):
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.1, deadline - time.monotonic()))
        assert not any(thread.is_alive() for thread in self._threads), "the API did not come back"

    def _run(self):
        with httpx.Client(timeout=10, headers={"Authorization": f"Bearer {KEY}"}) as client:
            while True:
                with self._lock:
                    number = next(self._numbers, None)
                if number is None:
                    return
                self._submit(client, number, str(uuid.uuid4()))

    def _submit(self, client, number, key):
        body = {"order_id": f"C{number:05}", "message": "The lamp arrived broken, a crack through the glass."}
        while True:
            try:
                answer = client.post(f"{self._url}/v1/returns", json=body, headers={"Idempotency-Key": key})
            except httpx.HTTPError:
                time.sleep(0.3)
                continue
            if answer.status_code == 202:
                self.accepted[number] = answer.json()["id"]
                return
            assert answer.status_code in {409, 429, 500, 503}, answer.text
            time.sleep(0.3)


def api_answers(desk):
    def check():
        try:
            return httpx.get(f"{desk.url}/healthz", timeout=1).status_code == 200
        except httpx.HTTPError:
            return False

    return check


def submit(desk, count):
    """Submit `count` requests as soon as the API answers; return what was accepted."""
    wait(api_answers(desk), 60, "the API to answer", desk.logs)
    submitters = Submitters(desk.url, count)
    submitters.start()
    submitters.join(60)
    return submitters.accepted


def at_rest(desk):
    return desk.query("SELECT count(*) FROM return_request WHERE status IN ('closed', 'in_review')")[0][0]


def unfinished_jobs(desk):
    return desk.query("SELECT count(*) FROM job WHERE state IN ('ready', 'running')")[0][0]


def check_invariants(desk, accepted):
    """Ask in SQL what must hold after any storm."""
    stored = {row[0] for row in desk.query("SELECT id FROM return_request")}
    assert stored == set(accepted.values()), "accepted and stored are not the same"
    assert desk.query("SELECT id, status FROM return_request WHERE status NOT IN ('closed', 'in_review')") == []
    endings = "SELECT return_id FROM event WHERE kind IN ('return.closed', 'return.in_review')"
    assert desk.query(f"{endings} GROUP BY return_id HAVING count(*) <> 1") == []
    assert len(desk.query(endings)) == len(stored)
    wrong_items = (
        "SELECT r.id FROM return_request r LEFT JOIN review_item i ON i.return_id = r.id"
        " GROUP BY r.id, r.status HAVING count(i.id) <> CASE r.status WHEN 'in_review' THEN 1 ELSE 0 END"
    )
    assert desk.query(wrong_items) == []
    assert desk.query("SELECT id FROM job WHERE state IN ('ready', 'running')") == []
    assert desk.query("SELECT return_id FROM trace GROUP BY return_id HAVING count(*) > 1") == []
    refunds = "SELECT idempotency_key FROM tool_action WHERE tool = 'issue_refund' AND state = 'succeeded'"
    posted = "SELECT idempotency_key FROM journal_transaction"
    assert desk.query(f"({refunds}) EXCEPT ({posted})") == [], "a refund was recorded that never happened"
    assert desk.query("SELECT order_id FROM journal_transaction GROUP BY order_id HAVING count(*) > 1") == []
    assert desk.query("SELECT coalesce(sum(amount_cents), 0) FROM journal_line")[0][0] == 0
    closed_but_pending = (
        "SELECT a.id FROM tool_action a JOIN return_request r ON r.id = a.return_id"
        " WHERE r.status = 'closed' AND a.state <> 'succeeded'"
    )
    assert desk.query(closed_but_pending) == []
    labels = list((desk.directory / "var" / "labels").rglob("*.pdf"))
    assert len(labels) == len({path.parent for path in labels}), "a return has two labels"


@pytest.mark.timeout(900)
def test_nothing_is_lost_or_done_twice_when_every_part_is_killed_under_load(desk):
    chance = random.Random(SEED)
    print(f"CHAOS_SEED={SEED}")
    desk.reset(SCRIPTED_DELAY_SECONDS="0.02")
    fill(desk)
    for name in ("api", "triage", "periodic"):
        desk.start(name)
    wait(api_answers(desk), 60, "the API to answer", desk.logs)
    submitters = Submitters(desk.url, REQUESTS)
    submitters.start()
    victims = ["triage", "valkey", "api", "postgres"]
    chance.shuffle(victims)
    for step, victim in enumerate(victims, start=1):
        goal = int(REQUESTS * 0.18 * step * chance.uniform(0.7, 1.0))
        wait(lambda goal=goal: at_rest(desk) >= goal, PATIENCE, f"{goal} returns at rest", desk.logs)
        wait(lambda: desk.query("SELECT count(*) FROM job WHERE state = 'running'")[0][0], 60, "work", desk.logs)
        desk.kill(victim)
        time.sleep(chance.uniform(0.2, 1.5))
        desk.start(victim)
    submitters.join(PATIENCE)
    assert len(submitters.accepted) == REQUESTS
    wait(lambda: unfinished_jobs(desk) == 0, PATIENCE, "all jobs to end", desk.logs)
    check_invariants(desk, submitters.accepted)
    statuses = dict(desk.query("SELECT status, count(*) FROM return_request GROUP BY status"))
    assert statuses.get("closed", 0) >= REQUESTS * 0.9, (statuses, desk.logs())


def test_a_job_delivered_many_times_makes_one_label_and_one_refund(desk):
    desk.reset(SCRIPTED_DELAY_SECONDS="0.3")
    fill(desk, 1)
    desk.start("api")
    accepted = submit(desk, 1)
    (job_id,) = desk.query("SELECT id FROM job")[0]
    poker = Poker(desk.valkey.url)
    assert all(poker.send(TaskName.TRIAGE, job_id) for _ in range(20))
    desk.start("triage")
    wait(lambda: unfinished_jobs(desk) == 0, PATIENCE, "the job to end", desk.logs)
    wait(lambda: desk.broker().llen("triage") == 0, PATIENCE, "the queue to empty", desk.logs)
    check_invariants(desk, accepted)
    tools = desk.query("SELECT tool, state, attempts FROM tool_action ORDER BY tool")
    assert tools == [("create_return_label", "succeeded", 1), ("issue_refund", "succeeded", 1)]
    assert len(list((desk.directory / "var" / "labels").rglob("*.pdf"))) == 1


def test_a_request_that_takes_its_worker_down_each_time_is_quarantined(desk):
    desk.reset(SCRIPTED_DELAY_SECONDS="2", LEASE_SECONDS="2", TRIAGE_AT_ONCE="1")
    fill(desk, 1)
    for name in ("api", "triage", "periodic"):
        desk.start(name)
    (return_id,) = submit(desk, 1).values()
    running = "SELECT attempt FROM job WHERE state = 'running' AND subject_id = %(id)s"
    for crash in (1, 2, 3):
        wait(lambda crash=crash: desk.query(running, id=return_id) == [(crash,)], 60, f"start {crash}", desk.logs)
        desk.kill_worker_child()
    ended = "SELECT state, crashes FROM job WHERE subject_id = %(id)s"
    wait(lambda: desk.query(ended, id=return_id) == [("quarantined", 3)], 60, "quarantine", desk.logs)
    assert desk.query("SELECT reason, state FROM review_item") == [("quarantined", "open")]
    assert desk.query("SELECT status FROM return_request") == [("in_review",)]


def test_a_broker_that_is_down_does_not_matter_to_acceptance(desk):
    fill(desk, 20)
    desk.start("api")
    wait(api_answers(desk), 60, "the API to answer", desk.logs)
    desk.kill("valkey")
    accepted = submit(desk, 20)
    desk.start("valkey")
    for name in ("triage", "periodic"):
        desk.start(name)
    wait(lambda: unfinished_jobs(desk) == 0, PATIENCE, "all jobs to end", desk.logs)
    check_invariants(desk, accepted)
