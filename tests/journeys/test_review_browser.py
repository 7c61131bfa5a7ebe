"""Reviewers at real Chromium: keyboard alone, undo, conflicts, corrections, A/B, blind overlap, no scripts, no XSS."""

from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys
from sqlalchemy import text

from services.domain.jobs import JobKind
from services.domain.reading import LexicalClaimReader
from services.flows.second_answer import SecondAnswers
from services.store.samples import SampleRecords
from tests.journeys.review_steps import held, rows
from tests.service import review_world as world
from tests.support.browser import Person, chromium, serious_violations

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

AXE = Path(__file__).parent / "data" / "axe.min.js"


def test_twenty_items_by_keyboard_alone_and_one_taken_back(desk, ada, items):
    items(*["It arrived cracked."] * 20)
    before = len(rows(desk, "SELECT 1 FROM label"))
    ada.open("/review")
    ada.leaves(lambda: ada.keys("n"))
    for number in range(20):
        assert held(ada)
        if number % 5 == 4:
            ada.keys("r")
            ada.keys("The tone is colder than it need be.")
            ada.leaves(lambda: ada.with_control(Keys.ENTER))
        else:
            ada.leaves(lambda: ada.keys("a"))
    assert ada.shows("Nothing is left to take here")
    given = rows(desk, "SELECT kind FROM label ORDER BY id")[before:]
    assert [row.kind for row in given] == (["approve"] * 4 + ["reject"]) * 4
    ada.leaves(lambda: ada.keys("u"))
    assert ada.shows("Take this item")
    ada.leaves(lambda: ada.keys("t"))
    ada.leaves(lambda: ada.keys("a"))
    assert len(rows(desk, "SELECT 1 FROM label WHERE kind = 'undo'")) >= 1
    assert rows(desk, "SELECT count(*) AS n FROM return_request WHERE status = 'in_review'")[0].n == 0
    assert ada.complaints() == []


def test_rows_are_walked_with_j_and_k_and_the_sheet_opens_with_a_question_mark(ada, items):
    items("It arrived cracked.", "The lamp is broken.", "Cracked glass.")
    ada.open("/review")
    ada.keys("j")
    ada.keys("j")
    assert ada.until(lambda: ada.attributes("tr[data-row]", "class") == ["", "selected", ""])
    ada.keys("k")
    assert ada.until(lambda: ada.attributes("tr[data-row]", "class")[0] == "selected")
    ada.keys("?")
    assert ada.at("#keys").is_shown()
    ada.keys(Keys.ESCAPE)
    assert ada.at("#keys").is_shown(shown=False)
    ada.leaves(lambda: ada.keys(Keys.ENTER))
    assert ada.path.startswith("/review/items/")


def test_a_correction_is_checked_live_blocked_while_it_lies_and_sent_when_it_is_true(desk, ada, items):
    (path,) = items("It arrived cracked. [lie]")
    ada.open(path)
    ada.leaves(lambda: ada.keys("t"))
    assert ada.at("mark.unsupported").exists()
    ada.keys("a")
    assert ada.shows("Blocked", "#told")
    ada.keys("c")
    reply = ada.at("#correct [name=reply]")
    assert reply.has_focus()
    assert ada.at("#check .verdict.block").exists()
    reply.write("Your return is eligible. A replacement was sent to you this morning.")
    assert ada.shows("replacement", "#check")
    assert ada.at("#check mark.unsupported").exists()
    assert ada.at("#check mark.removed").exists()
    assert reply.has_focus()
    ada.leaves(lambda: ada.with_control(Keys.ENTER))
    assert ada.shows("a block is not overridden")
    assert "this morning" in (reply.attribute("value") or ""), "what was typed must be kept"
    reply.write("Your return is eligible, and your return label has been created.")
    assert ada.at("#check .verdict.pass").exists()
    ada.leaves(lambda: ada.with_control(Keys.ENTER))
    found = rows(
        desk,
        "SELECT r.status, r.reply FROM return_request r JOIN review_item i ON i.return_id = r.id WHERE i.id = :id",
        id=path.rsplit("/", 1)[1],
    )
    assert found[0].status == "closed"
    assert "label has been created" in found[0].reply


def test_two_browsers_at_one_item_meet_a_visible_conflict_and_nothing_is_lost(desk, ada, grace, items):
    (path,) = items("It arrived cracked.")
    item_id = path.rsplit("/", 1)[1]
    ada.open(path)
    ada.leaves(lambda: ada.keys("t"))
    grace.open(path)
    assert grace.shows("held by ada")
    grace.leaves(lambda: grace.keys("t"))
    assert grace.shows("ada holds this item")
    with desk.sessions() as session:
        session.execute(
            text("UPDATE review_item SET lease_until = now() - interval '1 s' WHERE id = :id"), {"id": item_id}
        )
    grace.open(path)
    grace.leaves(lambda: grace.keys("t"))
    assert held(grace)
    ada.keys("r")
    ada.keys("A reason that took me a while to write.")
    ada.leaves(lambda: ada.with_control(Keys.ENTER))
    assert ada.shows("grace took this item over")
    assert ada.shows("A reason that took me a while to write.")
    grace.leaves(lambda: grace.keys("a"))
    labels = rows(desk, "SELECT reviewer FROM label WHERE review_item_id = :id", id=item_id)
    assert [row.reviewer for row in labels] == ["grace"]


def test_the_better_of_two_answers_is_chosen_with_one_key_and_makes_a_pair(desk, ada, items):
    (path,) = items("It arrived cracked.")
    ada.open(path)
    ada.leaves(lambda: ada.keys("t"))
    ada.leaves(lambda: ada.keys("m"))
    assert ada.shows("A second answer is being drawn")
    answers = SecondAnswers(
        SampleRecords(desk.sessions, desk.clock), lambda _: world.KinderDecider(), LexicalClaimReader(), desk.clock
    )
    answers.run(desk.jobs.claim(JobKind.SAMPLE, "test-worker"))
    ada.open(path)
    pair = ada.texts(".pair article")
    assert len(pair) == 2
    better = next(n for n, one in enumerate(pair, start=1) if "Sorry for the trouble" in one)
    ada.leaves(lambda: ada.keys(str(better)))
    (label,) = rows(desk, "SELECT kind, document FROM label WHERE review_item_id = :id", id=path.rsplit("/", 1)[1])
    assert label.kind == "prefer"
    assert "Sorry for the trouble" in label.document["answer"]["reply"]
    assert "Thank you for your message" in label.document["rejected"]["reply"]


def test_what_a_customer_wrote_is_text_and_never_markup(ada, items):
    evil = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script> [xss] cracked"
    (path,) = items(evil)
    for where in ("/review", path, f"{path}/trace", f"{path}/row"):
        ada.open(where)
        assert "owned" not in ada.driver.title
        assert ada.count("main img") == 0
        assert ada.count("main script") == 0
    ada.open(path)
    assert ada.shows("<script>document.title='owned'</script>", ".message")
    assert ada.shows("<img src=x onerror=alert(1)>", ".reply")


def test_every_page_passes_axe_without_a_serious_violation(ada, items):
    path, _ = items("It arrived cracked. [lie]", "It arrived cracked.")
    found = []
    for where in ("/review", path, "/review/progress", "/review/labels", "/review/account"):
        ada.open(where)
        if where == path:
            ada.leaves(lambda: ada.keys("t"))
            ada.keys("c")
            assert ada.at("#check .verdict").exists()
        found += [(where, *one) for one in serious_violations(ada, AXE.read_text(encoding="utf-8"))]
    assert found == []


def test_the_whole_path_works_without_javascript(desk, address, items):
    (path,) = items("It arrived cracked. [lie]")
    with chromium(javascript=False) as driver:
        ada = Person(driver, address, "ada", world.PASSWORD)
        ada.open("/review")
        ada.leaves(ada.button("Take next").click)
        assert ada.path == path
        ada.at("#correct [name=reply]").write("Your return is eligible, and your return label has been created.")
        ada.leaves(ada.button("Send this version").click)
        assert ada.shows("Corrected", ".done-bar")
        ada.leaves(ada.button("Undo").click)
        assert ada.shows("Take this item")
    kinds = rows(desk, "SELECT kind FROM label WHERE review_item_id = :id ORDER BY id", id=path.rsplit("/", 1)[1])
    assert [row.kind for row in kinds] == ["correct", "undo"]
