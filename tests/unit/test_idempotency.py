"""What an Idempotency-Key promises, as far as it is pure. That the database keeps the promise: tests/service."""

from datetime import UTC, datetime, timedelta

import pytest

from services.flows.intake import (
    KEY_LIFETIME,
    KeyInFlight,
    KeyReused,
    KeyUnusable,
    StoredAnswer,
    Submission,
    Taken,
    UnknownOrder,
    conclude,
    fingerprint,
    new_return_id,
    prepare,
    read_key,
)

NOW = datetime(2025, 3, 13, 8, tzinfo=UTC)
LAMP = Submission(order_id="A10234", message="My lamp arrived cracked.")


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("0b6f7c1e-7a55-4b0e-9d3c-5e1f2a8b9c0d", "0b6f7c1e-7a55-4b0e-9d3c-5e1f2a8b9c0d"),
        ('"8e03978e"', "8e03978e"),  # a structured-field string, as the IETF draft writes it
        ('"with \\"quotes\\" and \\\\"', 'with "quotes" and \\'),
        ("  padded  ", "padded"),
        ("k" * 255, "k" * 255),
    ],
)
def test_a_key_is_read_quoted_or_bare(header, key):
    assert read_key(header) == key


@pytest.mark.parametrize(
    "header", ["", "   ", '""', "k" * 256, "schlüssel", "tab\tinside", "nul\x00", '"bad \\n escape"', '"a"b"']
)
def test_a_key_that_is_empty_too_long_or_not_plain_text_is_refused(header):
    with pytest.raises(KeyUnusable):
        read_key(header)


def test_a_bare_and_a_quoted_key_are_the_same_key():
    assert read_key("abc") == read_key('"abc"')


def test_a_null_field_and_an_absent_field_have_one_fingerprint():
    explicit = Submission(order_id="A10234", message="My lamp arrived cracked.", item=None)
    assert fingerprint(explicit) == fingerprint(LAMP)


@pytest.mark.parametrize(
    "change",
    [{"order_id": "A10235"}, {"message": "My lamp arrived cracked!"}, {"item": "lamp"}, {"customer_email": "a@b"}],
)
def test_any_other_field_value_changes_the_fingerprint(change):
    assert fingerprint(Submission(**LAMP.model_dump() | change)) != fingerprint(LAMP)


def test_a_stored_intake_is_answered_with_its_own_answer():
    intake = prepare("shop", "key", LAMP, NOW)
    accepted = conclude(intake, Taken(stored=True))
    assert not accepted.replayed
    assert accepted.answer["id"] == intake.request.id
    assert accepted.answer["links"]["trace"] == f"/v1/returns/{intake.request.id}/trace"


def test_the_same_body_gets_the_first_answer_and_not_its_own():
    first, second = prepare("shop", "key", LAMP, NOW), prepare("shop", "key", LAMP, NOW)
    accepted = conclude(second, Taken(found=StoredAnswer(first.fingerprint, first.answer)))
    assert accepted.replayed
    assert accepted.answer["id"] == first.request.id != second.request.id


def test_another_body_under_the_key_is_told_apart():
    other = prepare("shop", "key", Submission(order_id="A1", message="hello"), NOW)
    first = prepare("shop", "key", LAMP, NOW)
    with pytest.raises(KeyReused):
        conclude(other, Taken(found=StoredAnswer(first.fingerprint, first.answer)))


def test_a_key_in_flight_and_an_unknown_order_are_told_apart():
    intake = prepare("shop", "key", LAMP, NOW)
    with pytest.raises(KeyInFlight):
        conclude(intake, Taken(in_flight=True))
    with pytest.raises(UnknownOrder):
        conclude(intake, Taken(unknown_order=True))


def test_a_key_is_kept_for_a_day_from_its_first_use():
    assert prepare("shop", "key", LAMP, NOW).expires_at == NOW + timedelta(hours=24) == NOW + KEY_LIFETIME


def test_ids_sort_by_time_and_do_not_repeat():
    ids = [new_return_id(NOW + timedelta(milliseconds=ms)) for ms in range(200)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 200
    assert len({new_return_id(NOW) for _ in range(1000)}) == 1000
