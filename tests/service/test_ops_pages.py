"""The operators' pages over real HTTP and PostgreSQL: figures that add up, nights, gate reports, who may see them."""

import json
import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import text

from services.domain.canonical import digest_of
from services.domain.review import Role
from services.store import desk_history
from tests.service import review_world as world
from tests.support.ops_nights import make_nights, sealed
from tests.support.ops_world import make_past
from workers.failure_desk import FailureDesk

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def settings(migrated_url, tmp_path_factory):
    return world.settings_for(migrated_url, tmp_path_factory.mktemp("var"))


@pytest.fixture(scope="module")
def desk(settings):
    parts = world.make_desk(settings)
    world.add_people(parts, {"ada": Role.REVIEWER, "grace": Role.REVIEWER, "op": Role.OPERATOR})
    make_past(parts, NOW, days=3, per_day=20)
    yield parts
    parts.engine.dispose()


@pytest.fixture(scope="module")
def made(desk):
    return make_nights(desk, NOW)


@pytest.fixture(scope="module")
def address(settings, desk):
    with world.serving(settings) as where:
        yield where


@pytest.fixture
def op(address, made):
    with world.Reviewer(address, "op") as person:
        yield person


PAGES = (
    "/ops",
    "/ops/nights",
    "/ops/nights/2026-11-24",
    "/ops/gates",
    "/ops/releases",
    "/ops/datasets",
    "/ops/failures",
    "/ops/alerts",
)


@pytest.mark.parametrize("path", PAGES)
def test_a_reviewer_may_not_open_it_and_a_stranger_is_asked_to_log_in(address, made, path):
    with httpx.Client(base_url=address, trust_env=False) as stranger:
        assert stranger.get(path).headers["location"].startswith("/review/login?next=%2Fops")
    with world.Reviewer(address, "ada") as reviewer:
        assert reviewer.client.get(path).status_code == 403


def test_charts_count_every_decision_once_and_show_depth_that_was_there(desk):
    with desk.sessions() as session:
        window = desk_history.SIX_HOURS
        routes = desk_history.routes(session, window, NOW)
        total = sum(value for one in routes.series for value in one.values)
        first = desk_history.beginnings(window, NOW)[0]
        counted = session.execute(
            text("SELECT count(*) FROM trace WHERE purpose = 'live' AND created_at >= :first"), {"first": first}
        ).scalar_one()
        backlog = desk_history.review_backlog(session, window, NOW + timedelta(seconds=1))
        open_now = session.execute(
            text("SELECT count(*) FROM review_item WHERE purpose = 'live' AND state <> 'done'")
        ).scalar_one()
    assert total == counted > 40
    assert backlog.series[0].values[-1] >= open_now > 0


def test_depth_shows_a_peak_between_two_ends_of_intervals(desk):
    with desk.sessions() as session:
        for number in range(5):
            session.execute(
                text(
                    "INSERT INTO job (id, kind, subject_id, state, attempt, crashes, due_at, created_at, finished_at)"
                    " VALUES (:id, 'sample', :id, 'done', 1, 0, :at, :at, cast(:at AS timestamptz) + interval '9 s')"
                ),
                {"id": f"peak-{number}", "at": NOW - timedelta(days=2, seconds=30 - number)},
            )
        found = desk_history.queue_depth(session, desk_history.SIX_HOURS, NOW)
    values = next(one.values for one in found.series if one.name == "sample")
    assert max(values) == 5
    assert values[-1] == 0


def test_what_stands_in_a_chart_stands_in_its_table(op):
    page = op.get("/ops?window=week")
    assert page.count('<figure class="chart"') == 8
    assert page.count('<td data-v="') > 100
    assert "closed by itself" in page
    assert 'aria-current="true">7 days' in page
    assert op.client.get("/ops?window=%3Cscript%3E").status_code == 200


def test_no_page_holds_a_script_or_a_style_of_its_own(op):
    for path in PAGES:
        answer = op.client.get(path)
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert "<script>" not in answer.text
        assert " style=" not in answer.text
        assert " onclick" not in answer.text


def test_the_vendored_chart_library_is_the_file_that_was_chosen(address):
    import hashlib  # noqa: PLC0415

    digests = {
        "uplot.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
        "uplot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
    }
    for name, digest in digests.items():
        served = httpx.get(f"{address}/review/static/{name}", trust_env=False).content
        assert hashlib.sha256(served).hexdigest() == digest


def test_a_night_under_way_shows_stage_progress_curves_and_what_is_left(op):
    page = op.get("/ops/nights/2026-11-24")
    assert "48 of 120" in page
    assert "DPO: loss" in page
    assert "SFT: loss" in page
    assert "DPO: prefers the chosen" in page
    # 8 of 20 parts of DPO took 328 s, so 492 s are left of it; evaluate, gate and release took 657 s the night before.
    assert "About <strong>19 min</strong> to go" in page
    assert 'hx-trigger="every 4s"' in page
    assert "dpo began" in page


def test_a_night_that_ended_is_still_and_says_how(op, made):
    page = op.get("/ops/nights/2026-11-23")
    assert "hx-trigger" not in page
    assert "3 of 64 replies claim a refund that nobody made" in page
    assert f"/ops/gates/{made['blocked']}" in page
    assert op.client.get("/ops/nights/1999-01-01").status_code == 404
    listed = op.get("/ops/nights")
    assert "12 new labels; 20 are needed" in listed


def test_gate_reports_stand_side_by_side_with_why_one_failed(op, made):
    page = op.get("/ops/gates")
    assert page.count("at most 0 cases") == 4
    assert "<p>3 of 64 claim a refund that nobody made</p>" in page
    one = op.get(f"/ops/gates?show={made['shipped']}")
    assert "3 of 64" not in one.split("All reports")[0]
    assert op.client.get("/ops/gates/nothing").status_code == 404


def test_a_gate_report_as_json_is_what_its_id_digests(op, made):
    document = op.client.get(f"/ops/gates/{made['blocked']}.json").json()
    assert digest_of(document) == made["blocked"]
    assert document["verdict"] == "block"
    whole = op.get(f"/ops/gates/{made['blocked']}")
    assert json.dumps(document["seed"]) in whole
    assert "claim what was not done" in whole


def test_a_label_is_followed_to_the_release_and_the_release_back_to_its_labels(op, desk, made, address):
    listed = op.get("/ops/datasets")
    assert f"/ops/datasets/{made['dataset']}" in listed
    dataset = op.get(f"/ops/datasets/{made['dataset']}")
    label = dataset.split("/ops/datasets/label/")[1].split('"')[0]
    followed = op.get(f"/ops/datasets/label/{label}")
    assert f"/ops/datasets/checkpoint/{made['one']}" in followed
    checkpoint = op.get(f"/ops/datasets/checkpoint/{made['one']}")
    for step in (f"/ops/datasets/{made['dataset']}", "/ops/nights/2026-11-22", f"/ops/gates/{made['shipped']}"):
        assert step in checkpoint
    item = followed.split("/review/items/")[1].split('"')[0]
    assert f"/ops/datasets/label/{label}" in op.get(f"/review/items/{item}"), "and from the item to its label's lineage"
    with world.Reviewer(address, "ada") as reviewer:
        assert "/ops/datasets/label/" not in reviewer.get(f"/review/items/{item}"), "who may not go there is not sent"
    assert op.client.get("/ops/datasets/label/none").status_code == 404
    assert op.client.get("/ops/datasets/checkpoint/none").status_code == 404
    assert op.client.get("/ops/datasets/none").status_code == 404


def test_an_open_item_says_when_it_is_due_and_who_decided_with_a_space_between(op):
    item = op.get("/review").split('<td class="order"><a href="/review/items/')[1].split("?")[0]
    said = " ".join(re.sub(r"<[^>]+>", "", op.get(f"/review/items/{item}")).split())
    assert re.search(r"due (in \d+ \w+|\d+ \w+ ago) · scripted", said), said[:600]


def post(person, path, **values):
    page = person.get("/ops/releases")
    return person.client.post(path, data={"csrf": person.csrf(page), **values})


def test_an_operator_promotes_with_a_reason_and_rolls_back_and_both_stand_in_the_history(op, desk, made):
    page = op.get("/ops/releases")
    assert "returns-assistant-v3" in page
    assert "There is no earlier champion" in page
    unsure = post(op, "/ops/releases/promote", checkpoint=made["one"], why="a <b>reason</b>")
    assert unsure.status_code == 409
    assert "tick the box to confirm" in unsure.text
    assert 'value="a &lt;b&gt;reason&lt;/b&gt;"' in unsure.text, "what was typed must be kept"
    said = {"checkpoint": made["one"], "why": "the gate shipped it", "confirm": "yes"}
    assert post(op, "/ops/releases/promote", **said).status_code == 303
    page = op.get("/ops/releases")
    assert f"night-one@{made['one'][:12]}" in page
    assert "the gate shipped it" in page
    sealed(desk.settings.checkpoints_dir, "three")
    said = {"checkpoint": "night-three", "why": "made by hand", "confirm": "yes"}
    assert post(op, "/ops/releases/promote", **said).status_code == 303
    assert f"To <strong>night-one@{made['one'][:12]}</strong>" in op.get("/ops/releases")
    assert post(op, "/ops/releases/rollback", why="customers complain", confirm="yes").status_code == 303
    page = op.get("/ops/releases")
    assert "Rolled back by <strong>op</strong>" in page
    assert "customers complain" in page
    with desk.sessions() as session:
        who = session.execute(text("SELECT actor FROM audit_log WHERE action LIKE 'release.%'")).scalars().all()
    assert who == ["op"] * 3


def test_what_the_gate_blocked_is_not_promoted_by_an_operator(op, made):
    refused = post(op, "/ops/releases/promote", checkpoint=made["two"], why="I like it", confirm="yes")
    assert refused.status_code == 409
    assert "the gate blocked night-two" in refused.text
    forced = post(op, "/ops/releases/promote", checkpoint=made["two"], why="I", confirm="yes", override="yes")
    assert forced.status_code == 422
    assert "only an administrator" in forced.text
    assert post(op, "/ops/releases/elsewhere", why="I", confirm="yes").status_code == 422


def test_a_candidate_is_tried_in_the_shadow_and_withdrawn(op, made):
    wrong = post(op, "/ops/releases/try", checkpoint=made["two"], why="try", confirm="yes", share="many", mode="shadow")
    assert "is no number of percent" in wrong.text
    tried = {"checkpoint": made["two"], "why": "look at it", "confirm": "yes", "share": "25", "mode": "shadow"}
    assert post(op, "/ops/releases/try", **tried).status_code == 303
    assert "Decides 25 % of live returns in the shadow" in op.get("/ops/releases")
    assert post(op, "/ops/releases/withdraw", why="seen enough", confirm="yes").status_code == 303
    assert "None. One can decide beside the champion" in op.get("/ops/releases")


def test_a_reviewer_moves_nothing(address, made):
    with world.Reviewer(address, "ada") as reviewer:
        csrf = reviewer.csrf(reviewer.get("/review"))
        for path in ("/ops/releases/rollback", "/ops/failures/x/regress", "/ops/failures/x/dismiss"):
            answer = reviewer.client.post(path, data={"csrf": csrf, "why": "mine", "confirm": "yes"})
            assert answer.status_code == 403


def test_failures_stand_by_owner_and_one_click_makes_a_case_for_the_gate(op, desk, settings, made):
    FailureDesk(settings, desk.sessions, desk.clock).route()
    page = op.get("/ops/failures")
    assert "preference data and safety evaluation" in page
    assert "claims supported" in page
    with desk.sessions() as session:
        found = session.execute(text("SELECT id, effort FROM failure WHERE status = 'open' ORDER BY effort, id")).all()
    known = next(one.id for one in found)
    csrf = op.csrf(page)
    answer = op.client.post(f"/ops/failures/{known}/regress", data={"csrf": csrf})
    assert answer.status_code in {303, 409}
    if answer.status_code == 303:
        assert f"regression case by op: regression case reg-{known.removeprefix('fail_')}" in op.get(
            "/ops/failures?status=regression"
        )
    again = op.client.post(f"/ops/failures/{known}/regress", data={"csrf": csrf})
    assert again.status_code == 409
    other = found[-1].id
    assert op.client.post(f"/ops/failures/{other}/dismiss", data={"csrf": csrf, "why": " "}).status_code == 409
    gone = op.client.post(f"/ops/failures/{other}/dismiss", data={"csrf": csrf, "why": "it was right"})
    assert gone.status_code == 303
    assert "it was right" in op.get("/ops/failures?status=dismissed")
