"""Which version governs on a day, against a slow and obvious reading of the same rule."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import PolicyVersion, all_in_force, in_force

FIRST = date(2026, 1, 1)


def version(name, start, end=None, policy_id="P-7"):
    return PolicyVersion(
        policy_id=policy_id,
        version=name,
        effective_from=None if start is None else FIRST + timedelta(days=start),
        effective_to=None if end is None else FIRST + timedelta(days=end),
        text="Text.",
    )


@pytest.mark.parametrize(
    ("day", "name", "why"),
    [
        (-1, None, "nothing has started"),
        (0, "a", "the first day counts"),
        (9, "a", "still the first"),
        (10, "b", "a later version replaces an open-ended one on its first day"),
        (20, "b", "the last day counts"),
        (21, None, "a version that ended does not hand back to the one it replaced"),
        (30, "c", "the next one starts"),
    ],
)
def test_the_latest_started_version_governs_until_it_ends(day, name, why):
    versions = [version("a", 0), version("b", 10, 20), version("c", 30)]
    found = in_force(versions, "P-7", FIRST + timedelta(days=day))
    assert (found.version if found else None) == name, why


def test_plain_text_without_a_start_governs_since_ever():
    assert in_force([version("a", None)], "P-7", date(1990, 1, 1)).version == "a"


def test_of_two_versions_of_one_day_the_later_given_corrects_the_first():
    versions = [version("a", 0), version("b", 0)]
    assert in_force(versions, "P-7", FIRST).version == "b"


_versions = st.lists(
    st.builds(
        version,
        name=st.text("abc", min_size=1, max_size=3),
        start=st.one_of(st.none(), st.integers(0, 30)),
        end=st.one_of(st.none(), st.integers(0, 40)),
        policy_id=st.sampled_from(["P-1", "P-2", "P-3"]),
    ),
    max_size=12,
)


@given(_versions, st.integers(-5, 45))
def test_at_most_one_version_a_policy_governs_and_it_is_the_latest_that_started(versions, day):
    on = FIRST + timedelta(days=day)
    governing = all_in_force(versions, on)
    assert len({one.policy_id for one in governing}) == len(governing)
    for policy_id in ("P-1", "P-2", "P-3"):
        started = [
            (one.effective_from or date.min, place)
            for place, one in enumerate(versions)
            if one.policy_id == policy_id and (one.effective_from or date.min) <= on
        ]
        latest = versions[max(started)[1]] if started else None
        expected = latest if latest and (latest.effective_to is None or on <= latest.effective_to) else None
        assert in_force(versions, policy_id, on) == expected
