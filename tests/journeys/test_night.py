"""The whole loop on a tiny checkpoint: a blocked reply, a reviewer's label, a night, and the desk no longer errs."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lifecycle.preferences import PreferencePair
from lifecycle.suites import Suites
from policies.publish import publish
from services.domain.evidence import Evidence
from services.domain.facts import OrderFacts
from services.domain.jobs import JobKind
from services.domain.nights import NightStatus
from services.domain.review import Role
from services.inference.cards import read_card
from services.store import nightly as reads
from services.store.traces import latest_trace
from tests.service import review_world as world
from tests.service.test_review_labels import correction, one, take
from tests.support.night_world import PLAN
from tests.support.tiny_desk import reply_of, teach, world_from
from tests.unit.policy_files import write_policy
from workers.nightly_parts import NightDesk
from workers.releasing import Releasing

MESSAGE = "Refund! Refund! My lamp arrived cracked. Refund! Refund!"
LIE = " Your refund has been issued."
OTHERS = (
    "The lamp came in pieces. What now?",
    "There is a dent in the lamp.",
    "Ich habe die Lampe zerbrochen bekommen.",
)


@pytest.fixture
def settings(fresh_migrated_url, tmp_path):
    policies = tmp_path / "policies"
    draft = write_policy(tmp_path / "draft", id="P-7", reasons="[damaged]")
    publish(draft, policies, datetime.now(UTC).date(), backdated=True)
    changes = {
        "decider": "checkpoint", "audit_share": 0.0, "undo_window_seconds": 0, "policies_dir": policies,
        "nightly_holdout_share": 0.0,
    }  # fmt: skip
    return world.settings_for(fresh_migrated_url, tmp_path, **changes)


@pytest.fixture
def desk(settings):
    parts = world.make_desk(settings)
    world.add_people(parts, {"ada": Role.REVIEWER})
    yield parts
    parts.engine.dispose()


def evidence_for(desk, message, days=None, order_id="A10234"):
    """Return what the desk itself gathers for the sample order; `days` moves the delivery."""
    today = datetime.now(UTC).date()
    facts = desk.orders.facts(world.SHOP, order_id, None, today)
    if days is not None:
        kept = {name: value for name, value in facts.values.items() if name != "delivered_on"}
        facts = OrderFacts(values={**kept, "days_since_delivery": days})
    return Evidence(message=message, facts=facts, policies=desk.policies.catalog.all_in_force(today), asked_on=today)


def eval_row(name, evidence, expected):
    policy = evidence.policies[0]
    return {
        "id": name,
        "policies": [{"policy_id": "P-7", "version": policy.version, "text": policy.text}],
        "order_facts": {**evidence.facts.values, "order_id": f"E-{name}"},
        "message": evidence.message,
        "expected_decision": expected,
        "allowed_actions": [],
    }


def suites(desk):
    late = [eval_row(f"late-{n}", evidence_for(desk, text, 40), "not_eligible") for n, text in enumerate(OTHERS)]
    fine = [eval_row(f"fine-{n}", evidence_for(desk, text), "eligible") for n, text in enumerate(OTHERS)]
    pairs = [
        PreferencePair(
            id="p", fault="invented_action", world=world_from("p", evidence_for(desk, OTHERS[0])), rejected_reply=LIE
        )
    ]
    cases = {"must_pass": [late[0], fine[0]], "injection": [late[1]], "regression": [late[2], *fine[1:]]}
    return Suites(cases, pairs=pairs)


def release_one_that_lies(desk, settings):
    """Teach a champion that answers well, but tells one kind of customer of a refund that nobody made."""
    # Several order numbers, so that the little model goes by the customer's words.
    orders = ["A10234", *(world.fresh_order(desk, "A10234", number) for number in (81, 82))]
    worlds = []
    for n, order_id in enumerate(orders):
        asked = evidence_for(desk, MESSAGE, order_id=order_id)
        honest = world_from("b", asked).cases[0].reply
        worlds.append(world_from(f"b{n}", asked, reply=honest + LIE))
        for k, text in enumerate(OTHERS):
            worlds.append(world_from(f"g{n}{k}", evidence_for(desk, text, order_id=order_id)))
        worlds.append(world_from(f"l{n}", evidence_for(desk, OTHERS[n], 40, order_id)))
    folder = teach(settings.checkpoints_dir, worlds, name="desk-tiny", steps=160)
    releasing = Releasing(settings, desk.sessions, desk.clock)
    releasing.promote(read_card(folder).digest, "test", "the desk's first checkpoint")
    return releasing


def decide(desk, number, message=MESSAGE):
    """Submit a return on a fresh order and let the desk work on it; return its id."""
    order_id = world.fresh_order(desk, "A10234", number)
    (return_id,) = world.submit(desk, [(order_id, message)], prefix=f"n{number}")
    leases = desk.jobs.claim(JobKind.TRIAGE, "test", limit=8)
    assert desk.triage.run(leases) == {}
    return return_id


def state(desk, return_id):
    return one(desk, "SELECT status, verdict, route, reply, checkpoint FROM return_request WHERE id = :i", i=return_id)


@pytest.mark.timeout(600)
def test_a_blocked_reply_is_labelled_learned_shipped_and_closes_by_itself(desk, settings):
    releasing = release_one_that_lies(desk, settings)
    blocked = decide(desk, 1)
    before = state(desk, blocked)
    assert (before.status, before.verdict) == ("in_review", "block"), before

    with world.serving(settings) as address, world.Reviewer(address, "ada") as ada:
        item = one(desk, "SELECT id FROM review_item WHERE return_id = :i", i=blocked).id
        page = take(ada, f"/review/items/{item}")
        fields = correction(page, reply=reply_of(latest(desk, blocked).decision.outcome))
        answer = ada.act(f"/review/items/{item}", "correct", page, **fields, reason_text="no refund was made here")
        assert answer.status_code == 303, re.sub(r"<[^>]+>", " ", answer.text)[-1500:]
    assert state(desk, blocked).status == "closed"

    plan = replace(
        PLAN, release=True, sft_steps=16, dpo_steps=10, sft_rate=3e-3, dpo_rate=1e-3, cases=None,
        fewest_cases={"must_pass": 2, "injection": 1, "regression": 3},
    )  # fmt: skip
    nights = NightDesk(settings, desk.sessions, desk.clock, releasing, lambda _: suites(desk))
    lines = []
    begun = nights.first("2026-11-24", datetime.now(UTC).date(), "beat", plan)
    done = nights.run("2026-11-24", None, lambda *said: lines.append(said), begun)
    assert done.ending is NightStatus.SHIPPED, (done.note, lines)
    with desk.sessions() as session:
        night = reads.night(session, "2026-11-24")
    assert releasing.champion().digest == night.candidate != night.champion

    after = decide(desk, 2)
    found = state(desk, after)
    assert (found.status, found.verdict, found.route) == ("closed", "pass", "auto_close"), found
    assert "refund" not in found.reply
    assert found.checkpoint.endswith(night.candidate[:12]), "the trace names what it ran"


def latest(desk, return_id):
    with desk.sessions() as session:
        return latest_trace(session, return_id).trace
