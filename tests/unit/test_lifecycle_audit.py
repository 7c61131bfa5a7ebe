"""The audit finds what must not be trained on, and is quiet about the seed data."""

import pytest
from typer.testing import CliRunner

from lifecycle.audit import audit_pairs, audit_worlds, likeness
from lifecycle.examples import write_worlds
from lifecycle.preferences import DECISION, REPLY, pair_tree, seed_pairs, write_pairs
from lifecycle.seed.build import seed_worlds
from services.domain.decision import Outcome
from services.inference.sheet import SHEET_SYSTEM
from services.inference.tokenizer import Tokenizer
from tests.unit.inference_tiny import tiny_tokenizer_json
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
    assert {pair.fault for pair in pairs} == REPLY | DECISION
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


def test_a_message_with_one_word_changed_is_the_same_message(worlds):
    message = "Hello, my blue lamp arrived with a crack in its foot, may I send it back?"
    world = changed(worlds[0], message=message)
    case = {"id": "e", "policies": [], "order_facts": {}, "message": message.replace("blue", "green")}
    assert "leak" in kinds(audit_worlds([world], [case]))
    assert "leak" not in kinds(audit_worlds([world], [case | {"message": "My green lamp works very well, thank you!"}]))
    assert "leak" not in kinds(audit_worlds([changed(worlds[0], message="ok")], [case | {"message": "ok"}]))
    assert likeness("a b c d", "a b x d") == 0.75


def test_rejected_replies_of_every_fault_are_composed_and_rarely_alike(worlds):
    pairs = [pair for pair in seed_pairs(worlds, 3) if pair.rejected_reply]
    assert len({pair.rejected_reply for pair in pairs}) == len(pairs)
    for fault in REPLY:
        extra = [p.rejected_reply.replace(p.case.reply, "") for p in pairs if p.fault == fault]
        assert len(set(extra)) > 0.7 * len(extra), fault


@pytest.mark.parametrize("fault", ["wrong_clause", "stale_clause", "false_quote", "promise", "rude"])
def test_a_reply_that_does_not_show_its_fault_and_a_chosen_one_that_does_are_found(worlds, fault):
    pair = next(p for p in seed_pairs(worlds, 3) if p.fault == fault)
    mild = pair.model_copy(update={"rejected_reply": pair.case.reply + " Kind regards, your service team."})
    assert kinds(audit_pairs([mild])) == {"not_shown"}
    if fault != "wrong_clause":
        turned = pair.case.model_copy(update={"reply": pair.rejected_reply})
        bad = pair.model_copy(update={"world": pair.world.model_copy(update={"cases": (turned,)})})
        assert "unsupported" in kinds(audit_pairs([bad.model_copy(update={"rejected_reply": pair.case.reply})]))


def test_an_approval_that_is_none_and_decisions_that_read_alike_are_found(worlds):
    pair = next(p for p in seed_pairs(worlds, 3) if p.fault == "wrong_approval" and not p.case.decision.readings)
    right = pair.case.decision
    same = pair.model_copy(update={"rejected_decision": right.model_copy(update={"outcome": Outcome.ELIGIBLE})})
    assert kinds(audit_pairs([same])) == {"same"}
    refused = pair.rejected_decision.model_copy(update={"outcome": Outcome.NOT_ELIGIBLE})
    assert kinds(audit_pairs([pair.model_copy(update={"rejected_decision": refused})])) == {"not_shown"}


def test_a_pair_about_a_decision_trains_on_the_first_answer_that_differs(worlds, tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text(tiny_tokenizer_json())
    tokenizer = Tokenizer(path)
    pairs = [pair for pair in seed_pairs(worlds, 3) if pair.rejected_decision]
    read = 0
    for pair in pairs:
        rows = pair_tree(pair, tokenizer).rows
        sides = [tuple(i for i, trained in zip(row.ids, row.trained, strict=True) if trained) for row in rows[1:]]
        assert sides[0] != sides[1], pair.id
        assert all(sides)
        read += SHEET_SYSTEM in tokenizer.decode(rows[0].ids)
    assert 0.2 * len(pairs) < read < 0.9 * len(pairs), "some are about the choice, some about reading a clause"


def test_a_reading_of_what_is_not_there_and_missing_reasons_are_found(worlds):
    world = next(w for w in worlds if w.sheets)
    sheet = world.sheets[0]
    odd = sheet.model_copy(update={"reading": sheet.reading.model_copy(update={"evidence": "Nothing of the kind."})})
    assert "unparsable" in kinds(audit_worlds([world.model_copy(update={"sheets": (odd,)})]))
    case = worlds[0].cases[0]
    many = [
        worlds[0].model_copy(update={"cases": (case.model_copy(update={"message": f"{case.message} {n}"}),)})
        for n in range(200)
    ]
    assert any(f.kind == "balance" and f.detail.endswith("safety_recall") for f in audit_worlds(many))


def test_the_command_exits_with_one_and_prints_each_finding(tmp_path, worlds):
    data = tmp_path / "w.jsonl"
    write_worlds(data, [worlds[0], worlds[0]])
    result = CliRunner().invoke(app, ["data", "audit", "--data", str(data)])
    assert result.exit_code == 1
    assert "duplicate: " in result.stdout
    write_pairs(data, seed_pairs(worlds[:5], 3))
    assert CliRunner().invoke(app, ["data", "audit", "--data", str(data)]).exit_code == 0
