"""The audit finds what must not be trained on, and is quiet about the seed data."""

import pytest
from typer.testing import CliRunner

from lifecycle.audit import audit_pairs, audit_worlds, shingles
from lifecycle.examples import write_worlds
from lifecycle.preferences import seed_pairs, write_pairs
from lifecycle.seed.build import seed_worlds
from services.domain.decision import Outcome
from workers.cli import app


@pytest.fixture(scope="module")
def worlds():
    return list(seed_worlds(40, 7, reply_share=0.8))


def changed(world, **changes):
    return world.model_copy(update={"cases": (world.cases[0].model_copy(update=changes), *world.cases[1:])})


def kinds(findings):
    return {finding.kind for finding in findings}


def test_seed_pairs_are_many_sound_and_the_same_for_the_same_seed(worlds):
    pairs = list(seed_pairs(worlds, 3))
    assert audit_pairs(pairs) == []
    assert pairs == list(seed_pairs(worlds, 3))
    assert len(pairs) >= 3 * len(worlds)
    assert len({pair.fault for pair in pairs}) == 7
    assert all(pair.provenance["world"] for pair in pairs)


def test_a_claim_without_an_action_is_found(worlds):
    bad = changed(worlds[0], reply="I have refunded 20.00 EUR to your card.", actions=())
    assert "unsupported" in kinds(audit_worlds([bad, *worlds[1:]]))


def test_a_decision_that_cannot_be_written_is_found(worlds):
    world = next(w for w in worlds if w.cases[0].decision.policy_id)
    odd = world.cases[0].decision.model_copy(update={"readings": (), "outcome": Outcome.ELIGIBLE})
    assert "unparsable" in kinds(audit_worlds([changed(world, decision=odd)]))


def test_a_duplicate_a_missing_field_and_an_imbalance_are_found(worlds):
    found = kinds(audit_worlds([worlds[0], worlds[0], changed(worlds[1], message=" ", provenance={})]))
    assert {"duplicate", "missing"} <= found
    one = [w for w in worlds if {c.decision.outcome for c in w.cases} == {Outcome.REVIEW}]
    assert "balance" in kinds(audit_worlds(one))


@pytest.mark.parametrize("field", ["order", "clause", "message"])
def test_a_leak_into_evaluation_is_found_by_each_of_its_signs(worlds, field):
    case = {"id": "e", "policies": [{"text": "Nothing alike."}], "order_facts": {"order_id": "none"}, "message": "?"}
    assert "leak" not in kinds(audit_worlds(worlds, [case]))
    world = worlds[0]
    leak = {
        "order": {"order_facts": {"order_id": world.facts.order_id}},
        "clause": {"policies": [{"text": world.policies[0].text.upper()}]},
        "message": {"message": world.cases[0].message + "!"},
    }[field]
    assert "leak" in kinds(audit_worlds(worlds, [case | leak]))


def test_an_invented_action_that_the_verifier_would_let_out_is_found(worlds):
    pair = next(p for p in seed_pairs(worlds, 3) if p.fault == "invented_action")
    mild = pair.model_copy(update={"rejected_reply": "Thank you for writing to us."})
    assert kinds(audit_pairs([mild])) == {"not_blocked"}


def test_shingles_of_a_short_text_are_the_text():
    assert shingles("Broken, sorry") == {("broken", "sorry")}


def test_the_command_exits_with_one_and_prints_each_finding(tmp_path, worlds):
    data = tmp_path / "w.jsonl"
    write_worlds(data, [worlds[0], worlds[0]])
    result = CliRunner().invoke(app, ["data", "audit", "--data", str(data)])
    assert result.exit_code == 1
    assert "duplicate: " in result.stdout
    write_pairs(data, seed_pairs(worlds[:5], 3))
    assert CliRunner().invoke(app, ["data", "audit", "--data", str(data)]).exit_code == 0
