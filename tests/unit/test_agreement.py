"""Agreement beyond chance, against published numbers and against another way of computing the same."""

import itertools
import random

import pytest

from services.domain.agreement import Rating, agreement_of, alpha_of, cohen_kappa

# Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", section C: four observers, twelve units, gaps.
KRIPPENDORFF = {
    "A": ["1", "2", "3", "3", "2", "1", "4", "1", "2", None, None, None],
    "B": ["1", "2", "3", "3", "2", "2", "4", "1", "2", "5", None, "3"],
    "C": [None, "3", "3", "3", "2", "3", "4", "2", "2", "5", "1", None],
    "D": ["1", "2", "3", "3", "2", "4", "4", "1", "2", "5", "1", None],
}


def units_of(table):
    return {
        str(number): {rater: values[number] for rater, values in table.items() if values[number] is not None}
        for number in range(len(next(iter(table.values()))))
    }


def test_alpha_of_the_published_example():
    assert alpha_of(units_of(KRIPPENDORFF)) == pytest.approx(0.743, abs=0.0005)


def test_alpha_of_two_raters_with_binary_data_as_published():
    # The same paper, section A: two observers, ten units, binary.
    first, second = "0100000000", "1110010100"
    units = {str(n): {"A": a, "B": b} for n, (a, b) in enumerate(zip(first, second, strict=True))}
    assert alpha_of(units) == pytest.approx(0.095, abs=0.0005)


def test_kappa_of_the_textbook_table():
    # 50 proposals: both yes 20, only the first yes 5, only the second yes 10, both no 15: observed 0.7, expected 0.5.
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert cohen_kappa([a for a, _ in pairs], [b for _, b in pairs]) == pytest.approx(0.4)


def alpha_by_pairs(units):
    """Compute alpha from its definition: observed over expected disagreement, pair by pair, without a matrix."""
    rated = [list(unit.values()) for unit in units.values() if len(unit) > 1]
    values = [value for unit in rated for value in unit]
    n = len(values)
    observed = sum(sum(a != b for a, b in itertools.permutations(unit, 2)) / (len(unit) - 1) for unit in rated) / n
    expected = sum(a != b for a, b in itertools.permutations(values, 2)) / (n * (n - 1))
    return None if expected == 0 else 1 - observed / expected


def test_alpha_equals_its_definition_on_random_tables_with_gaps():
    draw = random.Random(7)
    for _ in range(60):
        units = {
            str(item): {rater: draw.choice("abc") for rater in "wxyz"[: draw.randint(2, 4)] if draw.random() > 0.25}
            for item in range(draw.randint(4, 25))
        }
        if sum(len(unit) > 1 for unit in units.values()):
            assert alpha_of(units) == pytest.approx(alpha_by_pairs(units))


def test_kappa_equals_scikit_learn_where_it_is_installed():
    metrics = pytest.importorskip(
        "sklearn.metrics", reason="scikit-learn is in no extra; the definition is tested above"
    )
    draw = random.Random(3)
    for _ in range(30):
        first, second = ([draw.choice("abc") for _ in range(40)] for _ in range(2))
        assert cohen_kappa(first, second) == pytest.approx(metrics.cohen_kappa_score(first, second))


def test_nothing_can_be_said_where_only_one_value_was_ever_given():
    assert cohen_kappa(["a", "a"], ["a", "a"]) is None
    assert alpha_of({"1": {"x": "a", "y": "a"}}) is None
    assert agreement_of([]).alpha is None


def test_a_later_rating_of_the_same_person_replaces_the_earlier():
    said = [
        Rating("1", "x", "a"),
        Rating("1", "y", "b"),
        Rating("1", "x", "b"),
        Rating("2", "x", "a"),
        Rating("2", "y", "a"),
    ]
    (pair,) = agreement_of(said).pairs
    assert (pair.items, pair.agreed) == (2, 2)


def test_kappa_of_no_items_is_a_mistake():
    with pytest.raises(ValueError, match="at least one item"):
        cohen_kappa([], [])
