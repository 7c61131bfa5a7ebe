"""Moving the aliases on a real database: history, gate, rollback, two operators at once, commands."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from typer.testing import CliRunner

from infra.database import make_engine
from infra.settings import Environment, get_settings
from services.domain.releases import NotReleased, ReleaseKind
from services.store.audit import latest_entries, verify_chain
from services.store.releases import history, releases_of
from services.store.sessions import sessions
from tests.support.checkpoints import sealed
from workers.checkpoints import champion, named, shipped_reference
from workers.cli import app
from workers.releasing import Releasing
from workers.rollout import ReleaseWatch
from workers.wiring import SystemClock


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """Return three sealed checkpoints in a folder that every test of this module may use."""
    root = tmp_path_factory.mktemp("var") / "checkpoints"
    return root, [sealed(root, seed, f"tiny-{letter}") for seed, letter in enumerate("abc")]


@pytest.fixture
def desk(fresh_migrated_url, checkpoints):
    root, _ = checkpoints
    (root / "champion").unlink(missing_ok=True)
    settings = get_settings().model_copy(update={"database_url": fresh_migrated_url, "var_dir": root.parent})
    engine = make_engine(fresh_migrated_url)
    yield Releasing(settings, sessions(engine), SystemClock())
    engine.dispose()


@pytest.fixture
def abc(checkpoints):
    return checkpoints[1]


def shipped(desk):
    return named(desk.settings, shipped_reference())


def report(desk, candidate, verdict, reasons=()):
    with desk.sessions() as session:
        session.execute(
            text(
                "INSERT INTO gate_report (id, candidate, champion, verdict, document, created_at)"
                " VALUES (:id, :candidate, 'c', :verdict, cast(:document AS jsonb), :now)"
            ),
            {
                "id": f"{verdict}-{candidate.digest[:8]}-report",
                "candidate": candidate.digest,
                "verdict": verdict,
                "document": json.dumps({"reasons": list(reasons)}),
                "now": datetime.now(UTC),
            },
        )


def moves(desk):
    with desk.sessions() as session:
        return history(session)


def test_before_any_release_the_champion_is_what_ships_with_the_code(desk):
    shown = desk.shown()
    assert shown.initial
    assert shown.champion == shipped(desk)
    assert desk.note_initial() == shipped(desk)
    assert desk.note_initial() is None, "noted once"
    assert [one.kind for one in moves(desk)] == [ReleaseKind.INITIAL]
    assert desk.shown().initial


def test_a_promotion_says_who_why_and_past_which_gate_and_is_sealed_in_the_audit_log(desk, abc):
    a, _, _ = abc
    report(desk, a, "ship")
    promoted = desk.promote("tiny-a", "kim", "gate says SHIP")
    assert promoted.warning is None
    release = promoted.release
    assert (release.checkpoint, release.replaces) == (a, shipped(desk))
    assert (release.who, release.why, release.gate_report_id) == (
        "kim",
        "gate says SHIP",
        f"ship-{a.digest[:8]}-report",
    )
    with desk.sessions() as session:
        (entry,) = latest_entries(session, subject="champion")
        assert (entry.actor, entry.action, entry.detail["checkpoint"]) == ("kim", "release.promote", a.trace_id)
        assert verify_chain(session).broken_at is None
        assert releases_of(session, a.digest) == [release]
    assert champion(desk.settings) == a.digest, "commands without a database follow"


def test_rolling_back_leads_back_step_by_step_and_leaves_the_history(desk, abc):
    a, b, c = abc
    for reference in ("tiny-a", "tiny-b", "tiny-c"):
        desk.promote(reference, "kim", "next")
    assert desk.rollback("lee", "approves too much").checkpoint == b
    assert desk.rollback("lee", "still").checkpoint == a
    assert desk.champion() == a
    assert [one.kind.value for one in moves(desk)] == ["rollback", "rollback", "promote", "promote", "promote"]
    assert desk.rollback("lee", "c was right", to="tiny-c").checkpoint == c
    with pytest.raises(NotReleased, match="champion already"):
        desk.promote("tiny-c", "kim", "again")


def test_the_gates_block_stands_until_it_is_overridden_on_record(desk, abc):
    report(desk, abc[0], "block", ["wrong approvals went up"])
    with pytest.raises(NotReleased, match="wrong approvals went up"):
        desk.promote("tiny-a", "kim", "hurry")
    with pytest.raises(NotReleased, match="answers no customer"):
        desk.canary("tiny-a", 0.1, "kim", "hurry")
    assert moves(desk) == []
    release = desk.promote("tiny-a", "kim", "the gate's cases were wrong", override_gate=True).release
    assert release.gate_overridden
    assert desk.champion() == abc[0]


def test_production_releases_nothing_that_no_gate_saw(desk, abc):
    production = Releasing(
        desk.settings.model_copy(update={"environment": Environment.PRODUCTION}), desk.sessions, desk.clock
    )
    with pytest.raises(NotReleased, match="no gate report"):
        production.promote("tiny-a", "kim", "why not")
    report(desk, abc[0], "ship")
    assert production.promote("tiny-a", "kim", "seen").release.checkpoint == abc[0]


def test_a_damaged_checkpoint_is_never_released(desk, checkpoints, tmp_path):
    root, _ = checkpoints
    broken = sealed(root, 9, "tiny-broken")
    weights = root / f"tiny-broken-{broken.digest[:12]}" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(NotReleased, match="sha256 differs"):
        desk.promote("tiny-broken", "kim", "why")
    for file in weights.parent.iterdir():
        file.unlink()
    weights.parent.rmdir()
    assert moves(desk) == []


@pytest.mark.parametrize(("who", "why", "says"), [(" ", "w", "who"), ("kim", " ", "why")])
def test_a_release_without_who_or_why_is_refused(desk, who, why, says):
    with pytest.raises(NotReleased, match=says):
        desk.promote("tiny-a", who, why)


def test_a_candidate_that_becomes_champion_is_a_candidate_no_more(desk, abc):
    desk.shadow("tiny-a", 1.0, "kim", "look first")
    desk.canary("candidate", 0.2, "kim", "looks good")
    desk.promote("candidate", "kim", "is good")
    shown = desk.shown()
    assert shown.champion == abc[0]
    assert shown.rollout.candidate is None
    with pytest.raises(NotReleased, match="no candidate"):
        desk.promote("candidate", "kim", "again")
    with pytest.raises(NotReleased, match="is the champion"):
        desk.shadow("tiny-a", 1.0, "kim", "why")


def test_two_operators_at_once_leave_one_history(desk):
    def act(number):
        name = f"tiny-{'abc'[number % 3]}"
        try:
            return desk.promote(name, f"operator-{number}", "race").release
        except NotReleased:
            return None

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(act, range(12)))
    made = moves(desk)[::-1]
    assert made[0].replaces == shipped(desk)
    for before, after in pairwise(made):
        assert after.replaces == before.checkpoint, "each move saw the one before it"
        assert after.checkpoint != before.checkpoint
    with desk.sessions() as session:
        assert verify_chain(session).broken_at is None


@pytest.mark.parametrize("change", ["UPDATE release SET who = 'someone else'", "DELETE FROM release"])
def test_history_cannot_be_rewritten(desk, change):
    desk.promote("tiny-a", "kim", "first")
    with pytest.raises(IntegrityError, match="append-only"), desk.sessions() as session:
        session.execute(text(change))


def test_workers_go_on_with_what_they_knew_while_the_database_is_away(desk, abc):
    desk.promote("tiny-a", "kim", "first")
    watch = ReleaseWatch(desk.settings, desk.sessions)
    assert watch.champion() == abc[0].digest
    watch._sessions = sessions(make_engine("postgresql://nobody@127.0.0.1:1/none"))  # It goes away after a look.
    assert watch.champion() == abc[0].digest
    asked = Releasing(desk.settings.model_copy(update={"checkpoint_id": "pinned"}), desk.sessions, desk.clock)
    assert ReleaseWatch(asked.settings, desk.sessions).champion() == "pinned", "CHECKPOINT_ID overrides releases"


def run(desk, monkeypatch, *arguments):
    monkeypatch.setenv("DATABASE_URL", desk.settings.database_url)
    monkeypatch.setenv("VAR_DIR", str(desk.settings.var_dir))
    get_settings.cache_clear()
    try:
        return CliRunner().invoke(app, ["release", *arguments])
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()


def test_the_commands_promote_roll_back_and_list(desk, abc, monkeypatch):
    a, b, _ = abc
    done = run(desk, monkeypatch, "promote", "tiny-a", "--who", "kim", "--why", "first")
    assert done.exit_code == 0, done.output
    assert a.trace_id in done.output
    assert "no gate report" in done.output
    assert run(desk, monkeypatch, "promote", b.digest[:12], "--who", "kim", "--why", "next").exit_code == 0
    assert run(desk, monkeypatch, "rollback", "--who", "lee", "--why", "worse").exit_code == 0
    listed = json.loads(run(desk, monkeypatch, "list", "--json").output)
    assert listed["champion"]["trace_id"] == a.trace_id
    assert [(one["kind"], one["who"]) for one in listed["history"]] == [
        ("rollback", "lee"),
        ("promote", "kim"),
        ("promote", "kim"),
    ]
    assert "rollback" in run(desk, monkeypatch, "list").output


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("rollback",), 1, "nothing to roll back"),
        (("promote", "unheard-of"), 2, "not known here"),
        (("withdraw",), 1, "no candidate"),
        (("differences",), 1, "no candidate"),
        (("figures",), 1, "no candidate"),
        (("canary",), 1, "no candidate"),
        (("canary", "tiny-a", "--share", "1.5"), 2, "share"),
        (("shadow", "tiny-a", "--share", "0"), 1, "above 0"),
    ],
)
def test_a_refused_command_says_why_in_one_line(desk, monkeypatch, arguments, code, says):
    done = run(desk, monkeypatch, *arguments)
    assert done.exit_code == code, done.output
    assert says in done.output
