"""Published versions: read, chosen by day, never edited, and changed only by publishing a new one."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest

from policies import in_force
from policies.catalog import BUILT_IN, CatalogError, load_catalog
from policies.document import PolicyFileError, parse_policy
from policies.lint import lint
from policies.publish import RefusedToPublish, publish
from policies.rules import evaluate
from policies.vocabulary import MONEY_TOOLS, Reason, Truth
from tests.unit.policy_files import policy_source, write_policy

TODAY = date(2026, 11, 24)


@pytest.fixture
def shop(tmp_path):
    """A shop's own directory with the built-in policies in it."""
    directory = tmp_path / "policies"
    shutil.copytree(BUILT_IN / "text", directory / "text")
    shutil.copy(BUILT_IN / "published.json", directory)
    return directory


def test_the_built_in_catalog_holds_the_clauses_a_real_shop_needs():
    catalog = load_catalog()
    titles = {version.title for version in catalog.all_in_force(TODAY)}
    assert len(catalog.policy_ids) >= 14
    assert {
        "Damaged on arrival",
        "Wrong item sent",
        "Defective on first use",
        "Change of mind",
        "Final sale",
        "Late delivery",
        "Not as described",
        "Hygiene goods",
        "Bundles and sets",
        "Gift returns",
        "Two-year warranty",
        "Missing parts",
        "Food and flowers",
        "Return shipping cost",
    } <= titles
    assert {reason for version in catalog.all_in_force(TODAY) for reason in version.reasons} == set(Reason)


def test_every_clause_that_moves_money_says_up_to_which_amount():
    for version in load_catalog().versions:
        for grant in version.tools:
            assert (grant.max_amount_cents is not None) == (grant.name in MONEY_TOOLS)


@pytest.mark.parametrize(
    ("on", "version"),
    [
        (date(2024, 12, 31), None),
        (date(2025, 1, 1), "2025-01"),
        (date(2025, 12, 31), "2025-01"),
        (date(2026, 1, 1), "2026-01"),
        (TODAY, "2026-01"),
        (date(2026, 12, 31), "2026-01"),
        (date(2027, 1, 1), "2027-01"),
        (date(2031, 5, 5), "2027-01"),
    ],
)
def test_the_day_chooses_the_version_of_p7(on, version):
    found = in_force(load_catalog().versions, "P-7", on)
    assert (found.version if found else None) == version


def test_the_same_facts_get_another_answer_from_another_version_of_p7():
    facts = {"damage_confirmed": True, "days_since_delivery": 12}
    catalog = load_catalog()
    answers = {version.version: evaluate(version.rule, facts) for version in catalog.of("P-7")}
    assert answers == {"2025-01": Truth.NO, "2026-01": Truth.YES, "2027-01": Truth.YES}
    assert evaluate(catalog.in_force("P-7", TODAY).rule, facts | {"days_since_delivery": 20}) is Truth.YES
    assert evaluate(catalog.in_force("P-7", date(2027, 1, 1)).rule, facts | {"days_since_delivery": 20}) is Truth.NO


def test_a_version_that_ends_gives_way_on_the_next_day():
    catalog = load_catalog()
    assert catalog.in_force("P-11", date(2026, 11, 14)).version == "2025-01"
    assert catalog.in_force("P-11", date(2026, 11, 15)).version == "2026-11"
    assert catalog.in_force("P-11", date(2027, 1, 31)).version == "2026-11"
    assert catalog.in_force("P-11", date(2027, 2, 1)).version == "2027-02"


@pytest.mark.parametrize("start", [TODAY, TODAY + timedelta(days=3)])
def test_a_seven_day_version_of_p7_changes_the_answer_from_its_day_and_not_before(shop, tmp_path, start):
    facts = {"damage_confirmed": True, "days_since_delivery": 12}
    file = write_policy(
        tmp_path,
        "Damaged items reported within a week of delivery are eligible for return.",
        id="P-7",
        version='"2026-12"',
        title="Damaged on arrival",
        effective_from=start.isoformat(),
        supersedes='"2026-01"',
        rule="damage_confirmed && days_since_delivery <= 7",
    )
    published = publish(file, shop, TODAY)
    catalog = load_catalog(shop)
    assert catalog.version("P-7", "2026-12") == published
    for day, version, answer in (
        (start - timedelta(days=1), "2026-01", Truth.YES),
        (start, "2026-12", Truth.NO),
        (date(2026, 12, 31), "2026-12", Truth.NO),
        (date(2027, 1, 1), "2027-01", Truth.YES),
    ):
        governing = catalog.in_force("P-7", day)
        assert (governing.version, evaluate(governing.rule, facts)) == (version, answer)
    assert len(catalog.versions) == len(load_catalog().versions) + 1
    assert lint(catalog.versions, catalog.facts, TODAY) == ()


def test_a_start_in_the_past_is_refused_unless_asked_for(shop, tmp_path):
    file = write_policy(
        tmp_path,
        "Wrong item? You may return it within 14 days of delivery once confirmed.",
        id="P-2",
        version='"2026-06"',
        title="Wrong item sent",
        reasons="[wrong_item]",
        effective_from="2026-06-01",
        supersedes='"2025-01"',
        rule="wrong_item_confirmed && days_since_delivery <= 14",
    )
    with pytest.raises(CatalogError, match="before today"):
        publish(file, shop, TODAY)
    publish(file, shop, TODAY, backdated=True)
    assert load_catalog(shop).in_force("P-2", TODAY).version == "2026-06"


def test_publishing_twice_changes_nothing_and_another_wording_is_refused(shop, tmp_path):
    file = write_policy(tmp_path, id="P-20", title="Damaged lamps")
    first = publish(file, shop, TODAY)
    lock = (shop / "published.json").read_bytes()
    assert publish(file, shop, TODAY) == first
    assert (shop / "published.json").read_bytes() == lock
    file.write_text(file.read_text().replace("are eligible", "are now eligible"))
    with pytest.raises(CatalogError, match="another wording"):
        publish(file, shop, TODAY)


def test_an_unfit_version_leaves_the_directory_as_it_was(shop, tmp_path):
    before = sorted(path.name for path in shop.rglob("*"))
    for spoilt in ({"rule": "damage_confirmed && days_since_delivery <= 31"}, {"version": "../../../escaped"}):
        with pytest.raises(RefusedToPublish):
            publish(write_policy(tmp_path, id="P-20", **spoilt), shop, TODAY)
    assert sorted(path.name for path in shop.rglob("*")) == before


def test_publishers_at_the_same_time_lose_no_entry(tmp_path):
    directory = tmp_path / "mine"
    files = [write_policy(tmp_path, name=f"{n}.md", id=f"P-{n}") for n in range(12)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda file: publish(file, directory, TODAY), files))
    assert len(load_catalog(directory).versions) == 12


def test_a_shop_starts_its_own_catalog_from_an_empty_directory(tmp_path):
    directory = tmp_path / "mine"
    publish(write_policy(tmp_path), directory, TODAY)
    assert [version.policy_id for version in load_catalog(directory).versions] == ["P-1"]


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("within 30 days", "within 60 days", "text"),
        ("max_amount_cents: 15000", "max_amount_cents: 99000", "tools"),
        ("days_since_delivery <= 30", "days_since_delivery <= 60", "rule"),
        ("effective_from: 2026-01-01", "effective_from: 2026-02-01", "effective_from"),
    ],
)
def test_an_edited_published_version_is_refused_at_load_in_one_line(shop, old, new, changed):
    path = shop / "text" / "P-7" / "2026-01.md"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(CatalogError) as caught:
        load_catalog(shop)
    line = str(caught.value)
    assert line.startswith(f"P-7@2026-01 was edited after it was published ({changed} changed)")
    assert "new version" in line
    assert "\n" not in line


def test_a_change_of_layout_alone_is_no_edit(shop):
    path = shop / "text" / "P-7" / "2026-01.md"
    path.write_text(path.read_text().replace("\n", "\r\n"))
    assert load_catalog(shop).versions == load_catalog().versions


def test_a_published_version_whose_file_is_gone_and_a_file_that_is_not_published_are_refused(shop):
    (shop / "text" / "P-7" / "2025-01.md").unlink()
    with pytest.raises(CatalogError, match=r"P-7@2025-01 was published but its file is gone"):
        load_catalog(shop)
    shutil.copy(BUILT_IN / "text" / "P-7" / "2025-01.md", shop / "text" / "P-7")
    write_policy(shop / "text" / "P-20", name="1.md", id="P-20")
    with pytest.raises(CatalogError, match=r"P-20@1 is not published.*policies add"):
        load_catalog(shop)


def test_a_file_under_another_name_than_its_header_says_is_refused(shop):
    (shop / "text" / "P-7" / "2025-01.md").rename(shop / "text" / "P-7" / "2024-01.md")
    with pytest.raises(CatalogError, match="must match folder and file name"):
        load_catalog(shop)


@pytest.mark.parametrize("damage", ["{", "[]", '{"P-7@2026-01": "x"}'])
def test_a_damaged_lock_is_refused(shop, damage):
    (shop / "published.json").write_text(damage)
    with pytest.raises(CatalogError, match="restore it from version control"):
        load_catalog(shop)


def test_a_directory_without_policies_is_refused(tmp_path):
    with pytest.raises(CatalogError, match="POLICIES_DIR"):
        load_catalog(tmp_path)


def test_a_shop_may_declare_facts_of_its_own(tmp_path):
    directory = tmp_path / "mine"
    directory.mkdir()
    (directory / "facts.yaml").write_text("tags_attached: yes_no\n")
    file = write_policy(
        tmp_path, "Clothes with tags may come back.", rule="tags_attached", reasons="[change_of_mind]", title="Tags"
    )
    publish(file, directory, TODAY)
    assert load_catalog(directory).facts["tags_attached"] == "yes_no"
    (directory / "facts.yaml").write_text("tags: yes_no\n")
    with pytest.raises(CatalogError, match=r"P-1@1: the rule asks for the fact 'tags_attached'.*facts\.yaml"):
        load_catalog(directory)
    for entry, says in (("tags: maybe", "use yes_no, whole or text"), ("category: whole", "standard fact")):
        (directory / "facts.yaml").write_text(entry)
        with pytest.raises(CatalogError, match=says):
            load_catalog(directory)


def test_the_digest_names_header_and_text_and_survives_a_reload():
    first, second = parse_policy(policy_source(), "a"), parse_policy(policy_source(), "b")
    assert first.digest == second.digest
    others = (policy_source(title="Other"), policy_source("Other prose."), policy_source(supersedes='"0"'))
    assert len({first.digest, *(parse_policy(source, "c").digest for source in others)}) == 4


def test_the_lock_names_every_published_version_and_nothing_else():
    lock = json.loads((BUILT_IN / "published.json").read_text())
    assert set(lock) == {f"{v.policy_id}@{v.version}" for v in load_catalog().versions}


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("Just prose.", "no header"),
        ("---\nid: [\n---\nText", "no YAML"),
        ("---\n- a\n---\nText", "'name: value' lines"),
        (policy_source(id=None), "'id': Field required"),
        (policy_source(version=None), "'version': Field required"),
        (policy_source(colour="red"), "unknown header field 'colour'; known are id, version"),
        (policy_source(reasons="[broken]"), "'reasons.0'"),
        (policy_source(tools="[send_flowers]"), "'tools.0.name'"),
        (policy_source(tools="[{name: issue_refund, max_amount_cents: -1}]"), "'tools.0.max_amount_cents'"),
        (policy_source(effective_from="soon"), "'effective_from'"),
        (policy_source(""), "'text'"),
        (policy_source(text="Prose in the header"), "unknown header field 'text in the header'"),
    ],
)
def test_an_unreadable_file_is_one_line_that_names_file_and_field(source, says):
    with pytest.raises(PolicyFileError) as caught:
        parse_policy(source, "my.md")
    line = str(caught.value)
    assert line.startswith("my.md: ")
    assert says in line
    assert "\n" not in line


def test_prose_is_one_line_a_paragraph_so_that_evidence_holds_no_line_break():
    version = parse_policy(policy_source("First sentence\nof two. Second.\n\n- an item\n  goes on\n- another"), "x")
    assert version.text == "First sentence of two. Second.\n\n- an item goes on\n- another"
    for published in load_catalog().versions:
        for sentence in published.sentences:
            assert "\n" not in sentence
            assert sentence in published.text
