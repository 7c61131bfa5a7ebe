"""Operators at real Chromium: charts drawn under a strict policy, a night that moves, alerts, no scripts, axe."""

import pytest
from sqlalchemy import text

from services.domain.review import Role
from services.store.alerts import evaluate, limits_of
from tests.service import review_world as world
from tests.support.browser import Person, chromium, need_chromium, serious_violations
from tests.support.ops_nights import make_nights
from tests.support.ops_world import make_past

from .test_review_browser import AXE

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
PAGES = (
    "/ops",
    "/ops/alerts",
    "/ops/nights",
    "/ops/nights/2026-11-24",
    "/ops/gates",
    "/ops/releases",
    "/ops/datasets",
    "/ops/failures",
)


@pytest.fixture(scope="module")
def settings(migrated_url, tmp_path_factory):
    need_chromium()
    return world.settings_for(migrated_url, tmp_path_factory.mktemp("var"))


@pytest.fixture(scope="module")
def desk(settings):
    parts = world.make_desk(settings)
    world.add_people(parts, {"ada": Role.REVIEWER, "grace": Role.REVIEWER, "op": Role.OPERATOR})
    now = parts.clock.now()
    make_past(parts, now, days=3, per_day=20)
    make_nights(parts, now)
    with parts.sessions() as session:
        evaluate(session, limits_of(settings), [], now)
    yield parts
    parts.engine.dispose()


@pytest.fixture(scope="module")
def address(settings, desk):
    with world.serving(settings) as where:
        yield where


@pytest.fixture(scope="module")
def browser():
    with chromium() as driver:
        yield driver


@pytest.fixture
def op(browser, address):
    return Person(browser, address, "op", world.PASSWORD)


INK = """
const canvas = document.querySelector('#chart-routes canvas'), seen = new Set();
const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
for (let i = 0; i < pixels.length; i += 4) if (pixels[i + 3] === 255) seen.add(pixels.slice(i, i + 3).join());
return [...seen];
"""


def drawn(op) -> bool:
    return op.count("figure.chart .plot canvas") == op.count("figure.chart .plot") > 0


def test_every_chart_is_drawn_from_its_table_and_nothing_is_stopped_or_fails(op):
    op.open("/ops")
    op.until(lambda: drawn(op), "the charts were not drawn")
    for figure, rows in zip(
        op.attributes("figure.chart[data-drawn]", "data-drawn"),
        op.driver.execute_script(
            "return [...document.querySelectorAll('figure.chart[data-drawn]')]"
            ".map(figure => figure.querySelectorAll('tbody tr').length)"
        ),
        strict=True,
    ):
        assert int(figure) == rows
    assert op.complaints() == []


def test_a_chart_holds_ink_in_the_colours_of_the_theme(address, desk):
    found = {}
    for dark in (False, True):
        with chromium(dark=dark) as driver:
            op = Person(driver, address, "op", world.PASSWORD)
            op.open("/ops")
            op.until(lambda op=op: drawn(op))
            found[dark] = set(op.driver.execute_script(INK))
    assert "31,111,139" in found[False], "the first series of the light theme"
    assert "98,182,212" in found[True], "the first series of the dark theme"
    assert "98,182,212" not in found[False]


def test_a_night_under_way_moves_by_itself(op, desk):
    op.open("/ops/nights/2026-11-24")
    op.until(lambda: drawn(op))
    assert op.shows("48 of 120")
    with desk.sessions() as session:
        session.execute(
            text("UPDATE night_stage SET done = 96 WHERE night_id = '2026-11-24' AND name = 'dpo'"),
        )
    assert op.shows("96 of 120"), "the page did not follow"
    op.until(lambda: drawn(op), "the charts of the new page were not drawn")
    assert op.complaints() == []


def test_an_alert_is_acknowledged_with_a_note(op):
    op.open("/ops/alerts")
    before = op.count(".alerts .ringing")
    assert before >= 1
    op.at(".alerts .ringing input[name=note]").write("I look at the report")
    op.leaves(lambda: op.at(".alerts .ringing button").click())
    assert op.shows("I look at the report", ".alerts")
    assert op.count(".alerts .ringing") == before - 1


def test_a_promotion_asks_for_a_reason_and_a_confirmation_before_it_is_sent(op):
    op.open("/ops/releases")
    op.button("Promote").click()
    assert op.path == "/ops/releases"
    assert op.count("form[action='/ops/releases/promote'] :invalid") >= 1
    op.at("form[action='/ops/releases/promote'] [name=why]").write("the gate shipped it")
    op.at("form[action='/ops/releases/promote'] [name=confirm]").click()
    op.leaves(lambda: op.button("Promote").click())
    assert op.shows("Promoted by op")
    assert "SHIP" not in op.at("form[action='/ops/releases/promote'] select").text, "the champion is not offered again"


def test_every_page_passes_axe_without_a_serious_violation(op):
    found = []
    for path in PAGES:
        op.open(path)
        found += [(path, *one) for one in serious_violations(op, AXE.read_text(encoding="utf-8"))]
    assert found == []


def test_without_javascript_the_tables_say_it_all_and_forms_work(address):
    with chromium(javascript=False) as driver:
        op = Person(driver, address, "op", world.PASSWORD)
        op.open("/ops")
        assert op.count("canvas") == 0
        assert op.count("figure.chart .numbers tbody tr") > 50
        assert op.at("#chart-routes .numbers").is_shown()
        op.open("/ops/nights/2026-11-24")
        assert op.shows("Load again")
        op.leaves(lambda: op.at("a.no-js").click())
        assert op.shows("DPO: loss")
        op.open("/ops/gates")
        op.leaves(lambda: op.button("Compare").click())
        assert "show=" in driver.current_url


def test_a_phone_shows_every_page_without_sideways_scrolling(address):
    with chromium(width=500) as driver:
        op = Person(driver, address, "op", world.PASSWORD)
        for path in PAGES:
            op.open(path)
            wide = driver.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
            assert wide <= 0, path
