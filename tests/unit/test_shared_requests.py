"""Requests of the shared data become cases: what their source did, in our own words of its rule."""

import json

import pytest
from typer.testing import CliRunner

from lifecycle.shared_requests import UnknownRequest, cases_of
from services.domain.cases import evidence_of, parse_case
from workers.cli import app


def order(status):
    items = [{"name": "Kettle", "price": 14.5}, {"name": "Desk Lamp", "price": 20.0}]
    return {"order_id": "#W1", "status": status, "items": items}


def row(number, status, expected, **more):
    return {
        "id": f"r-{number}",
        "message": "Please take back my desk lamp of order #W1.",
        "facts": {"orders": [order(status), {**order(status), "order_id": "#W22"}]},
        "expected": expected,
        "faithfulness": "A",
    } | more


ROWS = [
    row(1, "delivered", {"decision": "return"}),
    row(2, "processed", {"decision": "deny"}, base_id="r-1"),
    row(3, "delivered", None, message="Where is my refund?"),
]


def test_a_request_becomes_a_case_whose_answer_is_that_of_its_source():
    first, second, third = cases_of(ROWS)
    assert [c["expected_decision"] for c in (first, second, third)] == ["eligible", "not_eligible", "review"]
    assert first["twin"] == second["twin"] == "r-1"
    assert "twin" not in third
    assert first["order_facts"] == {
        "order_id": "#W1", "item": "Desk Lamp", "price_cents": 2000, "currency": "USD",
        "order_status": "delivered", "delivered": True,
    }  # fmt: skip
    assert second["order_facts"]["delivered"] is False
    assert third["order_facts"] == {}
    assert len(evidence_of(parse_case(first)).policies) == 3


def test_a_row_of_another_kind_is_refused_by_name():
    with pytest.raises(UnknownRequest, match=r"row 'x'.*'message'"):
        list(cases_of([{"id": "x", "expected": None}]))


def test_the_command_writes_cases_and_refuses_in_one_line(tmp_path):
    source, out = tmp_path / "r.jsonl", tmp_path / "c.jsonl"
    source.write_text("".join(json.dumps(one) + "\n" for one in ROWS))
    done = CliRunner().invoke(app, ["data", "cases", "--in", str(source), "--out", str(out)])
    assert done.exit_code == 0, done.stderr
    assert len(out.read_text().splitlines()) == 3
    source.write_text("[1]\n")
    done = CliRunner().invoke(app, ["data", "cases", "--in", str(source), "--out", str(out)])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
