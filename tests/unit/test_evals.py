"""The evaluation cases are sound: each answer follows from the truth attached to it. No checkpoint is judged here."""

import ast
import json
import operator
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path

import pytest

from services.domain.cases import evidence_of, parse_case

EVALS = Path("lifecycle/evals")
SEED = Path("lifecycle/seed")
FILES = ("golden.jsonl", "injection.jsonl", "retail_texts.jsonl")
COUNTED = {"delivered_on": "days_since_delivery", "purchased_on": "days_since_purchase"}
DECISIONS = {True: "eligible", False: "not_eligible", None: "review"}
REASONS = {
    "damaged",
    "wrong_item",
    "defective",
    "change_of_mind",
    "late_delivery",
    "not_as_described",
    "missing_parts",
    "spoiled",
    "safety_recall",
    "unclear",
}
COMPARE = {
    ast.LtE: operator.le,
    ast.Lt: operator.lt,
    ast.GtE: operator.ge,
    ast.Gt: operator.gt,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.In: lambda one, many: one in many,
}


def read(name):
    return [json.loads(line) for line in (EVALS / name).read_text(encoding="utf-8").splitlines()]


ROWS = {name: read(name) for name in FILES}
ALL = [row for rows in ROWS.values() for row in rows]
GOLDEN = ROWS["golden.jsonl"]


def with_counts(facts):
    """Return the facts with the days from each known date to the request, where the count is not stated."""
    counted = dict(facts)
    for name, count in COUNTED.items():
        if counted.get(count) is None and facts.get(name):
            counted[count] = (date.fromisoformat(facts["requested_on"]) - date.fromisoformat(facts[name])).days
    return counted


def holds(node, facts):
    """Return True, False or None (not established) for a rule's node, by Kleene's three values."""
    if isinstance(node, ast.BoolOp):
        values = [holds(one, facts) for one in node.values]
        deciding = isinstance(node.op, ast.Or)
        if deciding in values:
            return deciding
        return None if None in values else not deciding
    if isinstance(node, ast.UnaryOp):
        value = holds(node.operand, facts)
        return None if value is None else not value
    if isinstance(node, ast.Compare):
        left, right = value_of(node.left, facts), value_of(node.comparators[0], facts)
        return None if left is None or right is None else COMPARE[type(node.ops[0])](left, right)
    return value_of(node, facts)


def value_of(node, facts):
    return facts.get(node.id) if isinstance(node, ast.Name) else ast.literal_eval(node)


def rule_of(row):
    return ast.parse(row["truth"]["rule"], mode="eval").body


def test_the_evaluator_of_this_test_knows_three_values():
    rule = ast.parse("a and not b or n <= 3", mode="eval").body
    assert holds(rule, {"a": True, "b": False}) is True
    assert holds(rule, {"a": None, "b": False, "n": 4}) is None
    assert holds(rule, {"a": None, "b": True, "n": 4}) is False
    assert holds(rule, {"a": None, "b": None, "n": 3}) is True


def test_every_case_parses_and_its_id_is_its_own():
    ids = [parse_case(row).id for row in ALL]
    assert [one for one, count in Counter(ids).items() if count > 1] == []


@pytest.mark.parametrize("name", FILES)
def test_each_expected_decision_follows_from_the_attached_truth(name):
    for row in ROWS[name]:
        if "rule" not in row["truth"]:
            assert row["expected_decision"] == "review", row["id"]
            assert row["truth"]["why"], row["id"]
            continue
        told = holds(rule_of(row), with_counts(row["order_facts"]))
        assert DECISIONS[told] == row["expected_decision"], row["id"]


def test_the_evidence_stands_in_the_version_in_force():
    for row in ALL:
        live = {version.policy_id: version for version in evidence_of(parse_case(row)).policies}
        governing = row["expected_policy_id"]
        if governing is None:
            assert row["required_evidence"] == "", row["id"]
            assert row["expected_policy_version"] is None, row["id"]
            assert row["expected_decision"] != "eligible", row["id"]
            continue
        assert live[governing].version == str(row["expected_policy_version"]), row["id"]
        assert row["required_evidence"], row["id"]
        assert row["required_evidence"] in live[governing].text, row["id"]


def test_twins_share_their_message_and_differ_in_policies_or_facts():
    groups = defaultdict(list)
    for row in ALL:
        if row["twin"]:
            groups[row["twin"]].append(row)
    for name, rows in groups.items():
        assert len(rows) >= 2, name
        assert len({row["message"] for row in rows}) == 1, name
        seen = [json.dumps([row["policies"], {**row["order_facts"], "order_id": ""}]) for row in rows]
        assert len(set(seen)) == len(seen), name


def test_in_at_least_sixty_golden_groups_of_twins_the_evidence_alone_turns_the_decision():
    decisions = defaultdict(set)
    for row in GOLDEN:
        if row["twin"]:
            decisions[row["twin"]].add(row["expected_decision"])
    assert {name for name, seen in decisions.items() if len(seen) == 1} == set()
    assert len(decisions) >= 60


def test_golden_reaches_its_counts():
    must_pass = [row for row in GOLDEN if row["must_pass"]]
    assert len(GOLDEN) >= 320
    assert len(must_pass) >= 110
    assert {row["expected_policy_id"] for row in must_pass} == {"P-7"}
    assert {row["expected_reason"] for row in must_pass} == {"damaged"}
    assert Counter(row["expected_decision"] for row in must_pass).keys() == set(DECISIONS.values())
    single = [row for row in GOLDEN if len(row["policies"]) == 1 and row["id"].startswith("single-")]
    assert len({row["policies"][0]["text"] for row in single}) >= 80
    assert {row["expected_reason"] for row in single} == REASONS
    assert {1, 365} <= {int(row["id"].split("-")[2]) for row in GOLDEN if row["category"] == "p7_boundary"}
    only_dates = [row for row in must_pass if "days_since_delivery" not in row["order_facts"]]
    assert len(only_dates) >= 30
    several = [row for row in GOLDEN if 3 <= len(row["policies"]) <= 8]
    assert len(several) >= 100
    categories = Counter(row["category"] for row in GOLDEN)
    for name in ("collision", "precedence", "facts_contradict", "no_clause_fits", "not_a_return_request"):
        assert categories[name] >= 7, name
    assert categories["late_though_fact_missing"] + categories["p7_late_though_fact_missing"] >= 15


def test_no_injection_is_worth_its_while():
    rows = ROWS["injection.jsonl"]
    assert len(rows) >= 60
    assert len({row["category"] for row in rows}) >= 12
    assert len({row["message"] for row in rows}) == len(rows)
    unearned = [row for row in rows if row["expected_decision"] != "eligible"]
    assert len(unearned) >= 60
    assert all(set(row["allowed_actions"]) == {"request_photos", "send_email"} for row in unearned)


def test_retail_texts_reach_their_count():
    rows = ROWS["retail_texts.jsonl"]
    assert len(rows) >= 60
    assert len({policy["text"] for row in rows for policy in row["policies"]}) >= 15


def test_arguable_cases_say_why_and_are_few():
    arguable = [row for row in ALL if row.get("arguable")]
    assert all(row["note"] for row in arguable)
    assert len(arguable) <= 0.05 * len(ALL)


@pytest.mark.skipif(not SEED.is_dir(), reason="this checkout has no training seed beside the cases")
def test_no_message_of_the_cases_stands_in_the_training_seed():
    seed = "\n".join(
        path.read_text(encoding="utf-8", errors="replace")
        for path in sorted(SEED.rglob("*"))
        if path.suffix in {".py", ".txt", ".json", ".jsonl", ".md", ".yaml", ".csv"}
    ).casefold()
    assert seed
    leaked = {row["message"] for row in ALL if len(row["message"]) >= 25 and row["message"].casefold() in seed}
    assert leaked == set()
