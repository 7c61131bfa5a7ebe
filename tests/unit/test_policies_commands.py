"""`returns-desk policies`: what it prints, and how it ends."""

import json
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from policies.catalog import BUILT_IN
from tests.unit.policy_files import write_policy
from workers.commands.policies import app


@pytest.fixture
def run(tmp_path):
    directory = tmp_path / "policies"
    shutil.copytree(BUILT_IN / "text", directory / "text")
    shutil.copy(BUILT_IN / "published.json", directory)

    def run(*words, code=0):
        result = CliRunner().invoke(app, [*map(str, words)], env={"POLICIES_DIR": str(directory)})
        assert result.exit_code == code, result.output
        return result

    run.directory = directory
    return run


def test_list_tells_past_in_force_and_future_apart(run):
    rows = json.loads(run("list", "--on", "2026-11-24", "--json").stdout)
    states = {row["version"]: row["state"] for row in rows if row["policy_id"] == "P-7"}
    assert states == {"2025-01": "past", "2026-01": "in force", "2027-01": "future"}
    assert "P-7    2026-01    in force" in run("list", "--on", "2026-11-24").stdout


def test_show_prints_the_version_of_the_day_or_the_named_one(run):
    assert "within 7 days" in run("show", "P-7", "--on", "2025-06-01").stdout
    assert "within 30 days" in run("show", "P-7", "--on", "2026-11-24").stdout
    assert "within 14 days" in run("show", "P-7", "--version", "2027-01").stdout
    shown = json.loads(run("show", "P-7", "--version", "2026-01", "--json").stdout)
    assert shown["rule"] == "damage_confirmed && days_since_delivery <= 30"
    assert len(shown["digest"]) == 64


def test_show_ends_with_1_where_nothing_is_in_force(run):
    assert "No version of P-7 is in force on 2020-01-01." in run("show", "P-7", "--on", "2020-01-01", code=1).stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("show", "P-99"), "no policy 'P-99'; known are P-1, P-2"),
        (("show", "P-7", "--version", "9"), "P-7 has no version '9'; it has 2025-01, 2026-01, 2027-01"),
        (("show", "P-7", "--on", "tomorrow"), "write it as 2026-11-24"),
        (("show", "P-7", "--on", "2026-11-24", "--version", "2026-01"), "exclude each other"),
        (("diff", "P-7", "2025-01", "1"), "P-7 has no version '1'"),
        (("add", "no-such-file.md"), "no-such-file.md: cannot be read"),
        (("list", "--dir", "no-such-folder"), "no-such-folder holds no policies"),
    ],
)
def test_bad_input_ends_with_2_and_one_line_on_standard_error(run, words, says):
    result = run(*words, code=2)
    assert says in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_diff_shows_header_and_prose(run):
    shown = run("diff", "P-7", "2025-01", "2026-01").stdout
    assert "-Damaged items reported within 7 days of delivery are eligible for return." in shown
    assert "+rule        damage_confirmed && days_since_delivery <= 30" in shown
    changed = json.loads(run("diff", "P-7", "2025-01", "2026-01", "--json").stdout)
    assert changed["rule"]["to"].endswith("<= 30")
    assert "policy_id" not in changed
    assert "say the same" in run("diff", "P-7", "2025-01", "2025-01").stdout


def test_add_publishes_and_the_new_version_governs_from_its_day(run, tmp_path):
    start = datetime.now(UTC).date() + timedelta(days=400)
    file = write_policy(
        tmp_path,
        "Damaged items reported within 7 days of delivery are eligible for return.",
        id="P-7",
        version='"next"',
        title="Damaged on arrival",
        effective_from=start.isoformat(),
        supersedes='"2027-01"',
        rule="damage_confirmed && days_since_delivery <= 7",
    )
    assert f"Published P-7 next, in force from {start}" in run("add", file).stdout
    day_before = (start - timedelta(days=1)).isoformat()
    assert json.loads(run("show", "P-7", "--on", day_before, "--json").stdout)["version"] != "next"
    assert json.loads(run("show", "P-7", "--on", start.isoformat(), "--json").stdout)["version"] == "next"
    assert "0 findings" in run("lint").stdout


def test_add_refuses_an_unfit_version_and_says_every_reason(run, tmp_path):
    file = write_policy(tmp_path, id="P-30", rule="damage_confirmed && days_since_delivery <= 7")
    result = run("add", file, code=2)
    assert "rule says 7, which the prose does not" in result.stderr
    assert "which the rule does not test" in result.stderr
    run("show", "P-30", code=2)


def test_lint_ends_with_1_on_an_edited_version_and_names_it(run):
    path = run.directory / "text" / "P-7" / "2026-01.md"
    path.write_text(path.read_text().replace("within 30 days", "within 60 days"))
    shown = run("lint", code=1).stdout
    assert "number_not_in_prose: P-7@2026-01: rule says 30" in shown
    assert "unfit_directory: P-7@2026-01 was edited after it was published (text changed)" in shown
    codes = {row["code"] for row in json.loads(run("lint", "--json", code=1).stdout)}
    assert codes == {"number_not_in_prose", "window_not_in_rule", "unfit_directory"}
    assert "was edited after it was published" in run("list", code=2).stderr


def test_every_command_helps_with_an_example(run):
    for name in ("list", "show", "add", "diff", "lint"):
        assert "Example: returns-desk policies" in run(name, "--help").stdout
