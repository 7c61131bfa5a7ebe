"""`returns-desk verify` as a user runs it."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from workers.cli import app

CONTRACT = {
    "id": "r-1",
    "reply": "All set! Your label is in your inbox.",
    "recorded_actions": [{"name": "create_return_label", "status": "succeeded", "arguments": {"order_id": "A10234"}}],
}


def run(tmp_path, text, *options):
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(app, ["verify", "--in", str(source), "--out", str(target), *options])
    lines = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()] if target.exists() else []
    return result, lines


def test_the_contract_example_passes_in_the_contract_format(tmp_path):
    result, lines = run(tmp_path, json.dumps(CONTRACT) + "\n")
    assert result.exit_code == 0
    assert lines[0]["id"] == "r-1"
    assert lines[0]["verdict"] == "pass"
    label = next(claim for claim in lines[0]["claims"] if claim["effect"] == "create_return_label")
    assert label["text"] == "Your label is in your inbox"
    assert label["supported_by"] == 0


def test_lines_come_out_in_input_order_and_bare_names_are_records(tmp_path):
    cases = [
        {"id": "a", "reply": "I've refunded you.", "recorded_actions": ["issue_refund"]},
        {"id": "b", "reply": "I've refunded you.", "recorded_actions": []},
        {"id": "c", "reply": "I've refunded you."},
    ]
    result, lines = run(tmp_path, "\n".join(json.dumps(case) for case in cases))
    assert result.exit_code == 0
    assert [(line["id"], line["verdict"]) for line in lines] == [("a", "pass"), ("b", "block"), ("c", "block")]


def test_strict_makes_a_blocked_reply_a_negative_result(tmp_path):
    case = json.dumps({"id": "b", "reply": "I've refunded you.", "recorded_actions": []})
    assert run(tmp_path, case, "--strict")[0].exit_code == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 1: not JSON"),
        ("[]", "line 1: field reply"),
        ('{"id": 1}', "line 1: field reply"),
        ('{"reply": "x", "recorded_actions": "label"}', "line 1: field recorded_actions"),
        ('{"reply": "x", "recorded_actions": [{"name": "issue_refund", "status": 1}]}', "recorded_actions[0]"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_two(tmp_path, line, words):
    result, lines = run(tmp_path, line)
    assert result.exit_code == 2
    assert words in result.output
    assert lines == []


def test_a_missing_file_is_bad_input(tmp_path):
    result = CliRunner().invoke(app, ["verify", "--in", str(tmp_path / "no"), "--out", "-"])
    assert result.exit_code == 2


def test_the_claim_check_loads_neither_torch_nor_a_rule_evaluator():
    code = (
        "import sys; import services.domain.verify, workers.commands.verify;"
        "print(sorted({'torch', 'cel', 'sqlmodel', 'celery'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
