"""Strict reading of bodies: every refusal names the field and is a Problem, whatever bytes come in."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.api.bodies import parse, read_object
from services.api.problems import Problem
from services.flows.intake import Submission

GOOD = {"order_id": "A10234", "message": "My lamp arrived cracked."}


@pytest.mark.parametrize(
    ("raw", "kind", "field"),
    [
        (b"", "malformed-json", "body"),
        (b"   \n", "malformed-json", "body"),
        (b"{", "malformed-json", "body"),
        (b'{"order_id": "A1",}', "malformed-json", "body"),
        (b'{"order_id": NaN}', "malformed-json", "body"),
        (b'{"order_id": ' + b"9" * 5000 + b"}", "malformed-json", "body"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "malformed-json", "body"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "malformed-json", "body"),
        (b"[" * 100_000, "malformed-json", "body"),
        (b'{"message": "\xff"}', "invalid-encoding", "body"),
        ('{"message": "grün"}'.encode("latin-1"), "invalid-encoding", "body"),
        (b'{"order_id": "A1", "order_id": "A2"}', "duplicate-field", "order_id"),
        (b'{"a": {"b": 1, "b": 2}}', "duplicate-field", "b"),
        (b"[]", "invalid-body", "body"),
        (b'"text"', "invalid-body", "body"),
        (b"null", "invalid-body", "body"),
        (b'{"message": "a\\u0000b"}', "invalid-body", "message"),
        (b'{"message": "\\ud83d"}', "invalid-body", "message"),
        (b'{"tags": ["ok", "\\udc00"]}', "invalid-body", "tags[1]"),
        (b'{"\\u0000": 1}', "invalid-body", "body"),
    ],
)
def test_bytes_that_are_no_usable_object_are_refused_by_kind_and_field(raw, kind, field):
    with pytest.raises(Problem) as caught:
        read_object(raw)
    assert (caught.value.kind.slug, caught.value.errors[0].field) == (kind, field)
    assert caught.value.errors[0].remedy


@pytest.mark.parametrize(
    ("body", "field", "detail"),
    [
        ({"order_id": "A1"}, "message", "is missing"),
        (GOOD | {"order_id": 10234}, "order_id", "is a number, not a text"),
        (GOOD | {"order_id": True}, "order_id", "is a boolean, not a text"),
        (GOOD | {"order_id": None}, "order_id", "is null, not a text"),
        (GOOD | {"message": ["a"]}, "message", "is a list, not a text"),
        (GOOD | {"message": {}}, "message", "is an object, not a text"),
        (GOOD | {"message": ""}, "message", "is empty"),
        (GOOD | {"message": " \n\t"}, "message", "holds only white space"),
        (GOOD | {"order_id": " "}, "order_id", "holds only white space"),
        (GOOD | {"order_id": "A1\nX"}, "order_id", "holds a control character"),
        (GOOD | {"order_id": "A" * 101}, "order_id", "has 101 characters; at most 100 are accepted"),
        (GOOD | {"message": "x" * 20_001}, "message", "has 20001 characters; at most 20000 are accepted"),
        (GOOD | {"refund": True}, "refund", "is not a known field"),
        (GOOD | {"customer_email": "nobody"}, "customer_email", "is no e-mail address"),
    ],
)
def test_a_wrong_field_is_named_with_what_is_wrong_and_a_remedy(body, field, detail):
    with pytest.raises(Problem) as caught:
        parse(Submission, body)
    error = caught.value.errors[0]
    assert (error.field, error.detail) == (field, detail)
    assert error.remedy


def test_all_wrong_fields_are_named_at_once():
    with pytest.raises(Problem) as caught:
        parse(Submission, {"order_id": 1, "message": "", "colour": "red"})
    assert {error.field for error in caught.value.errors} == {"order_id", "message", "colour"}
    assert "and 2 more" in caught.value.detail


def test_the_message_keeps_every_character():
    message = '  Ça ne marche pas\n\t— 壊れた 🪔 \\ " \u200d '
    assert parse(Submission, read_object(json.dumps(GOOD | {"message": message}).encode())).message == message


def outcome_of(read, *arguments):
    try:
        return read(*arguments)
    except Problem as problem:
        return problem


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_an_object_or_a_problem(raw):
    outcome = outcome_of(read_object, raw)
    assert isinstance(outcome, dict) or 400 <= outcome.kind.status < 500


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None, max_examples=60)
@given(
    st.dictionaries(
        st.sampled_from(["order_id", "message", "item", "customer_email"]) | st.text(max_size=5), json_values
    )
)
def test_any_object_is_a_submission_or_a_problem(body):
    outcome = outcome_of(parse, Submission, body)
    assert isinstance(outcome, Submission) or (outcome.kind.status == 422 and outcome.errors)
