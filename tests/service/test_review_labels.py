"""Labels over real HTTP and PostgreSQL: what each verb does to item, return, events and training data."""

import html
import itertools
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlmodel import Session

from services.domain.review import Refused, Role
from services.store import review_labels
from services.store.audit import verify_chain
from tests.service import review_world as world

numbers = itertools.count(1)
LAMP = ("A10234", "It arrived cracked.")
PEOPLE = {"ada": Role.REVIEWER, "grace": Role.REVIEWER, "judge": Role.ADJUDICATOR, "root": Role.ADMIN}


@pytest.fixture(scope="module")
def settings(migrated_url, tmp_path_factory):
    return world.settings_for(migrated_url, tmp_path_factory.mktemp("var"))


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
def ada(address):
    with world.Reviewer(address, "ada") as who:
        yield who


@pytest.fixture(scope="module")
def judge(address):
    with world.Reviewer(address, "judge") as who:
        yield who


@pytest.fixture
def grace(address):
    with world.Reviewer(address, "grace") as who:
        yield who


@pytest.fixture
def item(desk, request):
    """Return a function that makes one return with the given message go to review, and its item's path and id."""

    def make(message=LAMP[1], order=LAMP[0]):
        order_id = world.fresh_order(desk, order, next(numbers))
        (return_id,) = world.submit(desk, [(order_id, message)], prefix=request.node.name[:60])
        world.triage_all(desk)
        found = one(desk, "SELECT id FROM review_item WHERE return_id = :id", id=return_id)
        return "/review/items/" + found.id, return_id

    return make


def one(desk, statement, **values):
    with desk.sessions() as session:
        return session.execute(text(statement), values).one()


def take(who, path):
    page = who.get(path)
    answer = who.client.post(f"{path}/take", data={"csrf": who.csrf(page)})
    assert answer.status_code == 303, answer.text
    return who.get(path)


def correction(page, **changes):
    """Return the correction form's fields as the page holds them."""
    form = page[page.index('id="correct"') :]
    fields = {
        name: re.search(rf'name="{name}".*?<option value="([^"]*)" selected', form, re.DOTALL).group(1)
        for name in ("outcome", "reason", "sentence")
    }
    fields["tools"] = re.findall(r'name="tools" value="(\w+)" checked', form)
    fields["reply"] = re.search(r'<textarea name="reply"[^>]*>(.*?)</textarea>', form, re.DOTALL).group(1)
    return fields | changes


def test_approving_closes_the_return_with_its_reply_and_keeps_a_whole_training_example(desk, ada, item):
    path, return_id = item()
    page = take(ada, path)
    assert "Approve" in page
    answer = ada.act(path, "approve", page)
    assert answer.status_code == 303
    found = one(desk, "SELECT status, closed_by, reply FROM return_request WHERE id = :id", id=return_id)
    assert (found.status, found.closed_by) == ("closed", "reviewer")
    assert "label has been created" in found.reply
    label = one(desk, "SELECT kind, reviewer, document FROM label WHERE return_id = :id", id=return_id)
    assert (label.kind, label.reviewer) == ("approve", "ada")
    assert label.document["answer"]["reply"] == found.reply
    event = one(desk, "SELECT kind, data FROM event WHERE return_id = :id ORDER BY id DESC LIMIT 1", id=return_id)
    assert (event.kind, event.data["reply"]) == ("return.closed", found.reply)


def test_a_claim_without_an_action_is_never_sent_whatever_the_reason(desk, ada, item):
    path, return_id = item("It arrived cracked. [lie]")
    page = take(ada, path)
    answer = ada.act(path, "approve", page, reason_text="I am quite sure that this is fine.")
    assert answer.status_code == 422
    assert "a block is not overridden" in answer.text
    assert one(desk, "SELECT count(*) AS n FROM label WHERE return_id = :id", id=return_id).n == 0
    assert one(desk, "SELECT status FROM return_request WHERE id = :id", id=return_id).status == "in_review"


def test_a_correction_passes_the_same_verifier_and_makes_a_pair(desk, ada, item):
    path, return_id = item("It arrived cracked. [lie]")
    page = take(ada, path)
    lying = ada.act(path, "correct", page, **correction(page, reply="Good news: your replacement is on its way."))
    assert lying.status_code == 422
    assert "Good news: your replacement is on its way." in lying.text, "the words must be kept"
    honest = "Thank you. Your return is eligible under P-7, and your return label has been created."
    sent = ada.act(path, "correct", page, **correction(page, reply=honest))
    assert sent.status_code == 303, sent.text
    label = one(desk, "SELECT document FROM label WHERE return_id = :id", id=return_id).document
    assert label["answer"]["reply"] == honest
    assert world.LIE in label["rejected"]["reply"]
    assert one(desk, "SELECT reply FROM return_request WHERE id = :id", id=return_id).reply == honest


def test_the_live_check_names_what_the_schema_refuses(ada, item):
    path, _ = item()
    page = take(ada, path)
    fields = correction(page, conditions="days_since_delivery is about 30")
    said = ada.act(path, "check", page, **fields)
    assert said.status_code == 200
    assert "Unknown test" in said.text
    said = ada.act(
        path,
        "check",
        page,
        **correction(page, conditions="days_since_delivery <= 30", reply="Hello. Your return is eligible."),
    )
    assert "trl-sft" in said.text
    assert "days since delivery" in said.text
    assert 'class="removed"' in said.text


def test_doubt_is_overruled_only_with_a_written_reason(desk, ada, item):
    path, return_id = item("It arrived cracked. [doubt]")
    page = take(ada, path)
    assert one(desk, "SELECT verdict FROM return_request WHERE id = :id", id=return_id).verdict == "ambiguous"
    assert ada.act(path, "approve", page, reason_text="ok").status_code == 422
    assert (
        ada.act(path, "approve", page, reason_text="It names no effect; it is a manner of speech.").status_code == 303
    )


def test_rejecting_sends_nothing_and_names_an_owner(desk, ada, item):
    path, return_id = item()
    page = take(ada, path)
    answer = ada.act(
        path, "reject", page, reason_text="The tone is cold and wrong.", owner="preference_data", expected="eligible"
    )
    assert answer.status_code == 303
    found = one(desk, "SELECT status, reply, decision FROM return_request WHERE id = :id", id=return_id)
    assert (found.status, found.reply, found.decision) == ("closed", None, "eligible")
    event = one(desk, "SELECT data FROM event WHERE return_id = :id ORDER BY id DESC LIMIT 1", id=return_id).data
    assert event["answer_by_hand"] is True


def test_a_skipped_item_is_open_again_and_comes_last_for_who_skipped_it(desk, ada, item):
    path, return_id = item()
    page = take(ada, path)
    assert ada.act(path, "skip", page).status_code == 303
    found = one(desk, "SELECT state, leased_by FROM review_item WHERE return_id = :id", id=return_id)
    assert (found.state, found.leased_by) != ("leased", "ada") or found.state == "open"
    assert one(desk, "SELECT status FROM return_request WHERE id = :id", id=return_id).status == "in_review"


def test_an_escalated_item_opens_for_an_adjudicator_only(desk, ada, judge, item):
    path, _ = item()
    page = take(ada, path)
    ada.act(path, "escalate", page, reason_text="Is P-7 meant for lamps with bulbs?")
    page = ada.get(path)
    refused = ada.client.post(f"{path}/take", data={"csrf": ada.csrf(page)})
    assert refused.status_code == 409
    assert "waits for an adjudicator" in refused.text
    page = take(judge, path)
    assert judge.act(path, "approve", page).status_code == 303


def test_a_question_to_the_customer_must_claim_nothing(desk, ada, item):
    path, return_id = item()
    page = take(ada, path)
    claiming = ada.act(path, "needs-information", page, question="We have refunded you. Which colour was it?")
    assert claiming.status_code == 422
    asked = ada.act(path, "needs-information", page, question="Could you send us a photo of the damage?")
    assert asked.status_code == 303
    assert one(desk, "SELECT stage FROM review_item WHERE return_id = :id", id=return_id).stage == "waiting"
    event = one(desk, "SELECT kind, data FROM event WHERE return_id = :id ORDER BY id DESC LIMIT 1", id=return_id)
    assert (event.kind, event.data["question"]) == (
        "return.needs_information",
        "Could you send us a photo of the damage?",
    )


def test_undo_reopens_the_item_and_the_label_counts_no_more(desk, ada, item):
    path, return_id = item()
    page = take(ada, path)
    ada.act(path, "approve", page)
    label = one(desk, "SELECT id FROM label WHERE return_id = :id", id=return_id).id
    answer = ada.client.post(f"/review/labels/{label}/undo", data={"csrf": ada.csrf(ada.get("/review/labels"))})
    assert answer.status_code == 303
    found = one(desk, "SELECT state, done_at FROM review_item WHERE return_id = :id", id=return_id)
    assert (found.state, found.done_at) == ("open", None)
    assert one(desk, "SELECT status FROM return_request WHERE id = :id", id=return_id).status == "in_review"
    again = ada.client.post(f"/review/labels/{label}/undo", data={"csrf": ada.csrf(ada.get("/review/labels"))})
    assert again.status_code == 422
    assert "taken back already" in again.text


def test_undo_ends_with_its_window(desk, ada, item, settings):
    path, return_id = item()
    ada.act(path, "approve", take(ada, path))
    label = one(desk, "SELECT id FROM label WHERE return_id = :id", id=return_id).id

    late = datetime.now(UTC) + timedelta(minutes=31)
    with pytest.raises(Refused, match="minutes for taking a label back are over"), desk.sessions() as session:
        review_labels.undo(session, label, "ada", adjudicates=False, window=timedelta(minutes=30), now=late)


def test_another_reviewer_cannot_take_a_label_back(desk, ada, grace, item):
    path, return_id = item()
    ada.act(path, "approve", take(ada, path))
    label = one(desk, "SELECT id FROM label WHERE return_id = :id", id=return_id).id
    answer = grace.client.post(f"/review/labels/{label}/undo", data={"csrf": grace.csrf(grace.get("/review"))})
    assert answer.status_code == 422


def test_a_lost_hold_is_a_visible_conflict_that_keeps_the_words(desk, ada, grace, item):
    path, return_id = item()
    page = take(ada, path)
    with desk.sessions() as session:
        session.execute(
            text("UPDATE review_item SET lease_until = now() - interval '1 s' WHERE return_id = :id"), {"id": return_id}
        )
    hers = take(grace, path)
    late = ada.act(path, "reject", page, reason_text="My long and careful reason.", owner="policy", expected="review")
    assert late.status_code == 409
    assert "grace took this item over" in late.text
    assert "My long and careful reason." in late.text
    assert grace.act(path, "approve", hers).status_code == 303
    assert one(desk, "SELECT count(*) AS n FROM label WHERE return_id = :id", id=return_id).n == 1
    audit = one(desk, "SELECT detail FROM audit_log WHERE action = 'review.take_over' ORDER BY id DESC LIMIT 1").detail
    assert audit["from"] == "ada"


def test_a_live_hold_is_taken_by_an_adjudicator_only(ada, judge, grace, item):
    path, _ = item()
    take(ada, path)
    refused = grace.client.post(f"{path}/take", data={"csrf": grace.csrf(grace.get(path))})
    assert refused.status_code == 409
    assert "ada holds this item until" in refused.text
    forced = grace.client.post(f"{path}/take", data={"csrf": grace.csrf(grace.get(path)), "force": "yes"})
    assert forced.status_code == 403
    page = judge.get(path)
    assert judge.client.post(f"{path}/take", data={"csrf": judge.csrf(page), "force": "yes"}).status_code == 303


def test_the_row_on_the_page_is_the_prompt_the_checkpoint_reads(ada, item):
    path, _ = item("It arrived cracked. Mail me at jo.doe@example.org.")
    shown = ada.get(f"{path}/row")
    start = shown.index("<pre") + shown[shown.index("<pre") :].index(">") + 1

    row = json.loads(html.unescape(shown[start : shown.index("</pre>")]))
    assert [message["role"] for message in row["prompt"]] == ["system", "user"]
    assert row["completion"][0]["content"].startswith("damaged\n")
    assert "[email]" in row["prompt"][1]["content"]
    assert "jo.doe" not in shown


def test_a_reviewer_runs_a_tool_once_through_the_ledger(desk, ada, item):
    path, return_id = item("Two of these are broken", order="A10331")
    take(ada, path)
    waiting = one(desk, "SELECT decision FROM review_item WHERE return_id = :id", id=return_id)
    assert waiting.decision == "eligible"
    confirm = ada.get(f"{path}/tools/create_return_label")
    assert "A10331" in confirm
    for _ in range(2):
        answer = ada.client.post(f"{path}/tools/create_return_label", data={"csrf": ada.csrf(confirm), "do": "run"})
        assert answer.status_code == 303, answer.text
    ran = one(
        desk,
        "SELECT count(*) AS n, max(actor) AS actor, max(state) AS state FROM tool_action"
        " WHERE return_id = :id AND tool = 'create_return_label'",
        id=return_id,
    )
    assert (ran.n, ran.actor, ran.state) == (1, "reviewer:ada", "succeeded")


def test_an_amount_above_the_reviewers_limit_needs_an_adjudicator(ada, item):
    path, _ = item("Two of these are broken", order="A10331")
    take(ada, path)
    confirm = ada.get(f"{path}/tools/issue_refund")
    if "above your limit" not in confirm:
        pytest.fail(confirm[confirm.index("<main") :][:1500])
    answer = ada.client.post(f"{path}/tools/issue_refund", data={"csrf": ada.csrf(confirm), "do": "run"})
    assert answer.status_code == 422


def test_the_audit_chain_holds_and_shows_a_change(desk, ada, item):

    with desk.sessions() as session:
        state = verify_chain(session)
    assert state.broken_at is None
    assert state.rows > 3
    with desk.engine.connect() as connection:
        connection.execute(text("ALTER TABLE audit_log DISABLE TRIGGER audit_log_append_only"))
        connection.execute(text("UPDATE audit_log SET actor = 'nobody' WHERE id = (SELECT min(id) + 2 FROM audit_log)"))

        with Session(connection) as session:
            broken = verify_chain(session)
        connection.rollback()
    assert broken.broken_at == one(desk, "SELECT min(id) + 2 AS n FROM audit_log").n
    assert "changed" in broken.why
