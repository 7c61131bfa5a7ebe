"""The bank of clauses by kind of error keeps its format, and the generator reads it whole. Not about other banks."""

import json
import random
from collections import Counter

from lifecycle.seed import bank
from lifecycle.seed.bank import ClauseTemplate
from lifecycle.seed.cases import make_world
from lifecycle.seed.truth import limit_of
from policies import Reason
from policies.numbers import days_in, numbers_in
from policies.sentences import split_sentences

ROWS = [json.loads(line) for line in (bank.BANK / "clauses_kinds.jsonl").read_text(encoding="utf-8").splitlines()]
DECIDING = [row for row in ROWS if row["kind"] != "info"]
SLOTS = {"N": 777, "M": 888}


def templates() -> list[ClauseTemplate]:
    """The deciding clauses of the bank, each of its readings on its own."""
    both = {c.id: c for split in ("train", "heldout") for c in bank.clauses(split)}  # type: ignore[arg-type]
    return [one for clause in map(both.get, (r["id"] for r in DECIDING)) if clause for one in clause.variants()]


def test_every_reading_names_a_sentence_of_its_clause_and_each_fact_once() -> None:
    for one in templates():
        sentences = split_sentences(one.text)
        assert not sentences[one.key].endswith("?"), f"{one.id}: a question decides nothing"
        facts = [test.fact for alternatives in one.conditions for test in alternatives]
        assert facts, one.id
        assert len(facts) == len(set(facts)), f"{one.id}: a sheet asks one thing of a fact"
        assert sum(len(alternatives) > 1 for alternatives in one.conditions) < 2, one.id
        assert not set(facts) & set(one.mentions), f"{one.id}: what is mentioned only is not asked for"
        assert (one.kind == "grant") == (one.gives != "none"), one.id


def test_a_sheet_can_choose_every_number_that_a_condition_compares_with() -> None:
    for one in templates():
        text = one.text.replace("{N}", "777").replace("{M}", "888")
        for test in (test for alternatives in one.conditions for test in alternatives):
            limit = limit_of(test, SLOTS)
            offered = days_in(text) if "day" in test.fact else numbers_in(text)
            assert limit is None or limit in offered, f"{one.id}: {test.fact} {test.relation} {limit}"


def test_slots_have_ranges_that_never_meet_and_every_slot_is_used() -> None:
    for row in DECIDING:
        assert ("{N}" in row["text"]) == (row["n"] is not None), row["id"]
        assert ("{M}" in row["text"]) == ("m" in row), row["id"]
        asked = json.dumps([row["conditions"], row.get("also")])
        assert all(slot in asked for slot in ("{N}", "{M}") if slot in row["text"]), row["id"]


def test_the_kinds_are_all_there_and_no_text_is_told_twice() -> None:
    assert len({row["id"] for row in ROWS}) == len(ROWS) >= 240
    assert max(Counter(row["text"].lower() for row in ROWS).values()) == 1
    assert len(DECIDING) >= 215
    families = Counter(row["family"] for row in ROWS)
    assert set(families) == {
        f"kin_{kind}" for kind in ["exclusion", "either", "number", "remark", "inventory", "long", "reason", "info"]
    }
    assert min(families.values()) >= 12
    assert sum(row["kind"] == "exclude" for row in ROWS) >= 45
    assert sum("also" in row for row in ROWS) >= 8
    assert {reason for row in DECIDING for reason in row["reasons"]} == set(Reason) - {Reason.UNCLEAR}


def test_no_fact_that_decides_or_is_mentioned_is_a_distractor_as_well() -> None:
    named = {test.fact for one in templates() for alternatives in one.conditions for test in alternatives}
    named |= {name for one in templates() for name in one.mentions}
    assert not named & {name for name, _ in bank.distractor_facts()}


def test_worlds_hold_these_clauses_with_facts_that_are_true_false_null_and_absent() -> None:
    rng = random.Random(7)
    worlds = [make_world(rng, "train", 2) for _ in range(60)]
    deciding = {row["id"] for row in DECIDING}
    held = [w for w in worlds if any(name[:7] in deciding for name in w.cases[0].provenance["clauses"])]
    assert 0.15 * len(worlds) <= len(held) <= 0.65 * len(worlds)
    own = {p.policy_id for w in held for p in w.cases[0].evidence.policies}
    tests = [
        test
        for w in held
        for sheet in w.sheets
        if sheet.reading.policy_id in own
        for condition in sheet.reading.conditions
        for test in condition.any_of
    ]
    states = {test.actual if test.fact is not None else "absent" for test in tests}
    assert {True, False, None, "absent"} <= states
