"""Reviewers at real Chromium, together and all day: blind overlap, adjudication, check items, doubt, tools, links."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from selenium.webdriver.common.keys import Keys
from sqlalchemy import text

from services.domain.jobs import JobKind
from services.domain.reading import LexicalClaimReader
from services.flows.second_answer import SecondAnswers
from services.store.samples import SampleRecords
from tests.journeys.review_steps import held, rows
from tests.service import review_world as world
from tests.support.browser import Person, all_gone, chromium, serious_violations

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

AXE = Path(__file__).parent / "data" / "axe.min.js"


def as_person(person, address, name):
    """Log the same browser in as somebody else, at a server of other settings perhaps."""
    return Person(person.driver, address, name, world.PASSWORD)


def state(desk, path):
    (found,) = rows(desk, "SELECT state, stage FROM review_item WHERE id = :id", id=path.rsplit("/", 1)[1])
    return found


def test_two_answer_blind_and_an_adjudicator_settles_what_they_differ_in(settings, desk, ada, grace, items):
    (path,) = items("It arrived cracked.")
    with world.serving(settings.model_copy(update={"review_overlap_share": 1.0})) as address:
        ada, grace = as_person(ada, address, "ada"), as_person(grace, address, "grace")
        ada.open(path)
        ada.leaves(lambda: ada.keys("t"))
        assert ada.shows("answered by 2, blind")
        assert ada.shows("a second reviewer answers too")
        ada.leaves(lambda: ada.keys("a"))
        assert state(desk, path).state == "open"
        grace.open(path)
        grace.leaves(lambda: grace.keys("t"))
        assert grace.shows("Hidden: others answer this item too")
        assert "Approved" not in grace.text
        grace.keys("r")
        grace.keys("The photo shows no crack at all.")
        grace.leaves(lambda: grace.with_control(Keys.ENTER))
        assert state(desk, path).stage == "adjudicate"
        judge = as_person(grace, address, "judge")
        judge.open(path)
        judge.leaves(lambda: judge.keys("t"))
        assert judge.shows("The photo shows no crack at all.")
        assert judge.shows("by ada")
        judge.leaves(lambda: judge.keys("a"))
    assert state(desk, path).state == "done"


def test_a_check_item_looks_like_any_and_tells_its_answer_afterwards(settings, ada, grace, address, items):
    (path,) = items("It arrived cracked.")
    judge = as_person(grace, address, "judge")
    judge.open(path)
    judge.leaves(lambda: judge.keys("t"))
    judge.leaves(lambda: judge.keys("a"))
    judge.open(path)
    judge.leaves(judge.button("Make it a check item").click)
    with world.serving(settings.model_copy(update={"review_gold_share": 1.0})) as other:
        ada = as_person(ada, other, "ada")
        ada.open("/review")
        ada.leaves(lambda: ada.keys("n"))
        assert held(ada)
        assert "check item" not in ada.text
        ada.leaves(lambda: ada.keys("a"))
        assert ada.shows("It was a check item with a known answer")


def test_doubt_is_overruled_by_keyboard_with_a_reason_and_not_without(desk, ada, items):
    (path,) = items("It arrived cracked. [doubt]")
    ada.open(path)
    ada.leaves(lambda: ada.keys("t"))
    ada.keys("a")
    assert ada.at("[data-reason]").has_focus()
    assert ada.shows("Write why first.", "#told")
    ada.keys("It names no effect; it is a manner of speech.")
    ada.leaves(lambda: ada.with_control(Keys.ENTER))
    (label,) = rows(desk, "SELECT kind, reason FROM label WHERE review_item_id = :id", id=path.rsplit("/", 1)[1])
    assert (label.kind, label.reason) == ("approve", "It names no effect; it is a manner of speech.")


def test_what_a_record_says_of_an_item_is_text_too(desk, ada, items):
    evil = "<img src=x onerror=\"document.title='owned'\">lamp"
    with desk.sessions() as session:
        session.execute(
            text(
                "UPDATE shop_order SET document = jsonb_set(document, '{lines,0,item}', to_jsonb(cast(:evil AS text)))"
                " WHERE order_id = 'A10318'"
            ),
            {"evil": evil},
        )
    (path,) = items("It arrived cracked.", like="A10318")
    for where in ("/review", path, f"{path}/trace", f"{path}/tools/create_return_label"):
        ada.open(where)
        assert "owned" not in ada.driver.title
        assert ada.count("main img") == 0
    ada.open(path)
    assert ada.shows(evil, ".facts")
    assert ada.complaints() == []


def test_a_second_answer_arrives_by_itself_and_the_rows_unfold_with_a_key(desk, ada, items):
    (path,) = items("It arrived cracked.")
    ada.open(path)
    ada.leaves(lambda: ada.keys("t"))
    ada.keys("w")
    assert ada.shows('"prompt"', "details.rows")
    ada.leaves(lambda: ada.keys("m"))
    answers = SecondAnswers(
        SampleRecords(desk.sessions, desk.clock), lambda _: world.KinderDecider(), LexicalClaimReader(), desk.clock
    )
    answers.run(desk.jobs.claim(JobKind.SAMPLE, "test-worker"))
    assert ada.shows("A second answer is here", "#sample")
    ada.leaves(lambda: ada.keys("m"))
    assert ada.shows("Answer A")
    assert ada.shows("Equally good")


def test_a_part_of_the_price_is_given_back_after_a_page_that_names_amount_and_order(desk, ada, items):
    (path,) = items("I changed my mind and would like to send it back.", like="A10260")
    ada.open(path)
    ada.leaves(lambda: ada.keys("t"))
    ada.open(f"{path}/tools/issue_refund")
    ada.leaves(lambda: ada.at("input[name=amount]:not([type=hidden])").write("10.00", Keys.ENTER))
    assert ada.shows("Refund EUR 10.00 for order A10260", "h1")
    ada.leaves(ada.button("Run: Refund EUR 10.00").click)
    assert ada.shows("EUR 10.00", ".tools")
    assert ada.shows("succeeded", ".tools")


def test_a_link_survives_the_login_and_a_view_is_saved_and_found(ada, address, items):
    path, _ = items("It arrived cracked.", "It arrived cracked. [lie]")
    ada.driver.delete_all_cookies()
    ada.open(f"{path}?within=reason%3Daudit")
    assert ada.path == "/review/login"
    ada.at("[name=name]").write("ada")
    ada.leaves(lambda: ada.at("[name=password]").write(world.PASSWORD, Keys.ENTER))
    assert ada.path == path
    assert "within=reason" in ada.driver.current_url
    ada.open("/review?reason=blocked")
    assert ada.until(lambda: ada.count("tr[data-row]") == 1)
    ada.leaves(lambda: ada.at(".save-view [name=name]").write("Lies", Keys.ENTER))
    ada.open("/review")
    assert ada.until(lambda: ada.count("tr[data-row]") == 2)
    ada.leaves(ada.at(".view a").click)
    assert ada.until(lambda: ada.count("tr[data-row]") == 1)


def test_states_that_are_empty_or_wrong_say_what_to_do(ada, items):
    items()
    ada.open("/review")
    assert ada.shows("The queue is empty")
    ada.open("/review?text=nothingofthekind")
    assert ada.shows("No item fits these filters.")
    ada.open("/review/items/rev-none")
    assert ada.shows("There is no such item.")
    assert ada.at("a.button").exists()


def test_times_are_the_readers_own(desk, address, items):
    (path,) = items("It arrived cracked.")
    with chromium(zone="Asia/Tokyo") as driver:
        ada = Person(driver, address, "ada", world.PASSWORD)
        ada.open(path)
        ada.leaves(lambda: ada.keys("t"))
        there = datetime.now(UTC).astimezone(ZoneInfo("Asia/Tokyo")) + timedelta(seconds=600)
        near = {(there - timedelta(minutes=n)).strftime("%I:%M") for n in range(3)}
        assert any(moment in ada.at("#hold").text for moment in near), ada.at("#hold").text
        assert ada.driver.get_cookie("returns-desk-offset")["value"] == "540"
        ada.open("/review/progress")
        assert ada.shows(there.strftime("%a %d %b"), ".bars")


@pytest.mark.parametrize(("width", "dark"), [(1360, True), (400, False), (400, True)])
def test_no_serious_violation_in_the_dark_or_on_a_narrow_screen(address, items, width, dark):
    path, _ = items("It arrived cracked. [lie]", "It arrived cracked.")
    with chromium(width, 900, dark=dark) as driver:
        root = Person(driver, address, "root", world.PASSWORD)
        wide = root.driver.execute_script("return matchMedia('(prefers-color-scheme: dark)').matches")
        assert wide is dark
        for where in ("/review", path, "/review/progress", "/review/people", "/review/audit"):
            root.open(where)
            if where == path:
                root.leaves(lambda: root.keys("t"))
                root.keys("c")
                assert root.at("#check .verdict").exists()
            assert serious_violations(root, AXE.read_text(encoding="utf-8")) == [], where
            sideways = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert root.driver.execute_script(sideways) <= 1, f"{where} scrolls sideways"


def test_escape_closes_what_is_open_and_the_guidelines_stay_folded(ada, items):
    first, second = items("It arrived cracked.", "It arrived cracked.")
    ada.open(first)
    ada.leaves(lambda: ada.keys("t"))
    ada.keys("c")
    assert ada.at("#correct").is_shown()
    ada.keys(Keys.ESCAPE, Keys.ESCAPE)
    assert ada.at("#correct").is_shown(shown=False)
    ada.at(".guide summary").click()
    ada.open(second)
    assert all_gone(ada, ".guide[open]")
