"""A review desk for tests: real PostgreSQL, real triage with a scripted checkpoint that also errs, a real server."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Self
from urllib.parse import urlsplit

import httpx
import uvicorn
from sqlalchemy import text

from infra.embedded import free_port
from infra.settings import Settings, get_settings
from review_ui.login import hasher
from services.api.app import create_app
from services.domain.decision import ClauseReading, Outcome
from services.domain.jobs import JobKind
from services.domain.reading import LexicalClaimReader
from services.domain.review import Role
from services.flows.pipeline import Pipeline
from services.flows.triage import Triage
from services.ports import Replied
from services.store import accounts, jobs
from services.store.triage import TriageRecords
from workers.http import pages
from workers.scripted import ScriptedDecider
from workers.seed import seed
from workers.wiring import Desk

SHOP = "sample-shop"
PASSWORD = "a long enough password"
LIE = "Your refund of EUR 999.00 has been issued to your card."
XSS = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"
DOUBT = "The replacement thing is processed-ish."


class ErringDecider(ScriptedDecider):
    """Writes what the message asks for between brackets into the reply, as a checkpoint that errs would."""

    def decide(self, evidence):
        """Say which sentence an eligible case rests on, as a checkpoint does."""
        return [self._read(one) for one in super().decide(evidence)]

    @staticmethod
    def _read(decided):
        decision = decided.decision
        if decision is None or decision.outcome is not Outcome.ELIGIBLE or decision.policy_id is None:
            return decided
        reading = ClauseReading(policy_id=decision.policy_id, evidence=decision.evidence, conditions=())
        return decided._replace(decision=decision.model_copy(update={"readings": (reading,)}))

    def reply(self, cases):
        return [self._erring(case, one) for case, one in zip(cases, super().reply(cases), strict=True)]

    @staticmethod
    def _erring(case, replied: Replied) -> Replied:
        extra = {
            "[lie]": LIE,
            "[doubt]": DOUBT,
            "[xss]": XSS,
        }
        added = "".join(f" {said}" for mark, said in extra.items() if mark in case[0].message)
        return replied._replace(text=replied.text + added)


class KinderDecider(ErringDecider):
    """Another draw of the same script: the same decision in other words."""

    def reply(self, cases):
        kinder = "Sorry for the trouble, and thank you for telling us."
        return [
            one._replace(text=one.text.replace("Thank you for your message.", kinder)) for one in super().reply(cases)
        ]


def settings_for(url: str, var_dir, **changes) -> Settings:
    values = {
        "database_url": url,
        "decider": "scripted",
        "audit_share": 1.0,
        "var_dir": var_dir,
        "review_overlap_share": 0.0,
        "review_gold_share": 0.0,
        "undo_window_seconds": 1800,
    }
    return get_settings().model_copy(update=values | changes)


def add_people(desk: Desk, people: dict[str, Role]) -> None:
    hashed = hasher().hash(PASSWORD)
    with desk.sessions() as session:
        for name, role in people.items():
            accounts.add_account(session, name, role, hashed, actor="test", now=datetime.now(UTC), must_change=False)


def submit(desk: Desk, messages: Sequence[tuple[str, str]], prefix: str = "ret") -> list[str]:
    """Store returns (order id, message) with their jobs; return their ids."""
    ids = []
    now = datetime.now(UTC)
    with desk.sessions() as session:
        for number, (order_id, message) in enumerate(messages):
            return_id = f"{prefix}-{number:05d}"
            session.execute(
                text(
                    "INSERT INTO return_request (id, shop_id, order_id, message, status, received_at, updated_at)"
                    " VALUES (:id, :shop, :order_id, :message, 'received', :now, :now)"
                ),
                {"id": return_id, "shop": SHOP, "order_id": order_id, "message": message, "now": now},
            )
            jobs.enqueue(session, JobKind.TRIAGE, return_id, SHOP, now)
            ids.append(return_id)
    return ids


def fresh_order(desk: Desk, like: str, number: int) -> str:
    """Add an order like another one, so that what was given back for one case counts against no other."""
    order_id = f"{like}-{number}"
    with desk.sessions() as session:
        session.execute(
            text(
                "INSERT INTO shop_order (shop_id, order_id, document, updated_at) SELECT shop_id, cast(:new AS text),"
                " document || jsonb_build_object('order_id', cast(:new AS text)), now()"
                " FROM shop_order WHERE order_id = :like "
                "ON CONFLICT DO NOTHING"
            ),
            {"new": order_id, "like": like},
        )
    return order_id


def triage_all(desk: Desk) -> None:
    triage = Triage(
        store=TriageRecords(desk.sessions),
        orders=desk.orders,
        library=desk.policies,
        tools=desk.tools,
        pipeline=Pipeline(decider=ErringDecider(), reader=LexicalClaimReader(), audit_share=desk.settings.audit_share),
        clock=desk.clock,
    )
    while leases := desk.jobs.claim(JobKind.TRIAGE, "test-worker", limit=32):
        for job_id, failed in triage.run(leases).items():
            lease = next(lease for lease in leases if lease.job_id == job_id)
            desk.jobs.retry(lease, failed.error, outage=failed.outage)


def make_desk(settings: Settings) -> Desk:
    seed(settings)
    return Desk(settings)


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """Serve API and review pages as the product composes them; yield the address."""
    app = create_app(settings, extend=pages())
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, access_log=False, timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the server did not start")
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)


class Reviewer:
    """A person at the pages without a browser: follows forms as HTML without JavaScript has them."""

    def __init__(self, address: str, name: str, password: str = PASSWORD) -> None:
        self.client = httpx.Client(base_url=address, follow_redirects=False, timeout=120, trust_env=False)
        self.name = name
        answer = self.client.post("/review/login", data={"name": name, "password": password})
        assert answer.status_code == 303, answer.text

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def get(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[-2000:])
        return answer.text

    def csrf(self, page: str) -> str:
        return field(page, "csrf")

    def next(self, within: str = "") -> str | None:
        """Take the next item; return its path, None where there is none."""
        page = self.client.get("/review").text
        answer = self.client.post("/review/next", data={"csrf": self.csrf(page), "within": within})
        path = urlsplit(answer.headers["location"]).path
        return path if "/items/" in path else None

    def act(self, path: str, verb: str, page: str | None = None, **fields) -> httpx.Response:
        """Send one of the item's forms with what its page holds."""
        page = page or self.get(path)
        data = {"csrf": self.csrf(page), "token": field(page, "token"), "version": field(page, "version"), **fields}
        return self.client.post(f"{path}/{verb}", data=data)


def field(page: str, name: str) -> str:
    """Return the value of the first hidden field of that name."""
    start = page.find(f'name="{name}" value="')
    assert start >= 0, f"no field {name} on the page"
    start += len(f'name="{name}" value="')
    return page[start : page.index('"', start)]
