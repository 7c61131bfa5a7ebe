"""The sentence encoder on its real weights: near meanings are near, and company changes nothing."""

import numpy as np
import pytest

from services.inference.encoder import WIDTH, shared_encoder

CLAUSE = "Damaged items reported within 30 days of delivery are eligible for return."


@pytest.fixture(scope="module")
def encoder():
    return shared_encoder()


def test_rows_have_length_one(encoder):
    rows = encoder.embed([CLAUSE, "ok"])
    assert rows.shape == (2, WIDTH)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_no_text_gives_no_row(encoder):
    assert encoder.embed([]).shape == (0, WIDTH)


def test_a_message_is_nearer_to_the_clause_it_is_about(encoder):
    message, broken, unworn = encoder.embed(
        ["My lamp came in a hundred pieces!", CLAUSE, "Unworn shoes may be exchanged for another size."]
    )
    assert message @ broken > message @ unworn


def test_company_changes_a_row_by_no_more_than_rounding(encoder):
    alone = encoder._run(["My lamp came in a hundred pieces!"])[0]
    among = encoder._run(["My lamp came in a hundred pieces!", CLAUSE * 3])[0]
    assert np.abs(alone - among).max() < 1e-5


def test_an_over_long_text_is_read_from_its_beginning(encoder):
    assert np.isfinite(encoder.embed(["return " * 2_000])).all()
