"""Which clause a reply may cite: the one the decision rests on, and no other."""

import pytest

from services.domain.reply_checks import cites_governing
from services.domain.verdict import Verdict

RETRIEVED = ["P-7", "P-3", "P-12", "A", "4.1"]


@pytest.mark.parametrize(
    ("reply", "governing", "allowed", "why"),
    [
        ("Under P-7 your return is accepted.", "P-7", True, "the governing clause"),
        ("I am sorry.", "P-7", True, "none is cited"),
        ("Not returnable under P-3.", "P-12", False, "another retrieved clause (seen in a real sample)"),
        ("Not returnable under P-99.", "P-12", False, "a clause of that form which nobody retrieved"),
        ("Under P-12 it is accepted.", "P-1", False, "a longer number is another clause"),
        ("Your parcel P-7-B is with us.", "P-3", True, "part of a longer code"),
        ("A label costs 4.1 euros.", "P-7", True, "a letter or a number alone tells nothing"),
        ("A colleague looks at P-7.", None, True, "no clause governs"),
    ],
)
def test_a_reply_cites_only_the_clause_that_governs(reply, governing, allowed, why):
    finding = cites_governing(reply, governing, RETRIEVED)
    assert finding.passed is allowed, why
    if not allowed:
        assert finding.severity is Verdict.AMBIGUOUS
        start, end = finding.span
        assert reply[start:end] != governing
