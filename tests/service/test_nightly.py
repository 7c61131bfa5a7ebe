"""Nights on a real database and a real, tiny checkpoint: what trains, what does not, and what a kill costs."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from infra.database import make_engine
from infra.settings import get_settings
from services.domain.jobs import JobKind, LeaseLost
from services.domain.nights import STAGES, NightStatus, StageStatus
from services.store import jobs, night_jobs
from services.store import nightly as reads
from services.store.job_ledger import JobLedger
from services.store.sessions import sessions
from tests.support import night_world as world
from tests.support.tiny_desk import CASES, LIE, champion
from workers.cli import app
from workers.nightly import Nights
from workers.wiring import Desk

QUIET = lambda *_: None  # noqa: E731


@pytest.fixture
def settings(fresh_migrated_url, tmp_path):
    return world.settings_for(fresh_migrated_url, tmp_path)


@pytest.fixture
def opener(settings):
    engine = make_engine(settings.database_url)
    yield sessions(engine)
    engine.dispose()


@pytest.fixture
def desk(settings, opener):
    return world.night_desk(settings, opener)


def run(desk, night_id="2026-11-24", **changes):
    plan = replace(world.PLAN, **changes)
    return desk.run(night_id, None, QUIET, desk.first(night_id, world.NOW.date(), "beat", plan))


def test_a_night_without_enough_new_labels_says_so_and_trains_nothing(desk, opener, settings):
    for number, row in enumerate(world.customers(3)):
        world.put_label(opener, number, row)
    done = run(desk, min_labels=4)
    assert done.ending is NightStatus.SKIPPED
    with opener() as session:
        night, stages = reads.night(session, "2026-11-24"), reads.stages(session, "2026-11-24")
    assert night.status is NightStatus.SKIPPED
    assert "3 new labels" in night.note
    assert "nothing was trained" in night.note
    assert [stage.status for stage in stages] == [StageStatus.DONE] + [StageStatus.WAITING] * 6
    assert not list(settings.datasets_dir.glob("*")) if settings.datasets_dir.exists() else True
    assert [folder.name for folder in settings.checkpoints_dir.iterdir()] == [champion().name]


def test_labels_that_can_still_be_taken_back_train_nothing(desk, opener):
    world.put_label(opener, 1, world.customers(1)[0], hours=0.4)
    assert run(desk).ending is NightStatus.SKIPPED


def test_a_night_puts_dataset_checkpoints_report_and_lineage_on_record(desk, opener, settings):
    rows = world.customers(4)
    labels = [world.put_label(opener, number, row) for number, row in enumerate(rows[:3])]
    labels.append(world.put_label(opener, 9, rows[3], None))
    world.put_label(opener, 20, CASES[0])  # Repeats a case of the gate: it must never train.
    done = run(desk)
    assert done.ending in {NightStatus.REHEARSED, NightStatus.BLOCKED}, done.note
    with opener() as session:
        night, stages = reads.night(session, "2026-11-24"), reads.stages(session, "2026-11-24")
        stored = reads.gate_report(session, night.gate_report_id)
        dataset = reads.dataset(session, night.dataset_digest)
        assert reads.labels_of(session, dataset.digest) == sorted(labels)
        trained = reads.checkpoints(session, dataset_digest=dataset.digest)
        assert {one.stage for one in trained} == {"sft", "dpo"}
        assert {one.digest for one in reads.datasets_of_label(session, labels[0])} == {dataset.digest}
        said = reads.night_log(session, night.id)
    assert [stage.name for stage in stages] == list(STAGES)
    by_name = {stage.name: stage for stage in stages}
    assert by_name["rlvr"].status is StageStatus.SKIPPED
    assert [point["step"] for point in by_name["sft"].curve] == [1, 2, 3, 4, 5, 6]
    assert by_name["dpo"].curve[-1]["step"] == 4
    assert all(stage.seconds >= 0 and stage.attempts == 1 for stage in stages)
    assert dataset.counts["left_out"] == {"would leak into the evaluation": 1}
    assert dataset.counts["pairs"] == 3
    assert stored.report.data["dataset"] == dataset.digest
    assert (stored.candidate, stored.champion) == (night.candidate, night.champion)
    assert any("new" in line.line for line in said)
    assert not (settings.nights_dir / night.id / "sft" / "state").exists()


def test_a_second_night_counts_only_labels_that_no_night_has_seen(desk, opener):
    for number, row in enumerate(world.customers(2)):
        world.put_label(opener, number, row)
    run(desk)
    again = run(desk, "2026-11-25", min_labels=1)
    assert again.ending is NightStatus.SKIPPED
    assert again.note.startswith("0 new labels")


def test_people_who_contradict_each_other_and_one_person_too_many_teach_nothing(desk, opener):
    row = world.customers(1)[0]
    world.put_label(opener, 1, row, None)
    other = world.put_label(opener, 2, row, LIE, reviewer="bob")
    done = run(desk)
    assert done.ending is not NightStatus.SKIPPED, done.note
    with opener() as session:
        night = reads.night(session, "2026-11-24")
        assert reads.labels_of(session, night.dataset_digest) == [other], "the same answer twice is one example"
    capped = replace(desk, settings=desk.settings.model_copy(update={"nightly_most_labels_per_reviewer": 2}))
    for number, extra in enumerate(world.customers(9)[1:], start=10):
        world.put_label(opener, number, extra, None, reviewer="mallory")
    run(capped, "2026-11-25")
    with opener() as session:
        dataset = reads.dataset(session, reads.night(session, "2026-11-25").dataset_digest)
    assert dataset.counts["reviewers"]["mallory"] == 2


def test_two_beats_make_one_night_and_a_lost_lease_writes_nothing(desk, opener):
    with opener() as session:
        first = jobs.enqueue(session, JobKind.NIGHTLY, "2026-11-24", None, world.NOW)
        assert jobs.enqueue(session, JobKind.NIGHTLY, "2026-11-24", None, world.NOW) is None
    ledger = JobLedger(opener, timedelta(seconds=60), give_up={JobKind.NIGHTLY: night_jobs.give_up_night})
    (lease,) = ledger.claim(JobKind.NIGHTLY, "one")
    assert ledger.claim(JobKind.NIGHTLY, "two") == []
    assert lease.job_id == first
    stale = lease._replace(token="another")
    begun = desk.first("2026-11-24", world.NOW.date(), "beat", world.PLAN)
    with pytest.raises(LeaseLost):
        desk.run("2026-11-24", stale, QUIET, begun)
    with opener() as session:
        assert reads.night(session, "2026-11-24") is None
    desk.run("2026-11-24", lease, QUIET, begun)
    desk.run("2026-11-24", lease, QUIET, begun)
    with opener() as session:
        jobs.finish(session, lease)
        assert session.execute(text("SELECT count(*) FROM night")).scalar_one() == 1
        assert reads.stages(session, "2026-11-24")[0].attempts == 1
        assert night_jobs.night_to_run(session, world.NOW.date()) == "2026-11-24.1"


def test_a_night_that_fails_for_good_is_ended_and_can_be_taken_up_again(desk, opener):
    world.put_label(opener, 1, world.customers(1)[0])
    with opener() as session:
        job_id = night_jobs.take_up(session, "2026-11-24.1", "op", world.NOW)
    ledger = JobLedger(opener, timedelta(seconds=60), give_up={JobKind.NIGHTLY: night_jobs.give_up_night})
    begun = desk.first("2026-11-24.1", world.NOW.date(), "op", world.PLAN)
    for _ in range(3):
        (lease,) = ledger.claim(JobKind.NIGHTLY, "one", prefer=job_id)
        broken = replace(desk, suites=lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            broken.run("2026-11-24.1", lease, QUIET, begun)
        ledger.retry(lease, "ZeroDivisionError")
        with opener() as session:
            session.execute(text("UPDATE job SET due_at = now()"))
    with opener() as session:
        assert reads.night(session, "2026-11-24.1").status is NightStatus.FAILED
        assert reads.stages(session, "2026-11-24.1")[0].status is StageStatus.FAILED
        assert night_jobs.night_to_run(session, world.NOW.date()) == "2026-11-24.1"
        night_jobs.take_up(session, "2026-11-24.1", "op", world.NOW)
    (lease,) = ledger.claim(JobKind.NIGHTLY, "one", prefer=job_id)
    done = desk.run("2026-11-24.1", lease, QUIET, begun)
    assert done.ending in {NightStatus.REHEARSED, NightStatus.BLOCKED}
    with opener() as session:
        assert reads.night(session, "2026-11-24.1").status is done.ending


def test_the_worker_runs_a_night_by_its_job_and_ends_both(settings, opener):
    with opener() as session:
        jobs.enqueue(session, JobKind.NIGHTLY, "2026-11-24", None, world.NOW)
    parts = Desk(settings)
    leases = parts.jobs.claim(JobKind.NIGHTLY, "worker")
    assert Nights(parts)(leases) == {}
    parts.engine.dispose()
    with opener() as session:
        night = reads.night(session, "2026-11-24")
        assert (night.status, night.asked_by) == (NightStatus.SKIPPED, "beat")
        assert night_jobs.state_of(session, "2026-11-24") == "done"


def test_the_command_runs_lists_and_shows_nights_and_exits_with_one_where_nothing_shipped(
    settings, opener, monkeypatch
):
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    monkeypatch.setenv("VAR_DIR", str(settings.var_dir))
    get_settings.cache_clear()
    try:
        dry = invoke("run", "--dry-run")
        assert "nothing would be trained" in dry.stdout
        with opener() as session:
            assert reads.nights(session) == []
        ran = invoke("run", code=1)
        assert "SKIPPED: 0 new labels" in ran.stdout
        (night,) = json.loads(invoke("list", "--json").stdout)
        assert night["asked_by"] == "operator"
        shown = json.loads(invoke("show", night["id"], "--json").stdout)
        assert [stage["name"] for stage in shown["stages"]] == list(STAGES)
        assert "there is no night 'x'" in invoke("show", "x", code=2).stderr
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()


def invoke(*words, code=0):
    result = CliRunner().invoke(app, ["nightly", *words])
    assert result.exit_code == code, (result.output, result.exception)
    return result


POINTS = (
    "snapshot:keep", "snapshot:end", "sft:progress", "sft:keep", "dpo:progress", "evaluate:progress", "gate:keep",
    "release:begin",
)  # fmt: skip


@pytest.mark.chaos
@pytest.mark.timeout(900)
def test_a_night_killed_in_every_stage_makes_the_same_dataset_and_the_same_weights(settings, opener, tmp_path):
    for number, row in enumerate(world.customers(4)):
        world.put_label(opener, number, row)
    env = os.environ | {"OMP_NUM_THREADS": "1", "ENVIRONMENT": "testing"}

    def nights(night_id, *points):
        command = [sys.executable, "-m", "tests.support.night_driver", settings.database_url, str(tmp_path)]
        done = subprocess.run(
            [*command, str(champion()), night_id, *points], env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1]), done.stderr

    killed, said = nights("2026-11-24", *POINTS)
    assert killed == {"died": [signal.SIGKILL] * len(POINTS), "last": 0}, said
    whole, said = nights("2026-11-25")
    assert whole == {"died": [], "last": 0}, said
    with opener() as session:
        one, other = reads.night(session, "2026-11-24"), reads.night(session, "2026-11-25")
        attempts = {stage.name: stage.attempts for stage in reads.stages(session, one.id)}
    assert one.dataset_digest == other.dataset_digest
    assert one.candidate == other.candidate, "the same seed, the same weights"
    assert one.status is other.status
    assert attempts == {"snapshot": 3, "sft": 3, "dpo": 2, "rlvr": 1, "evaluate": 2, "gate": 2, "release": 2}
