"""The operators' page over real HTTP and PostgreSQL: failures stand there with their reason, for operators only."""

import httpx
import pytest
from sqlalchemy import text

from services.domain.review import Role
from tests.service import review_world as world

PEOPLE = {"ada": Role.REVIEWER, "op": Role.OPERATOR}


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


def test_an_operator_reads_why_a_job_failed_and_what_waits(address, desk):
    world.submit(desk, [("A10234", "It arrived cracked.")] * 3)
    with desk.sessions() as session:
        session.execute(
            text(
                "UPDATE job SET state = 'failed', last_error = 'the <b>order service</b> was away', finished_at = now()"
                " WHERE subject_id = 'ret-00001'"
            )
        )
    with world.Reviewer(address, "op") as operator:
        shown = operator.get("/ops")
    assert "the &lt;b&gt;order service&lt;/b&gt; was away" in shown
    assert "ret-00001" in shown
    assert '<th scope="row">triage, ready</th><td>2</td>' in shown
    assert "No worker has loaded a checkpoint yet" in shown


def test_a_reviewer_is_told_that_the_page_is_not_theirs(address):
    with world.Reviewer(address, "ada") as reviewer:
        assert reviewer.client.get("/ops").status_code == 403


def test_a_login_asked_for_by_the_page_leads_back_to_it(address):
    with httpx.Client(base_url=address, trust_env=False) as client:
        asked = client.get("/ops")
        assert asked.headers["location"] == "/review/login?next=%2Fops"
        answer = client.post("/review/login", data={"name": "op", "password": world.PASSWORD, "next": "/ops"})
        assert answer.headers["location"] == "/ops"
