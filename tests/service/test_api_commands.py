"""`returns-desk submit` and `keys` as a person runs them, against a real API and database."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg
import pytest

from tests.service.api_server import BODY, add_shop, client_for, count, serving, settings_for
from tests.service.test_api_read import decide
from workers.commands.outcome_lines import outcome_line, refusal_line

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def key(migrated_url):
    return add_shop(migrated_url)


@pytest.fixture(scope="module")
def address(migrated_url, key):
    with serving(settings_for(migrated_url)) as at:
        yield at


@pytest.fixture
def run(migrated_url, address, key):
    def run(*arguments, stdin=None, **environment):
        return subprocess.run(
            [sys.executable, "-m", "workers.cli", *arguments],
            cwd=ROOT,
            env=os.environ
            | {"DATABASE_URL": migrated_url, "RETURNS_DESK_URL": address, "RETURNS_DESK_API_KEY": key}
            | environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "requests.jsonl"
    path.write_text("".join(json.dumps(BODY | {"message": f"lamp {n}"}) + "\n" for n in range(3)))
    return path


def test_each_request_is_accepted_on_one_line_that_begins_with_its_order(run, file):
    done = run("submit", str(file))
    assert done.returncode == 0, done.stderr
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [["A10234", "accepted"]] * 3


def test_standard_input_works_and_json_is_one_object_a_line(run):
    done = run("submit", "-", "--json", stdin=json.dumps(BODY) + "\n\n")
    assert done.returncode == 0, done.stderr
    [line] = done.stdout.splitlines()
    assert json.loads(line)["id"].startswith("ret_")


def test_a_refused_request_is_told_and_the_exit_status_is_1(run):
    lines = [json.dumps(BODY | {"order_id": "A99999"}), json.dumps(BODY), json.dumps({"order_id": "A10234"})]
    done = run("submit", "-", stdin="\n".join(lines))
    assert done.returncode == 1
    first, second, third = done.stdout.splitlines()
    assert first.startswith("A99999")
    assert "no order" in first
    assert "accepted" in second
    assert "message: is missing" in third


def test_a_repeatable_submission_is_not_made_twice(run, file, migrated_url):
    assert run("submit", str(file), "--repeatable").returncode == 0
    before = count(migrated_url, "SELECT count(*) FROM return_request")
    assert run("submit", str(file), "--repeatable").returncode == 0
    assert count(migrated_url, "SELECT count(*) FROM return_request") == before


def test_outcomes_are_printed_as_they_arrive(run, file, migrated_url):
    seen = count(migrated_url, "SELECT count(*) FROM return_request")

    def desk():
        while count(migrated_url, "SELECT count(*) FROM return_request") < seen + 3:
            time.sleep(0.1)
        with psycopg.connect(migrated_url) as connection:
            rows = connection.execute("SELECT id FROM return_request ORDER BY id DESC LIMIT 3").fetchall()
        for (return_id,), route in zip(rows, ("auto_close", "review", "auto_close"), strict=True):
            decide(migrated_url, return_id, route)

    worker = threading.Thread(target=desk)
    worker.start()
    done = run("submit", str(file), "--wait")
    worker.join()
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("A10234") for line in lines)
    assert sum("closed" in line and "reply “Your label" in line for line in lines) == 2
    assert sum("for a person: ambiguous (two clauses collide)" in line for line in lines) == 1
    assert all("  ret_" in line and "create_return_label" in line and "1 of 1 checks passed" in line for line in lines)


def test_what_has_no_outcome_in_time_is_named_and_the_exit_status_is_1(run, file):
    done = run("submit", str(file), "--wait", "--timeout", "1")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 3


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        (("submit", "/nowhere.jsonl"), None, "/nowhere.jsonl: No such file"),
        (("submit", "-"), "", "holds no request"),
        (("submit", "-"), "{}\nnot json\n", "line 2 is not JSON"),
        (("submit", "-"), "[1]\n", "line 1 is not an object"),
        (("submit", "-", "--url", "http://127.0.0.1:9"), json.dumps(BODY), "does not answer"),
        (("keys", "create", "--shop", "My Shop!"), None, "--shop"),
    ],
)
def test_bad_input_is_one_line_on_standard_error_and_exit_status_2(run, arguments, stdin, said):
    done = run(*arguments, stdin=stdin)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_key_is_made_listed_used_and_revoked(run, address):
    made = run("keys", "create", "--shop", "new-shop", "--name", "checkout")
    assert made.returncode == 0, made.stderr
    new_key = made.stdout.strip()
    with client_for(address, new_key) as client:
        assert client.get("/v1/returns").status_code == 200
    listed = json.loads(run("keys", "list", "--shop", "new-shop", "--json").stdout)
    assert [(one["name"], one["prefix"], one["revoked_at"]) for one in listed] == [("checkout", new_key[:12], None)]
    assert new_key not in run("keys", "list").stdout
    assert run("keys", "revoke", listed[0]["id"]).returncode == 0
    again = run("keys", "revoke", listed[0]["id"])
    assert again.returncode == 1
    assert "no valid key" in again.stderr


def test_without_a_database_keys_say_what_to_do(run):
    done = run("keys", "list", DATABASE_URL="postgresql://nobody@127.0.0.1:9/none")
    assert done.returncode == 2
    assert "DATABASE_URL" in done.stderr


def test_a_line_tells_what_is_missing_without_failing():
    bare = {
        "id": "ret_1",
        "order_id": "A1",
        "decision": None,
        "policy_id": None,
        "policy_version": None,
        "status": "in_review",
    }
    line = outcome_line(bare | {"verdict": None, "reply": None, "route_reason": "processing_failed"})
    assert line.startswith("A1")
    assert "for a person: processing_failed" in line
    assert refusal_line("A1", {}).startswith("A1")
