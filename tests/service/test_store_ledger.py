"""The tool ledger and the journal: one row and one effect a call, whatever crashes, against real PostgreSQL."""

import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from infra.database import make_engine
from policies import PolicyVersion, Reason, ToolGrant, ToolName
from services.domain.actions import ActionStatus, ToolCall
from services.domain.decision import Decision, Outcome
from services.domain.evidence import Evidence
from services.domain.facts import OrderFacts
from services.domain.jobs import JobKind, LeaseLost
from services.domain.returns import ReturnRequest
from services.ports import JournalEntry, JournalLimits, JournalRefused, ToolRefused, ToolUnavailable
from services.store import jobs
from services.store.job_ledger import JobLedger
from services.store.journal import JournalBook
from services.store.ledger import NotAwaitingApproval, ToolLedger
from services.store.sessions import sessions

NOW = datetime(2026, 11, 1, 9, tzinfo=UTC)
TEXT = "Damaged items reported within 30 days of delivery are eligible for return."
POLICY = PolicyVersion(
    policy_id="P-7",
    version="1",
    text=TEXT,
    tools=(ToolGrant(name=ToolName.CREATE_RETURN_LABEL), ToolGrant(name=ToolName.ISSUE_REFUND, max_amount_cents=5000)),
)
FACTS = OrderFacts(values={"order_id": "A1", "item": "lamp", "price_cents": 4900, "currency": "EUR"})
EVIDENCE = Evidence(message="broken", facts=FACTS, policies=(POLICY,), asked_on=date(2026, 11, 1))
DECISION = Decision(reason=Reason.DAMAGED, policy_id="P-7", policy_version="1", evidence=TEXT, outcome=Outcome.ELIGIBLE)
LABEL = ToolCall(name="create_return_label", arguments={"order_id": "A1", "item": "lamp"})


def refund(cents):
    arguments = {"order_id": "A1", "item": "lamp", "amount_cents": cents, "currency": "EUR"}
    return ToolCall(name="issue_refund", arguments=arguments)


def _nothing(_):
    return None


class Clock:
    def now(self):
        return NOW


class Provider:
    """Has an effect once a key, as the port asks, and remembers how often it was called."""

    def __init__(self):
        self.effects = {}
        self.calls = []
        self.before = _nothing
        self.after = _nothing

    def execute(self, call, idempotency_key, case):
        self.calls.append(idempotency_key)
        self.before(call)
        result = self.effects.setdefault(idempotency_key, {"tracking_number": f"T{len(self.effects)}"})
        self.after(call)
        return result


@pytest.fixture(scope="module")
def engine(migrated_url):
    engine = make_engine(migrated_url)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO shop (id, name, created_at) VALUES ('s', 'Shop', :now)"), {"now": NOW})
    yield engine
    engine.dispose()


@pytest.fixture
def opener(engine):
    return sessions(engine)


@pytest.fixture
def ledger_of_jobs(opener):
    return JobLedger(opener, timedelta(seconds=60))


@pytest.fixture
def provider():
    return Provider()


@pytest.fixture
def ledger(opener, provider):
    return ToolLedger(opener, provider, Clock(), name="test")


@pytest.fixture
def start(opener, ledger_of_jobs, request):
    """Return a function that stores a return of one order and claims its job."""

    def make(suffix="", order=None):
        order_id = order or f"A-{request.node.name}"[:90]
        return_id = f"{request.node.name}{suffix}"
        with opener() as session:
            session.execute(
                text(
                    "INSERT INTO return_request (id, shop_id, order_id, message, status, received_at, updated_at)"
                    " VALUES (:id, 's', :order_id, 'broken', 'received', :now, :now)"
                ),
                {"id": return_id, "order_id": order_id, "now": NOW},
            )
            job_id = jobs.enqueue(session, JobKind.TRIAGE, return_id, "s", NOW)
        (lease,) = ledger_of_jobs.claim(JobKind.TRIAGE, "w", prefer=job_id)
        return lease, ReturnRequest(id=return_id, shop_id="s", order_id=order_id, message="broken", received_at=NOW)

    return make


def states(opener, return_id):
    with opener() as session:
        found = session.execute(text("SELECT tool, state FROM tool_action WHERE return_id = :id"), {"id": return_id})
        return sorted(tuple(row) for row in found)


def test_a_permitted_call_runs_and_is_recorded_with_its_result(ledger, start, provider, opener):
    lease, request = start()
    action = ledger.run(lease, request, EVIDENCE, DECISION, LABEL)
    assert action.status is ActionStatus.SUCCEEDED
    assert action.result == {"tracking_number": "T0"}
    assert action.idempotency_key == LABEL.idempotency_key(request.id)
    assert states(opener, request.id) == [("create_return_label", "succeeded")]


def test_the_same_call_again_has_no_second_effect_and_calls_nobody(ledger, start, provider):
    lease, request = start()
    first = ledger.run(lease, request, EVIDENCE, DECISION, LABEL)
    assert ledger.run(lease, request, EVIDENCE, DECISION, LABEL) == first
    assert len(provider.calls) == 1


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_crash_around_the_outward_call_is_resolved_with_the_same_key(ledger, start, provider, opener, moment):
    lease, request = start()

    def crash(call):
        raise KeyboardInterrupt  # Not caught by anything, as a killed process catches nothing.

    setattr(provider, moment, crash)
    with pytest.raises(KeyboardInterrupt):
        ledger.run(lease, request, EVIDENCE, DECISION, LABEL)
    assert states(opener, request.id) == [("create_return_label", "pending")]
    setattr(provider, moment, _nothing)
    assert ledger.run(lease, request, EVIDENCE, DECISION, LABEL).status is ActionStatus.SUCCEEDED
    assert len(provider.effects) == 1
    assert len(set(provider.calls)) == 1


def test_the_row_is_there_before_the_provider_is_called(ledger, start, provider, opener):
    lease, request = start()
    seen = []
    provider.before = lambda _: seen.append(states(opener, request.id))
    ledger.run(lease, request, EVIDENCE, DECISION, LABEL)
    assert seen == [[("create_return_label", "pending")]]


def test_an_outage_leaves_the_row_pending_and_the_next_attempt_ends_it(ledger, start, provider, opener):
    lease, request = start()

    def down(call):
        raise ToolUnavailable("connection refused")

    provider.before = down
    with pytest.raises(ToolUnavailable):
        ledger.run(lease, request, EVIDENCE, DECISION, LABEL)
    assert states(opener, request.id) == [("create_return_label", "pending")]
    provider.before = _nothing
    assert ledger.run(lease, request, EVIDENCE, DECISION, LABEL).status is ActionStatus.SUCCEEDED


def test_a_refusal_is_recorded_as_failed_with_its_reason(ledger, start, provider):
    lease, request = start()

    def refuse(call):
        raise ToolRefused("no such address")

    provider.before = refuse
    action = ledger.run(lease, request, EVIDENCE, DECISION, LABEL)
    assert (action.status, action.error) == (ActionStatus.FAILED, "no such address")


def test_an_amount_over_the_grant_waits_for_a_person_who_runs_it_once(ledger, start, provider, opener):
    policy = POLICY.model_copy(update={"tools": (ToolGrant(name=ToolName.ISSUE_REFUND, max_amount_cents=1000),)})
    evidence = EVIDENCE.model_copy(update={"policies": (policy,)})
    lease, request = start()
    action = ledger.run(lease, request, evidence, DECISION, refund(4900))
    assert action.status is ActionStatus.AWAITING_APPROVAL
    assert provider.calls == []
    with opener() as session:
        row = session.execute(text("SELECT id FROM tool_action WHERE return_id = :id"), {"id": request.id})
        action_id = row.scalar_one()
    assert ledger.approve(action_id, "kim").status is ActionStatus.SUCCEEDED
    assert ledger.approve(action_id, "lee").status is ActionStatus.SUCCEEDED
    assert len(provider.calls) == 1
    with opener() as session:
        actor = session.execute(text("SELECT actor FROM tool_action WHERE id = :id"), {"id": action_id}).scalar_one()
    assert actor == "reviewer:kim"


def test_a_call_nobody_should_make_is_recorded_and_cannot_be_approved(ledger, start, provider, opener):
    lease, request = start()
    other = ToolCall(name="create_return_label", arguments={"order_id": "B2"})
    assert ledger.run(lease, request, EVIDENCE, DECISION, other).status is ActionStatus.FAILED
    with opener() as session:
        row = session.execute(text("SELECT id FROM tool_action WHERE return_id = :id"), {"id": request.id})
        action_id = row.scalar_one()
    with pytest.raises(NotAwaitingApproval):
        ledger.approve(action_id, "kim")
    assert provider.calls == []


def test_two_returns_of_one_order_at_once_refund_the_item_once(ledger, start, provider):
    cases = [start(f"-{number}") for number in range(4)]
    found, barrier, lock = [], threading.Barrier(len(cases)), threading.Lock()

    def run(lease, request):
        barrier.wait()
        action = ledger.run(lease, request, EVIDENCE, DECISION, refund(4900))
        with lock:
            found.append(action.status)

    threads = [threading.Thread(target=run, args=case) for case in cases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["awaiting_approval"] * 3 + ["succeeded"]
    assert len(provider.effects) == 1


def test_a_worker_that_lost_its_lease_starts_no_tool(ledger, start, provider, opener):
    lease, request = start()
    with opener() as session:
        session.execute(text("UPDATE job SET lease_token = 'another' WHERE id = :id"), {"id": lease.job_id})
    with pytest.raises(LeaseLost):
        ledger.run(lease, request, EVIDENCE, DECISION, LABEL)
    assert provider.calls == []
    assert states(opener, request.id) == []


def entry(return_id, key, cents, order="A1", account="given_back:lamp"):
    return JournalEntry(
        key=key,
        return_id=return_id,
        shop_id="s",
        order_id=order,
        kind="refund",
        currency="EUR",
        lines={account: cents, "refunds_payable:card": -cents},
        at=NOW,
    )


def test_a_posting_is_made_once_a_key_and_read_back_as_it_was(opener, start):
    _, request = start()
    book = JournalBook(opener)
    limits = JournalLimits(order_cents=4900, account_cents=4900)
    first = entry(request.id, "k1", 4900, request.order_id)
    assert book.post(first, limits) is True
    assert book.post(first._replace(at=NOW + timedelta(hours=1)), limits) is False
    assert list(book.entries("s", request.order_id)) == [first]
    assert set(book.balance().values()) == {0}


def test_a_key_posted_before_with_another_amount_is_refused(opener, start):
    _, request = start()
    book = JournalBook(opener)
    limits = JournalLimits(order_cents=9900, account_cents=9900)
    book.post(entry(request.id, "k2", 100, request.order_id), limits)
    with pytest.raises(JournalRefused, match="another content"):
        book.post(entry(request.id, "k2", 200, request.order_id), limits)


@pytest.mark.parametrize(("account", "word"), [("given_back:lamp", "given_back:lamp"), ("given_back:vase", "order")])
def test_more_than_was_paid_is_refused(opener, start, account, word):
    _, request = start()
    book = JournalBook(opener)
    book.post(entry(request.id, f"{account}1", 3000, request.order_id), JournalLimits(4900, 4900))
    limits = JournalLimits(order_cents=9900, account_cents=4900) if word != "order" else JournalLimits(4900, 4900)
    with pytest.raises(JournalRefused, match=word):
        book.post(entry(request.id, f"{account}2", 2000, request.order_id, account), limits)


def test_unbalanced_lines_are_refused(opener, start):
    _, request = start()
    wrong = entry(request.id, "k3", 100, request.order_id)._replace(lines={"a": 100, "b": -99})
    with pytest.raises(JournalRefused, match="balance"):
        JournalBook(opener).post(wrong, JournalLimits(1000, 1000))
