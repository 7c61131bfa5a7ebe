"""A candidate beside the champion on live returns: in the shadow nothing leaves, a bad canary is rolled back."""

import json

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from infra.settings import get_settings
from services.domain.alerts import AlertLimits
from services.domain.canary import CanaryVerdict
from services.domain.jobs import JobKind
from services.domain.releases import ReleaseKind
from services.domain.review import drawn
from services.store.alerts import evaluate, open_alerts
from services.store.candidate_runs import candidate_runs, shadow_counts
from services.store.releases import history
from services.store.traces import latest_trace
from tests.service.review_world import LIE, fresh_order, submit
from tests.support.checkpoints import sealed
from workers.cli import app
from workers.released import CheckpointUnusable, ReleasedDecider
from workers.releasing import Releasing
from workers.rollout import BesideChampion, Candidate, Guarded, ReleaseWatch
from workers.scripted import ScriptedDecider
from workers.seed import seed
from workers.watch import look_at_canary
from workers.wiring import Desk, ReleasedParts


class Named(ScriptedDecider):
    """Decides by the clause's rule under a checkpoint's name; `manner` says how it errs."""

    def __init__(self, name, manner="well", *, acts=False):
        super().__init__()
        self.name, self.manner, self.acts = name, manner, acts

    @property
    def checkpoint_id(self):
        return self.name

    def decide(self, evidence):
        if self.manner == "raises":
            raise RuntimeError("out of memory")
        found = [self._own(one) for one in super().decide(evidence)]
        if self.acts:
            return found
        return [one._replace(decision=one.decision.model_copy(update={"tool_calls": ()})) for one in found]

    def reply(self, cases):
        if self.manner == "raises in reply":
            raise RuntimeError("out of memory")
        said = [self._own(one) for one in super().reply(cases)]
        return [one._replace(text=f"{one.text} {LIE}") for one in said] if self.manner == "lies" else said

    def _own(self, one):
        return one._replace(generation=one.generation.model_copy(update={"checkpoint": self.name}))


class World:
    """A desk whose deciders are scripts under the names of real, sealed checkpoints."""

    def __init__(self, settings, champion, candidate):
        self.desk = Desk(settings)
        self.champion, self.candidate = champion, candidate
        self.releasing = Releasing(settings, self.desk.sessions, self.desk.clock)
        self.manner, self.acts, self.loads, self.count = "well", False, [], 0
        watch, at_work = ReleaseWatch(settings, self.desk.sessions), Candidate(self.load)
        decider = ReleasedDecider(watch.champion, self.load)
        beside = BesideChampion(watch, decider, at_work, self.desk.sessions, self.desk.clock)
        self.desk.__dict__["released"] = ReleasedParts(decider, beside, lambda one: Guarded(at_work.of(one)))

    def load(self, reference):
        self.loads.append(reference)
        if reference == self.candidate.digest:
            if self.manner == "cannot load":
                raise CheckpointUnusable("digest differs")
            return Named(self.candidate.trace_id, self.manner, acts=self.acts)
        return Named(self.champion.trace_id, acts=self.acts)

    def decide(self, count):
        """Submit returns on fresh orders and let the worker decide them; return their ids."""
        start, self.count = self.count, self.count + count
        cases = [
            (fresh_order(self.desk, "A10234", number), "It arrived cracked.") for number in range(start, self.count)
        ]
        ids = submit(self.desk, cases, prefix=f"ret-{start:04d}")
        while leases := self.desk.jobs.claim(JobKind.TRIAGE, "w", limit=16):
            assert self.desk.triage.run(leases) == {}, "no request may fail"
        return ids

    def shadows(self):
        """Let the candidate look at whatever waits for it; return how many."""
        done = 0
        while leases := self.desk.jobs.claim(JobKind.SHADOW, "w", limit=4):
            assert self.desk.shadows.run(leases) == {}
            done += len(leases)
        return done

    def deciders(self, ids):
        with self.desk.sessions() as session:
            return {one: latest_trace(session, one).trace.deciding.checkpoint for one in ids}

    def rows(self, statement):
        with self.desk.sessions() as session:
            return session.execute(text(statement)).all()


@pytest.fixture
def world(fresh_migrated_url, tmp_path):
    settings = get_settings().model_copy(
        update={"database_url": fresh_migrated_url, "var_dir": tmp_path, "audit_share": 0.0, "second_answer_share": 0.0}
    )
    seed(settings)
    champion, candidate = (sealed(settings.checkpoints_dir, number, f"tiny-{number}") for number in (1, 2))
    first = Desk(settings)
    Releasing(settings, first.sessions, first.clock).promote("tiny-1", "test", "first")
    first.engine.dispose()
    made = World(settings, champion, candidate)
    yield made
    made.desk.engine.dispose()


OUTSIDE = (
    "SELECT id, status, reply, checkpoint, trace_id, updated_at FROM return_request ORDER BY id",
    "SELECT id, tool, state, attempts, finished_at FROM tool_action ORDER BY id",
    "SELECT id, kind, data FROM event ORDER BY id",
    "SELECT id, amount_cents FROM journal_line ORDER BY id",
    "SELECT id, state, version FROM review_item ORDER BY id",
    "SELECT id FROM outbox WHERE topic = 'return.event' ORDER BY id",
)


def outside(world):
    """Return all that a customer, a shop or a reviewer can meet: rows, and files of mail and labels."""
    files = sorted(
        str(path) for folder in ("mail", "labels") for path in (world.desk.settings.var_dir / folder).rglob("*")
    )
    return [world.rows(statement) for statement in OUTSIDE], files


def test_in_the_shadow_nothing_leaves_and_every_difference_is_listed(world, monkeypatch):
    world.manner, world.acts = "lies", True
    world.desk.released.champion._decider.acts = True
    release = world.releasing.shadow("tiny-2", 1.0, "kim", "look at it")
    ids = world.decide(6)
    before = outside(world)
    assert world.shadows() == 6
    assert outside(world) == before, "a candidate in the shadow changes nothing that anybody meets"
    assert set(world.deciders(ids).values()) == {world.champion.trace_id}
    traces = world.rows("SELECT purpose, checkpoint, count(*) FROM trace GROUP BY 1, 2 ORDER BY 1")
    assert traces == [("live", world.champion.trace_id, 6), ("shadow", world.candidate.trace_id, 6)]
    with world.desk.sessions() as session:
        counts = shadow_counts(session, release.id)
        runs = candidate_runs(session, release.id)
    assert (counts.looked_at, counts.different, counts.failed) == (6, 6, 0)
    assert {one.field for one in runs[0].differs} == {"verdict", "route"}
    listed = command(world, monkeypatch, "differences", "--json")
    assert len(json.loads(listed.output)["returns"]) == 6
    assert "review: blocked" in command(world, monkeypatch, "differences", "--field", "route").output


def test_a_candidate_that_agrees_shows_no_difference_and_a_failing_one_its_error(world):
    release = world.releasing.shadow("tiny-2", 1.0, "kim", "look at it")
    world.decide(2)
    assert world.shadows() == 2
    world.manner = "raises"
    world.desk.released.beside.candidate.let_go()
    world.decide(2)
    assert world.shadows() == 2
    with world.desk.sessions() as session:
        assert shadow_counts(session, release.id) == (4, 0, 2, {})
        assert [one.error for one in candidate_runs(session, release.id)] == ["RuntimeError: out of memory"] * 2


def test_the_shadow_takes_its_share_and_ends_with_the_candidate(world):
    world.releasing.shadow("tiny-2", 0.5, "kim", "half")
    ids = world.decide(24)
    asked = [row[0] for row in world.rows("SELECT subject_id FROM job WHERE kind = 'shadow' ORDER BY 1")]
    assert asked == sorted(one for one in ids if drawn(one, f"shadow:{world.candidate.trace_id}", 0.5))
    assert 3 < len(asked) < 21
    world.releasing.withdraw("kim", "seen enough")
    assert rung(world) == [], "an operator who withdraws knows it already"
    world.shadows()
    assert world.rows("SELECT count(*) FROM candidate_run") == [(0,)], "nobody wants it looked at any more"
    world.decide(4)
    assert world.rows("SELECT count(*) FROM job WHERE kind = 'shadow'") == [(len(asked),)]


def rung(world) -> list:
    """Return the alerts that ring, evaluated as the periodic worker does."""
    with world.desk.sessions() as session:
        evaluate(session, AlertLimits(), [], world.desk.clock.now())
        return list(open_alerts(session))


def test_a_canary_answers_its_share_and_each_trace_names_who_decided(world):
    world.releasing.canary("tiny-2", 0.4, "kim", "try it")
    ids = world.decide(20)
    by = world.deciders(ids)
    expected = {one for one in ids if drawn(one, f"canary:{world.candidate.trace_id}", 0.4)}
    assert {one for one, who in by.items() if who == world.candidate.trace_id} == expected
    assert 2 < len(expected) < 18
    assert {row[0] for row in world.rows("SELECT status FROM return_request")} == {"closed"}
    assert look_at_canary(world.desk).verdict is CanaryVerdict.WATCH
    assert world.loads.count(world.candidate.digest) == 1


def test_a_canary_that_claims_what_was_not_done_is_rolled_back_by_itself(world, monkeypatch):
    world.manner = "lies"
    world.releasing.canary("tiny-2", 0.3, "kim", "try it")
    assert look_at_canary(world.desk).verdict is CanaryVerdict.WATCH, "nothing was seen yet"
    world.decide(24)
    assert world.rows("SELECT count(*) FROM return_request WHERE reply LIKE '%999%'") == [(0,)], "the verifier held it"
    shown = command(world, monkeypatch, "figures")
    assert (shown.exit_code, "roll back" in shown.output) == (1, True)
    assert look_at_canary(world.desk).verdict is CanaryVerdict.ROLL_BACK
    with world.desk.sessions() as session:
        newest = history(session, 1)[0]
    assert (newest.kind, newest.who, newest.checkpoint) == (ReleaseKind.WITHDRAW, "canary watch", None)
    assert "unsupported claim" in newest.why
    assert newest.figures["unsupported_claims"] == {"champion": 0.0, "candidate": 1.0}
    assert look_at_canary(world.desk) is None, "it is judged once"
    assert set(world.deciders(world.decide(4)).values()) == {world.champion.trace_id}
    assert [(one.kind, world.candidate.trace_id in one.said) for one in rung(world)] == [("canary_withdrawn", True)]
    assert rung(world)[0].subject == f"release {newest.id}"


@pytest.mark.parametrize("manner", ["raises", "raises in reply", "cannot load"])
def test_a_canary_that_breaks_loses_no_request_and_is_rolled_back(world, manner):
    world.manner = manner
    release = world.releasing.canary("tiny-2", 0.5, "kim", "try it")
    ids = world.decide(12)
    assert {row[0] for row in world.rows("SELECT status FROM return_request")} == {"closed"}
    assert world.rows("SELECT count(*) FROM return_request WHERE status <> 'closed'") == [(0,)]
    assert len(ids) == 12
    with world.desk.sessions() as session:
        failed = candidate_runs(session, release.id, limit=100)
    assert failed
    assert {one.mode for one in failed} == {"canary"}
    assert look_at_canary(world.desk).verdict is CanaryVerdict.ROLL_BACK
    assert world.releasing.shown().rollout.candidate is None


def test_promote_and_rollback_are_followed_between_two_batches(world):
    assert set(world.deciders(world.decide(3)).values()) == {world.champion.trace_id}
    world.releasing.promote("tiny-2", "kim", "better")
    assert set(world.deciders(world.decide(3)).values()) == {world.candidate.trace_id}
    world.releasing.rollback("kim", "worse")
    assert set(world.deciders(world.decide(3)).values()) == {world.champion.trace_id}


def command(world, monkeypatch, *arguments):
    monkeypatch.setenv("DATABASE_URL", world.desk.settings.database_url)
    monkeypatch.setenv("VAR_DIR", str(world.desk.settings.var_dir))
    get_settings.cache_clear()
    try:
        return CliRunner().invoke(app, ["release", *arguments])
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()
