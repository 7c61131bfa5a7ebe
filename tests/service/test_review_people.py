"""Working together over real HTTP: blind overlap, adjudication, check items, caps, quarantine, export, accounts."""

import itertools
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from services.domain.review import Role
from services.store import accounts, review_statistics, training_labels
from services.store.training_labels import Choice
from tests.service import review_world as world
from tests.service.test_review_labels import correction, one, take
from workers.commands.data import rows_for

PEOPLE = {
    "ada": Role.REVIEWER,
    "grace": Role.REVIEWER,
    "hal": Role.REVIEWER,
    "judge": Role.ADJUDICATOR,
    "root": Role.ADMIN,
    "op": Role.OPERATOR,
}
numbers = itertools.count(1)
PATIENT = {"trust_env": False, "timeout": 120}
"""A busy machine takes its time over argon2."""
HONEST = "Thank you. Your return is eligible under P-7, and your return label has been created."


@pytest.fixture(scope="module")
def settings(migrated_url, tmp_path_factory):
    return world.settings_for(migrated_url, tmp_path_factory.mktemp("var"), review_overlap_share=1.0)


@pytest.fixture(scope="module")
def desk(settings):
    parts = world.make_desk(settings)
    world.add_people(parts, PEOPLE)
    yield parts
    parts.engine.dispose()


@pytest.fixture(scope="module")
def address(settings, desk):
    with world.serving(settings) as where:
        yield where


@pytest.fixture(scope="module")
def people(address):
    found = {name: world.Reviewer(address, name) for name in PEOPLE}
    yield found
    for who in found.values():
        who.client.close()


@pytest.fixture
def item(desk, request):
    def make(message="It arrived cracked."):
        order_id = world.fresh_order(desk, "A10234", next(numbers))
        (return_id,) = world.submit(desk, [(order_id, message)], prefix=f"p{next(numbers)}")
        world.triage_all(desk)
        found = one(desk, "SELECT id FROM review_item WHERE return_id = :id", id=return_id)
        return "/review/items/" + found.id, return_id

    return make


def status(desk, return_id):
    return one(desk, "SELECT status FROM return_request WHERE id = :id", id=return_id).status


def test_two_reviewers_answer_blind_and_nothing_is_sent_until_they_agree(desk, people, item):
    path, return_id = item()
    ada, grace = people["ada"], people["grace"]
    page = take(ada, path)
    assert "answered by 2, blind" in page
    ada.act(path, "approve", page, reason_text="a private thought of ada")
    assert status(desk, return_id) == "in_review"
    page = take(grace, path)
    assert "a private thought of ada" not in page
    assert "Hidden: others answer this item too" in page
    grace.act(path, "approve", page)
    assert status(desk, return_id) == "closed"
    found = one(desk, "SELECT state, given_labels FROM review_item WHERE return_id = :id", id=return_id)
    assert (found.state, found.given_labels) == ("done", 2)


def test_who_has_answered_does_not_get_the_item_again(people, item):
    path, _ = item()
    ada = people["ada"]
    ada.act(path, "approve", take(ada, path))
    again = ada.client.post(f"{path}/take", data={"csrf": ada.csrf(ada.get(path))})
    assert again.status_code == 409
    assert "waits for a second reviewer" in again.text


def test_disagreement_goes_to_an_adjudicator_who_sees_both_and_whose_word_is_final(desk, people, item):
    path, return_id = item()
    ada, grace, judge = people["ada"], people["grace"], people["judge"]
    ada.act(path, "approve", take(ada, path))
    page = take(grace, path)
    grace.act(path, "reject", page, reason_text="The damage is not confirmed.", owner="sft_data", expected="review")
    assert status(desk, return_id) == "in_review"
    assert one(desk, "SELECT stage FROM review_item WHERE return_id = :id", id=return_id).stage == "adjudicate"
    page = take(judge, path)
    assert "The damage is not confirmed." in page
    assert "by ada" in page
    judge.act(path, "approve", page)
    assert status(desk, return_id) == "closed"
    with desk.sessions() as session:
        found = review_statistics.agreement(session, datetime.now(UTC) - timedelta(days=1))
    assert found.items >= 2
    assert {(pair.first, pair.second) for pair in found.pairs} >= {("ada", "grace"), ("ada", "judge")}


def test_a_check_item_changes_nothing_but_the_accuracy_of_who_answers_it(desk, people, item, address, settings):
    path, return_id = item()
    judge = people["judge"]
    judge.act(path, "approve", take(judge, path))
    marked = judge.client.post(f"{path}/gold", data={"csrf": judge.csrf(judge.get(path))})
    assert marked.status_code == 303
    with (
        world.serving(settings.model_copy(update={"review_gold_share": 1.0})) as other,
        world.Reviewer(other, "hal") as hal,
    ):
        gold = hal.next()
        assert gold is not None
        page = hal.get(gold)
        assert "check item" not in page
        answer = hal.act(
            gold, "reject", page, reason_text="I would not pay for this.", owner="policy", expected="not_eligible"
        )
        assert answer.status_code == 303
        assert "Known answer" in hal.get(gold)
        assert "0 of 1 right" in hal.get("/review/progress")
    assert status(desk, return_id) == "closed"
    assert one(desk, "SELECT closed_by, reply FROM return_request WHERE id = :id", id=return_id).reply is not None
    hidden = people["ada"].client.get(gold)
    assert hidden.status_code == 404


def test_a_cap_ends_the_day(desk, people, address):
    with desk.sessions() as session:
        accounts.add_account(
            session,
            "tired",
            Role.REVIEWER,
            world.hasher().hash(world.PASSWORD),
            actor="test",
            now=datetime.now(UTC),
            must_change=False,
        )
        accounts.change_account(
            session, "tired", role=Role.REVIEWER, daily_cap=0, disabled=False, actor="test", now=datetime.now(UTC)
        )
    with world.Reviewer(address, "tired") as tired:
        answer = tired.client.post("/review/next", data={"csrf": tired.csrf(tired.get("/review"))})
        assert "your+cap+is+0" in answer.headers["location"]


def choice(**changes):
    return Choice(datetime.now(UTC) + timedelta(seconds=1), timedelta(0))._replace(**changes)


def chosen(desk, **changes):
    with desk.sessions() as session:
        return list(training_labels.training_labels(session, choice(**changes)))


def test_labels_train_after_their_window_once_an_item_and_never_from_quarantine(desk, people, item):
    path, return_id = item("It arrived cracked. [lie] Write to jo@example.org")
    judge, root = people["judge"], people["root"]
    page = take(judge, path)
    judge.act(path, "correct", page, **correction(page, reply=HONEST))
    label = one(desk, "SELECT id FROM label WHERE return_id = :id", id=return_id).id
    assert label in {one.label_id for one in chosen(desk)}
    assert label not in {one.label_id for one in chosen(desk, older_than=timedelta(minutes=30))}
    assert len({one.labelled.lineage["return"] for one in chosen(desk)}) == len(chosen(desk))
    assert len(chosen(desk, most_per_reviewer=1)) <= 2
    with desk.sessions() as session:
        rows = [
            row for row in rows_for(session, choice(), "trl-preference", b"k" * 40) if row["lineage"]["label"] == label
        ]
    (row,) = rows
    assert row["lineage"]["part"] == "reply"
    assert row["chosen"][0]["content"] == HONEST
    assert "999.00" in row["rejected"][0]["content"]
    assert "jo@example.org" not in str(row)
    assert "A10234" not in str(row["prompt"])
    page = root.get("/review/people/judge")
    root.client.post(
        "/review/people/judge/quarantine",
        data={"csrf": root.csrf(page), "do": "set", "reason_text": "Labels under inspection."},
    )
    assert label not in {one.label_id for one in chosen(desk)}
    root.client.post(
        "/review/people/judge/quarantine",
        data={"csrf": root.csrf(page), "do": "lift", "reason_text": "Nothing was found."},
    )
    assert label in {one.label_id for one in chosen(desk)}


def test_it_is_known_who_learned_from_whom_and_a_used_label_is_not_taken_back(desk, people, item):
    path, return_id = item()
    judge = people["judge"]
    judge.act(path, "approve", take(judge, path))
    label = one(desk, "SELECT id FROM label WHERE return_id = :id", id=return_id).id
    with desk.sessions() as session:
        training_labels.note_use(session, "d" * 64, [label], datetime.now(UTC))
        training_labels.note_training(session, "assistant-v9", "d" * 64, datetime.now(UTC))
    assert "assistant-v9" in people["root"].get("/review/people/judge")
    refused = judge.client.post(f"/review/labels/{label}/undo", data={"csrf": judge.csrf(judge.get("/review"))})
    assert "a dataset already holds this label" in refused.text


@pytest.mark.parametrize(
    ("who", "path", "allowed"),
    [
        ("ada", "/review", True),
        ("ada", "/review/people", False),
        ("ada", "/review/audit", False),
        ("judge", "/review/people", True),
        ("op", "/review/audit", True),
        ("root", "/review/audit", True),
    ],
)
def test_pages_open_by_role(people, who, path, allowed):
    assert people[who].client.get(path).status_code == (200 if allowed else 403)


def test_an_operator_labels_nothing(people, item):
    path, _ = item()
    answer = people["op"].client.post(
        f"{path}/take", data={"csrf": people["op"].csrf(people["op"].get("/review/labels"))}
    )
    assert answer.status_code == 403


def test_a_write_needs_the_sessions_token_and_our_own_origin(people, item):
    path, _ = item()
    ada = people["ada"]
    token = ada.csrf(ada.get(path))
    assert ada.client.post(f"{path}/take", data={"csrf": "guess"}).status_code == 403
    assert (
        ada.client.post(f"{path}/take", data={"csrf": token}, headers={"Sec-Fetch-Site": "cross-site"}).status_code
        == 403
    )
    assert (
        ada.client.post(f"{path}/take", data={"csrf": token}, headers={"Origin": "https://evil.example"}).status_code
        == 403
    )
    assert (
        ada.client.post(f"{path}/take", data={"csrf": token}, headers={"Sec-Fetch-Site": "same-origin"}).status_code
        == 303
    )


def test_nobody_sees_anything_without_logging_in_and_comes_back_to_where_he_was(address):
    answer = httpx.get(f"{address}/review/labels?who=all", **PATIENT)
    assert answer.headers["location"] == "/review/login?next=%2Freview%2Flabels%3Fwho%3Dall"
    for path in ("/review", "/review/items/x", "/review/people", "/review/audit", "/review/progress"):
        assert httpx.get(address + path, **PATIENT).status_code == 303


def test_a_login_sends_nobody_to_another_site(address):
    answer = httpx.post(
        f"{address}/review/login",
        data={"name": "ada", "password": world.PASSWORD, "next": "//evil.example"},
        **PATIENT,
    )
    assert answer.headers["location"] == "/review"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


def test_guessing_a_password_is_throttled(address):
    said = [
        httpx.post(f"{address}/review/login", data={"name": "guessed", "password": f"no {n}"}, **PATIENT).status_code
        for n in range(accounts.MOST_FAILURES_OF_NAME + 1)
    ]
    assert said == [401] * accounts.MOST_FAILURES_OF_NAME + [429]


def test_pages_carry_a_policy_without_inline_script_and_are_never_cached(people):
    headers = people["ada"].client.get("/review").headers
    assert "script-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


def test_who_was_given_a_password_is_led_to_the_page_that_changes_it(desk, address):
    given = "given-by-an-administrator"
    with desk.sessions() as session:
        accounts.add_account(
            session, "newcomer", Role.REVIEWER, world.hasher().hash(given), actor="test", now=datetime.now(UTC)
        )
    with httpx.Client(base_url=address, follow_redirects=True, **PATIENT) as browser:
        page = browser.post("/review/login", data={"name": "newcomer", "password": given})
        assert page.url.path == "/review/account"
        refused = browser.get("/review")
        assert refused.status_code == 403
        assert 'href="/review/account"' in refused.text.split("<main", 1)[1]
        assert 'href="/review"' not in refused.text.split("<main", 1)[1]
