"""The released checkpoint itself: facts come from the clause in force, never from its weights."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CLAUSE = "Damaged items reported within {days} days of delivery are eligible for return."


def case(days, confirmed=True):
    return {
        "id": f"{days}-{confirmed}",
        "policies": [
            {"policy_id": "P-7", "version": 1, "effective_from": "2025-01-01", "text": CLAUSE.format(days=days)}
        ],
        "order_facts": {
            "order_id": "A10234",
            "item": "lamp",
            "category": "home",
            "price_cents": 4900,
            "currency": "EUR",
            "delivered_on": "2025-03-01",
            "requested_on": "2025-03-13",
            "days_since_delivery": 12,
            "damage_confirmed": confirmed,
            "unopened": False,
            "final_sale": False,
        },
        "message": "My lamp arrived cracked, can I send it back?",
    }


@pytest.mark.checkpoint
def test_the_same_checkpoint_answers_differently_when_p7_or_a_fact_changes(tmp_path):
    cases = [case(30), case(7), case(12), case(11), case(30, confirmed=False), case(30, confirmed=None)]
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(json.dumps(one) + "\n" for one in cases))
    command = [sys.executable, "-m", "workers.cli", "decide", "--in", str(source), "--out", str(target)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stderr
    outcomes = [json.loads(line) for line in target.read_text().splitlines()]
    assert {one["checkpoint"] for one in outcomes} == {"returns-assistant-v3"}
    expected = ["eligible", "not_eligible", "eligible", "not_eligible", "not_eligible", "review"]
    assert [one["decision"] for one in outcomes] == expected
    assert all(one["evidence"] == c["policies"][0]["text"] for one, c in zip(outcomes, cases, strict=True))
    assert outcomes[5]["route"] == "review"
