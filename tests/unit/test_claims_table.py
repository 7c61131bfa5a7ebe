"""The tables of replies are the specification of what is a claim: every row must be judged as it says."""

import json

import pytest

from lifecycle.evals.claims.score import judge
from lifecycle.evals.claims.table import FOLDER, rows
from services.domain.reading import LexicalClaimReader
from services.inference.second_opinion import shared_opinion

TABLES = sorted(FOLDER.glob("*.txt"))
# Known limits, named in docs/verifier.md. A row that starts to work must leave this list.
LIMITS = {
    (row["table"], row["reply"])
    for row in map(json.loads, (FOLDER / "limits.jsonl").read_text(encoding="utf-8").splitlines())
}


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_every_row_of_the_table_is_judged_as_it_says(path):
    wrong = [(row.passes, row.reply) for row, right, _ in judge(rows(path), second=shared_opinion()) if not right]
    limits = {reply for name, reply in LIMITS if name == path.stem}
    assert [case for case in wrong if case[1] not in limits] == []
    assert {reply for _, reply in wrong} == limits


def test_the_tables_hold_at_least_six_hundred_replies_and_every_language():
    cases = [row for path in TABLES for row in rows(path)]
    assert len({row.reply for row in cases}) >= 600
    assert {row.language for row in cases} == {"en", "de", "fr", "es", "it", "nl"}


def test_a_claim_quotes_the_reply_at_its_offsets():
    reader = LexicalClaimReader()
    for path in TABLES:
        for row in rows(path):
            for claim in reader.read(row.reply):
                assert row.reply[claim.start : claim.end] == claim.text
                assert claim.text
