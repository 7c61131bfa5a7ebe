"""Reading one clause: the sheet that is taught, the steps that serving fills in, and the way back to a reading."""

import random
from datetime import date
from pathlib import Path

import pytest

from infra.settings import get_settings
from lifecycle.examples import tree_of
from lifecycle.seed.build import seed_worlds
from policies import Reason
from policies.plain_text import plain_text_version
from services.domain.decision import Outcome, Truth
from services.domain.evidence import Evidence
from services.domain.facts import OrderFacts
from services.domain.weighing import weigh
from services.inference.answer import settle
from services.inference.base import ensure_base
from services.inference.sheet import read_sheet, sheet_facts, sheet_segments, sheet_steps
from services.inference.steps import StepsConstraint
from services.inference.tokenizer import Tokenizer

FACTS = {"days_since_delivery": 12, "damage_confirmed": True, "seal_intact": None, "tier": "gold"}
CLAUSE = plain_text_version(
    "P-7", "1", "Damaged items may be returned within two weeks of delivery. We have to confirm the damage."
)


def read(*chosen, forbids=False, facts=FACTS):
    return read_sheet(CLAUSE, facts, chosen, forbids=forbids)


def test_a_sheet_asks_of_every_fact_what_the_clause_wants_of_it():
    steps = sheet_steps(CLAUSE, Reason.DAMAGED, FACTS)
    assert [copied for copied, _ in steps] == [
        "damaged", "days since delivery:", "damage confirmed:", "seal intact:", "tier gold:", "more:", "tool:",
    ]  # fmt: skip
    assert steps[0][1] == (" 1\n", " 2\n")
    assert " <= 14\n" in steps[1][1], "two weeks are fourteen days"
    assert " <= 30\n" not in steps[1][1], "30 stands nowhere in the clause"
    assert {" true\n", " <= 14\n", " fits\n"} < set(steps[3][1]), "nobody knows of what kind an unknown fact is"
    assert steps[-1][1] == (" create_return_label", " none"), "the clause grants no refund"


def test_a_reader_does_not_see_what_the_facts_are():
    other = FACTS | {"days_since_delivery": 99, "damage_confirmed": False}
    assert sheet_steps(CLAUSE, Reason.DAMAGED, FACTS) == sheet_steps(CLAUSE, Reason.DAMAGED, other)


def test_what_was_chosen_is_compared_with_the_facts_by_code():
    reading, tool = read("1", "<= 14", "true", "any", "any", "no", "create_return_label")
    assert reading.result is Truth.YES
    assert reading.evidence == CLAUSE.sentences[0]
    assert [test.fact for condition in reading.conditions for test in condition.any_of] == [
        "days_since_delivery",
        "damage_confirmed",
    ]
    assert tool == "create_return_label"
    late, _ = read("1", "<= 14", "true", "any", "any", "no", "none", facts=FACTS | {"days_since_delivery": 15})
    assert late.result is Truth.NO


def test_alternatives_are_one_condition_and_one_of_them_is_enough():
    reading, _ = read("2", "any", "or false", "or true", "any", "no", "none")
    assert len(reading.conditions) == 1
    assert reading.result is Truth.UNKNOWN, "one fails, the other is not established"
    reading, _ = read("2", "any", "or true", "or true", "any", "no", "none")
    assert reading.result is Truth.YES


def test_what_no_fact_states_leaves_the_reading_open():
    reading, _ = read("1", "<= 14", "true", "any", "any", "yes", "none")
    assert reading.result is Truth.UNKNOWN


def test_what_is_taught_is_what_serving_can_say():
    """Every sheet of drawn worlds consists of the copied text and of choices that serving offers."""
    checked = 0
    for world in seed_worlds(40, 5):
        policies = {policy.policy_id: policy for policy in world.policies}
        for sheet in world.sheets:
            policy = policies[sheet.reading.policy_id]
            facts = {n: v for n, v in world.facts.values.items() if n in sheet.facts and n != "currency"}
            facts = sheet_facts(policy, facts)
            taught = "".join(
                segment.text
                for segment in sheet_segments(policy, sheet.reason, facts, sheet.reading, sheet.tool)
                if not segment.control
            )
            for copied, choices in sheet_steps(policy, sheet.reason, facts):
                assert taught.startswith(copied)
                taught = taught.removeprefix(copied)
                choice = max((c for c in choices if taught.startswith(c)), key=len)
                taught = taught.removeprefix(choice)
                checked += 1
            assert taught == ""
    assert checked > 300


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer(Path(ensure_base(get_settings().checkpoints_dir)) / "tokenizer.json")


def test_a_walk_through_the_steps_ends_in_one_choice_for_each(tokenizer):
    draw = random.Random(4)
    for _ in range(50):
        constraint, text = StepsConstraint(sheet_steps(CLAUSE, Reason.DAMAGED, FACTS), tokenizer), []
        text += constraint.forced()
        while not constraint.finished:
            token = int(draw.choice(constraint.allowed()))
            constraint.accept(token)
            text += [token, *constraint.forced()]
        assert len(constraint.chosen) == len(FACTS) + 3
        assert read(*constraint.chosen)[0].evidence in CLAUSE.sentences
        written = tokenizer.decode(text)
        assert written.startswith("damaged ")
        assert f"seal intact:{constraint.chosen[3]}" in written


def test_a_tree_trains_the_choice_the_readings_and_the_reply_but_nothing_copied(tokenizer):
    world = next(w for w in seed_worlds(30, 8, reply_share=1.0) if w.cases[0].reply and w.sheets)
    tree = tree_of(world, tokenizer)
    trained = [
        tokenizer.decode([i for i, counted in zip(row.ids, row.trained, strict=True) if counted]) for row in tree.rows
    ]
    case = world.cases[0]
    assert any(text.startswith(f"{case.decision.reason.value}\n") for text in trained)
    assert any(text == case.reply for text in trained)
    for row in tree.rows:
        assert not any(row.trained) or row.ids[-1] == tokenizer.stop_id, "whatever is taught ends with the stop token"


def reading_of(result, *, forbids=False):
    chosen = {Truth.YES: "true", Truth.NO: "false", Truth.UNKNOWN: "any"}[result]
    more = "yes" if result is Truth.UNKNOWN else "no"
    return read("1", "any", chosen, "any", "any", more, "none", forbids=forbids)[0]


@pytest.mark.parametrize(
    ("grants", "bans", "reason", "outcome"),
    [
        ([Truth.YES], [], Reason.DAMAGED, Outcome.ELIGIBLE),
        ([Truth.NO], [], Reason.DAMAGED, Outcome.NOT_ELIGIBLE),
        ([Truth.UNKNOWN], [], Reason.DAMAGED, Outcome.REVIEW),
        ([Truth.NO, Truth.YES], [], Reason.CHANGE_OF_MIND, Outcome.ELIGIBLE),
        ([Truth.NO, Truth.UNKNOWN], [], Reason.CHANGE_OF_MIND, Outcome.REVIEW),
        ([Truth.YES], [Truth.NO], Reason.CHANGE_OF_MIND, Outcome.NOT_ELIGIBLE),
        ([Truth.YES], [Truth.NO], Reason.DAMAGED, Outcome.REVIEW),
        ([Truth.NO], [Truth.NO], Reason.DAMAGED, Outcome.NOT_ELIGIBLE),
        ([Truth.YES], [Truth.YES], Reason.CHANGE_OF_MIND, Outcome.ELIGIBLE),
        ([Truth.YES], [Truth.UNKNOWN], Reason.CHANGE_OF_MIND, Outcome.REVIEW),
        ([], [Truth.NO], Reason.CHANGE_OF_MIND, Outcome.NOT_ELIGIBLE),
        ([], [Truth.YES], Reason.CHANGE_OF_MIND, Outcome.REVIEW),
        ([], [], Reason.UNCLEAR, Outcome.REVIEW),
    ],
)
def test_readings_are_weighed(grants, bans, reason, outcome):
    readings = [*map(reading_of, grants), *(reading_of(ban, forbids=True) for ban in bans)]
    assert weigh(readings, reason)[0] is outcome


def test_facts_that_contradict_each_other_leave_any_reading_to_a_person():
    facts = OrderFacts(values={**FACTS, "delivered_on": "2025-03-01", "requested_on": "2025-03-04"})
    evidence = Evidence(message="broken", facts=facts, policies=(CLAUSE,), asked_on=date(2025, 3, 4))
    assert evidence.contradictions
    assert settle(evidence, Reason.DAMAGED, [(reading_of(Truth.YES), "create_return_label")]).outcome is Outcome.REVIEW


def test_a_missing_proof_of_a_fault_is_asked_for():
    evidence = Evidence(message="broken", facts=OrderFacts(values=FACTS), policies=(CLAUSE,), asked_on=date(2025, 3, 4))
    decision = settle(evidence, Reason.DAMAGED, [(reading_of(Truth.UNKNOWN), "create_return_label")])
    assert [call.name for call in decision.tool_calls] == ["request_photos"]
