"""Workers take up published policies without a restart, and a broken directory does not stop the desk."""

import os
from datetime import date

import pytest

from policies.catalog import CatalogError
from policies.publish import publish
from services.domain.facts import OrderFacts
from tests.unit.policy_files import write_policy
from workers.library import PublishedPolicies

TODAY = date(2026, 11, 24)
FACTS = OrderFacts(values={"order_id": "A1", "item": "lamp", "damage_confirmed": True, "days_since_delivery": 3})


def versions(library):
    found = library.relevant("shop", "it arrived broken", FACTS, TODAY)
    return [(version.policy_id, version.version) for version in found]


def publish_draft(tmp_path, directory, **changes):
    publish(
        write_policy(tmp_path, name=f"{changes.get('version', '1')}.md", **changes), directory, TODAY, backdated=True
    )


@pytest.fixture
def directory(tmp_path):
    folder = tmp_path / "policies"
    publish_draft(tmp_path, folder)
    return folder


def test_a_version_published_while_the_worker_runs_governs_the_next_request(tmp_path, directory):
    library = PublishedPolicies(directory)
    assert versions(library) == [("P-1", "1")]
    publish_draft(tmp_path, directory, version='"2"', effective_from="2026-11-01", supersedes='"1"')
    assert versions(library) == [("P-1", "2")]


def test_a_directory_that_breaks_later_leaves_the_policies_before_in_force(directory):
    library = PublishedPolicies(directory)
    assert versions(library) == [("P-1", "1")]
    (directory / "published.json").write_text("{ broken", encoding="utf-8")
    os.utime(directory / "published.json", ns=(1, 1))
    assert versions(library) == [("P-1", "1")]


def test_a_directory_that_is_broken_from_the_start_is_refused(directory):
    (directory / "published.json").write_text("{ broken", encoding="utf-8")
    with pytest.raises(CatalogError):
        versions(PublishedPolicies(directory))
