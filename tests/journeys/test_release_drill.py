"""The rollback drill: promote and roll back by command while requests flow through real processes. None fails.

The checkpoints are a few thousand random weights each, run by the product's own engine: what they decide is nonsense,
and every trace names which of them it was.
"""

import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from infra.database import make_engine
from services.api.keyring import digest_of_key, new_key
from services.store.api_keys import add_key
from services.store.orders import OrderRows
from services.store.sessions import sessions
from tests.journeys.desk_processes import DeskProcesses, wait
from tests.journeys.test_chaos import order
from tests.support.checkpoints import sealed

pytestmark = pytest.mark.timeout(600)

PATIENCE = 180
"""Seconds a wait may last: far more than an idle machine needs, since tests share theirs with others."""
SHOP, KEY = "chaos-shop", new_key()  # The shop of `order`.
ORDERS = 400
EVER = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def desk(server_directory):
    with DeskProcesses(server_directory / "drill") as processes:
        processes.reset(DECIDER="checkpoint", TRIAGE_AT_ONCE="4")
        yield processes


@pytest.fixture(scope="module")
def released(desk):
    """Return two sealed checkpoints; the first is the champion before anything starts."""
    root = Path(desk.environment["VAR_DIR"]) / "checkpoints"
    pair = sealed(root, 1, "tiny-old"), sealed(root, 2, "tiny-new")
    release(desk, "promote", "tiny-old", "--who", "drill", "--why", "first")
    return pair


def release(desk, *arguments):
    """Run the command as an operator does, in a process of its own; return what it printed."""
    command = [sys.executable, "-m", "workers.cli", "release", *arguments]
    environment = os.environ | desk.environment
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Customers:
    """Three customers, each of whom asks again as soon as the last request has come to rest, until told to stop."""

    def __init__(self, url):
        self.ids, self.refused = [], []
        self._url, self._stop, self._numbers = url, threading.Event(), iter(range(ORDERS))
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(3)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _run(self):
        with httpx.Client(timeout=60, headers={"Authorization": f"Bearer {KEY}"}) as client:
            while not self._stop.is_set():
                number = next(self._numbers)
                body = {"order_id": f"C{number:05}", "message": "The lamp arrived broken."}
                key = {"Idempotency-Key": f"drill-{number}"}
                answer = client.post(f"{self._url}/v1/returns", json=body, headers=key)
                if answer.status_code != 202:
                    self.refused.append(answer.text)
                    continue
                return_id = answer.json()["id"]
                self.ids.append(return_id)
                while client.get(f"{self._url}/v1/returns/{return_id}").json()["status"] not in {"closed", "in_review"}:
                    if self._stop.wait(0.1):
                        return


def test_promote_and_roll_back_while_requests_flow_and_none_fails(desk, released):
    old, new = released
    fill(desk)
    for name in ("api", "triage", "periodic"):
        desk.start(name)
    wait(lambda: answers(desk), PATIENCE, "the API", desk.logs)
    with Customers(desk.url) as customers:
        wait(lambda: decided_by(desk, old) >= 4, PATIENCE, "the first champion to decide", desk.logs)
        release(desk, "promote", "tiny-new", "--who", "drill", "--why", "the gate says SHIP")
        wait(lambda: decided_by(desk, new), PATIENCE, "workers to follow the promotion", desk.logs)
        followed = datetime.now(UTC)
        wait(lambda: decided_by(desk, new, since=followed) >= 4, PATIENCE, "the new champion to decide", desk.logs)
        rolled = datetime.now(UTC)
        release(desk, "rollback", "--who", "drill", "--why", "this is a drill")
        wait(lambda: decided_by(desk, old, since=rolled), PATIENCE, "workers to follow the rollback", desk.logs)
        back = datetime.now(UTC)
        wait(lambda: decided_by(desk, old, since=back) >= 4, PATIENCE, "the old champion to decide again", desk.logs)
    assert customers.refused == []
    wait(lambda: at_rest(desk) == len(customers.ids), PATIENCE, "all returns to come to rest", desk.logs)
    assert desk.query("SELECT count(*) FROM job WHERE state <> 'done'") == [(0,)], desk.logs()
    assert desk.query("SELECT max(attempt) FROM job WHERE kind = 'triage'") == [(1,)], "nothing had to be tried again"
    rows = desk.query("SELECT received_at, updated_at, checkpoint FROM return_request")
    assert {checkpoint for _, _, checkpoint in rows} == {old.trace_id, new.trace_id}, "each names what it ran"
    between = {checkpoint for came, ended, checkpoint in rows if followed < came and ended < rolled}
    assert between == {new.trace_id}, "once followed, the new champion decides alone"
    assert {checkpoint for came, _, checkpoint in rows if came > back} <= {old.trace_id}, "and then it is gone"
    history = json.loads(release(desk, "list", "--json"))["history"]
    assert [(one["kind"], one["who"], one["why"]) for one in history] == [
        ("rollback", "drill", "this is a drill"),
        ("promote", "drill", "the gate says SHIP"),
        ("promote", "drill", "first"),
    ]


def fill(desk):
    engine = make_engine(desk.postgres.url)
    opener, now = sessions(engine), datetime.now(UTC)
    with opener() as session:
        add_key(session, SHOP, "drill", now, prefix=KEY[:12], digest=digest_of_key(KEY))
    OrderRows(opener).put([order(number) for number in range(ORDERS)], now)
    engine.dispose()


def answers(desk):
    try:
        return httpx.get(f"{desk.url}/healthz", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def decided_by(desk, checkpoint, since=EVER):
    """Return how many returns that came in since then this checkpoint has decided."""
    statement = "SELECT count(*) FROM return_request WHERE checkpoint = %(by)s AND received_at > %(since)s"
    return desk.query(statement, by=checkpoint.trace_id, since=since)[0][0]


def at_rest(desk):
    return desk.query("SELECT count(*) FROM return_request WHERE status IN ('closed', 'in_review')")[0][0]
