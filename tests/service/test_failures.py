"""Failures of real traces: owners, cures by evidence alone, regression cases, and back-tests that write nothing."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from infra.settings import get_settings
from policies.catalog import BUILT_IN, load_catalog
from policies.document import read_policy
from services.domain.backtest import summary
from services.domain.cases import evidence_of, parse_case
from services.domain.decision import Outcome
from services.domain.failures import FailureStatus
from services.domain.verdict import FailureOwner
from services.store.audit import verify_chain
from services.store.failures import (
    NotAFailure,
    failures,
    open_counts,
    regression_cases,
    regression_evidence,
    regression_orders,
)
from services.store.past_traces import traces_with
from services.store.traces import latest_trace
from tests.service.review_world import fresh_order, make_desk, settings_for, submit, triage_all
from workers.backtest import replay
from workers.cli import app
from workers.failure_desk import FailureDesk
from workers.scripted import ScriptedDecider

CASES = (
    ("A10234", "It arrived cracked."),
    ("A10234", "It arrived cracked, write to jo@example.com. [lie]"),
    ("A10234", "It arrived cracked. [doubt]"),
)


@pytest.fixture(scope="module")
def world(migrated_url, tmp_path_factory):
    """Return a desk with three decided returns: one right, one that claims too much, one in doubt."""
    desk = make_desk(settings_for(migrated_url, tmp_path_factory.mktemp("var"), second_answer_share=0.0))
    cases = [(fresh_order(desk, order, number), message) for number, (order, message) in enumerate(CASES)]
    ids = submit(desk, cases)
    triage_all(desk)
    yield desk, ids
    desk.engine.dispose()


def failure_desk(world, **changes):
    desk = world[0]
    return FailureDesk(desk.settings, desk.sessions, desk.clock, load_catalog(BUILT_IN), **changes)


def label(desk, return_id, kind, document, reason=None):
    """Store a label as the review pages do, without their locks."""
    with desk.sessions() as session:
        item, trace = session.execute(
            text("SELECT id, trace_id FROM review_item WHERE return_id = :id"), {"id": return_id}
        ).one()
        now = datetime.now(UTC)
        session.execute(
            text(
                "INSERT INTO label (id, review_item_id, return_id, trace_id, reviewer, kind, reason,"
                " document, created_at)"
                " VALUES (:id, :item, :return_id, :trace, 'kim', :kind, :reason, cast(:document AS jsonb), :now)"
            ),
            {
                "id": f"lab_{int(now.timestamp() * 1e6):032x}",
                "item": item,
                "return_id": return_id,
                "trace": trace,
                "kind": kind,
                "reason": reason,
                "document": json.dumps(document),
                "now": now,
            },
        )


def on_record(world, status=None):
    with world[0].sessions() as session:
        return {one.return_id: one for one in failures(session, status=status)}


def test_failures_find_their_owners_and_become_regression_cases(world):
    desk, (right, lying, doubtful) = world
    router = failure_desk(world)
    assert router.route() == 2
    assert router.route() == 0, "each failure once"
    found = on_record(world)
    assert set(found) == {lying, doubtful}
    assert (found[lying].cause, found[lying].owner) == ("claims_supported", FailureOwner.PREFERENCE_DATA)
    with desk.sessions() as session:
        assert sum(one.open for one in open_counts(session)) == 2

    label(desk, right, "reject", {"owner": "gate", "expected": "not_eligible"}, "should never have passed")
    label(desk, doubtful, "approve", {})
    assert router.route() == 1
    found = on_record(world)
    assert found[right].owner is FailureOwner.GATE
    assert (found[right].source, found[right].expected) == ("label", "not_eligible")
    assert next(iter(found.values())).owner is FailureOwner.GATE, "the smaller fix first"
    assert on_record(world, FailureStatus.DISMISSED)[doubtful].closed_by == "kim"

    case = router.regress(found[lying].id, "lee")
    row = dict(case.document)
    assert (row["expected_decision"], row["expected_policy_id"]) == ("eligible", "P-7")
    assert "jo@example.com" not in json.dumps(row)
    assert "A10234-1" not in json.dumps(row), "the order's number is a pseudonym"
    assert Outcome(row["expected_decision"]) is Outcome.ELIGIBLE
    assert evidence_of(parse_case(row)).policy("P-7") is not None, "eval reads it"
    with desk.sessions() as session:
        assert regression_cases(session) == [row]
        assert regression_orders(session) == {"A10234-1"}
        assert len(regression_evidence(session)) == 1
        assert verify_chain(session).broken_at is None
    with pytest.raises(NotAFailure, match="closed already"):
        router.regress(found[lying].id, "lee")
    with pytest.raises(NotAFailure, match="no failure"):
        router.dismiss("fail_unknown", "lee", "why")
    with pytest.raises(NotAFailure, match="say why"):
        router.dismiss(found[right].id, "lee", " ")
    assert router.dismiss(found[right].id, "lee", "the label was wrong").status is FailureStatus.DISMISSED


@pytest.fixture
def stricter(world, tmp_path):
    """Write a version of P-7 with a window one day too short for the case at hand, in text and rule."""
    present = load_catalog(BUILT_IN).in_force("P-7", datetime.now(UTC).date())
    with world[0].sessions() as session:
        trace = latest_trace(session, world[1][0]).trace
    days = trace.evidence.facts.integer("days_since_delivery")
    window = re.search(r"<= (\d+)", present.rule)[1]
    source = (BUILT_IN / "text" / "P-7" / f"{present.version}.md").read_text()
    changed = re.sub(rf"\b{window}\b", str(days - 1), source).replace(
        f'version: "{present.version}"', "version: draft-1"
    )
    file = tmp_path / "P-7.md"
    file.write_text(re.sub(r"effective_from: .*", "effective_from: 2099-01-01", changed))
    return file


def run(world, monkeypatch, *arguments):
    settings = world[0].settings
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    monkeypatch.setenv("VAR_DIR", str(settings.var_dir))
    get_settings.cache_clear()
    try:
        return CliRunner().invoke(app, list(arguments))
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()


TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"


def contents(desk):
    """Return every row of every table, as one digest a table."""
    with desk.sessions() as session:
        names = [row[0] for row in session.execute(text(TABLES))]
        digest = "SELECT md5(coalesce(string_agg(t::text, '' ORDER BY t::text), '')) FROM"
        return {name: session.execute(text(f'{digest} "{name}" t')).scalar_one() for name in names}


def test_a_back_test_lists_what_would_flip_and_writes_nothing(world, stricter, monkeypatch):
    before = contents(world[0])
    done = run(world, monkeypatch, "policies", "backtest", "P-7", str(stricter), "--rule-only", "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["summary"]["by_rule"] == {"eligible -> not_eligible": 3}
    assert {flip["return_id"] for flip in report["flips"]} == set(world[1])
    assert (
        run(world, monkeypatch, "policies", "backtest", "P-7", str(stricter), "--rule-only", "--fail-on-flip").exit_code
        == 1
    )
    table = run(world, monkeypatch, "policies", "backtest", "P-7", str(stricter), "--rule-only").output
    assert "rule" in table
    assert "3 eligible -> not_eligible" in table
    assert contents(world[0]) == before


@pytest.mark.parametrize(
    ("policy", "content", "code", "says"),
    [
        ("P-9", None, 2, "holds P-7"),
        ("P-7", "---\nid: P-7\n---\n\nText.", 2, "version"),
        ("P-7", "", 2, "no text"),
        ("P-99", "Bare words.", 2, "no version of P-99"),
    ],
)
def test_a_back_test_of_an_unfit_file_says_why(  # noqa: PLR0917 - fixtures and a table's columns
    world, stricter, monkeypatch, policy, content, code, says
):
    if content is not None:
        stricter.write_text(content)
    done = run(world, monkeypatch, "policies", "backtest", policy, str(stricter), "--rule-only")
    assert done.exit_code == code, done.output
    assert says in done.output


def test_a_checkpoint_decides_old_and_new_wording_and_is_compared_with_the_rule(world, stricter):
    version = read_policy(stricter)
    with world[0].sessions() as session:
        traces = list(traces_with(session, "P-7", None, 100))
    replayed = list(replay(traces, version, ScriptedDecider()))
    counts = summary(replayed)
    assert counts.by_checkpoint == {"eligible -> not_eligible": 3}
    assert (counts.asked_checkpoint, counts.disagree) == (3, 0)


def test_a_new_wording_that_cures_by_evidence_alone_is_preferred_to_training(world, stricter, monkeypatch):
    desk = world[0]
    (return_id,) = submit(desk, [(fresh_order(desk, "A10234", 77), "It arrived cracked.")], prefix="cure")
    triage_all(desk)
    label(desk, return_id, "reject", {"owner": "sft_data", "expected": "not_eligible"}, "a week is enough")
    done = run(world, monkeypatch, "failures", "route", "--policy", str(stricter), "--json")
    assert done.exit_code == 0, done.output
    (row,) = [one for one in json.loads(done.stdout) if one["return_id"] == return_id]
    assert (row["owner"], row["cured_by"], row["updates_weights"], row["effort"]) == ("policy", "P-7@draft-1", False, 0)
    assert "prefer this to training" in row["action"]
    assert (
        failure_desk(world).would_cure([read_policy(stricter)], ScriptedDecider())[row["id"]].action.count("checkpoint")
    )
    kept = json.loads(run(world, monkeypatch, "failures", "list", "--json").stdout)
    assert {one["id"]: one["owner"] for one in kept}[row["id"]] == "sft_data", "a draft is not on record"
    assert run(world, monkeypatch, "failures", "regress", row["id"], "--who", "lee").exit_code == 0
    assert run(world, monkeypatch, "failures", "regress", row["id"]).exit_code == 1
    written = run(world, monkeypatch, "failures", "cases")
    assert json.loads(written.stdout.splitlines()[-1])["expected_decision"] == "not_eligible"


def test_a_version_that_is_published_meanwhile_is_tried_on_open_failures(world, stricter):
    desk = world[0]
    (return_id,) = submit(desk, [(fresh_order(desk, "A10234", 78), "It arrived cracked.")], prefix="publish")
    triage_all(desk)
    label(desk, return_id, "reject", {"owner": "sft_data", "expected": "not_eligible"}, "a week is enough")
    router = failure_desk(world)
    router.route()
    assert on_record(world)[return_id].owner is FailureOwner.SFT_DATA
    known = load_catalog(BUILT_IN)
    router.catalog = replace(known, versions=(*known.versions, read_policy(stricter)))
    router.route()
    assert on_record(world)[return_id].cured_by == "P-7@draft-1"
    assert on_record(world)[return_id].owner is FailureOwner.POLICY


def test_lines_are_routed_without_a_database(tmp_path, monkeypatch):
    rows = [
        {
            "id": "a",
            "verdict": "block",
            "findings": [{"check": "claims_supported", "passed": False, "detail": "refund"}],
        },
        {"id": "b", "verdict": "pass", "decision": "eligible"},
        {"id": "c", "verdict": "pass", "decision": "eligible", "expected_decision": "not_eligible"},
    ]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    arguments = ["failures", "route", "--in", str(tmp_path / "in.jsonl"), "--out", str(tmp_path / "out.jsonl")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "preference data and safety evaluation" in done.output
    assert "1 are no failure" in done.output
    routed = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [(one["id"], one["owner"]) for one in routed] == [("c", "sft_data"), ("a", "preference_data")]
    (tmp_path / "in.jsonl").write_text('{"id": "a"}\n')
    bad = CliRunner().invoke(app, arguments)
    assert (bad.exit_code, "line 1: nothing to route by" in bad.output) == (2, True)
