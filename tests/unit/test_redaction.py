"""Personal data that must not leave with a training row, and what must stay because a decision needs it."""

import pytest

from services.domain.facts import OrderFacts
from services.domain.redaction import Redactor, redactor_for

SECRET = b"k" * 32


@pytest.mark.parametrize(
    ("text", "hidden", "word"),
    [
        ("write to jo.doe+shop@mail.example.co.uk please", "jo.doe", "[email]"),
        ("call +44 20 7946 0958 after six", "7946", "[phone]"),
        ("ring 030 / 1234567", "1234567", "[phone]"),
        ("my number is (0161) 496-0123", "496", "[phone]"),
        ("paid with 4111 1111 1111 1111", "4111", "[card]"),
        ("my card is 4111-1111-1111-1111.", "4111", "[card]"),
        ("paid with 5500005555555559", "5500", "[card]"),
        ("refund to DE89 3704 0044 0532 0130 00", "3704", "[iban]"),
        ("refund to GB82WEST12345698765432", "WEST", "[iban]"),
        ("I live at 12 Baker Street in town", "Baker", "[address]"),
        ("Lieferung an Hauptstraße 5a bitte", "Hauptstra", "[address]"),
        ("au 14 rue de la Paix", "Paix", "[address]"),
        ("10115 Berlin", "10115", "[address]"),
        ("NW1 6XE", "6XE", "[address]"),
        ("My name is Maria Lopez and I am cross", "Maria", "[name]"),
        ("Ich heiße Jonas Weber.", "Jonas", "[name]"),
        ("It broke.\nKind regards,\nAnna Berg", "Berg", "[name]"),
        ("see https://photos.example.org/u/anna?token=1", "anna", "[link]"),
    ],
)
def test_personal_data_is_replaced_by_a_word_for_its_kind(text, hidden, word):
    clean = Redactor(SECRET).text(text)
    assert hidden not in clean
    assert word in clean


@pytest.mark.parametrize(
    "text",
    [
        "Delivered on 2025-03-01, asked on 2025-03-13.",
        "It cost EUR 1,249.00 and I want 49.00 back.",
        "Damaged items reported within 30 days of delivery are eligible for return.",
        "days_since_delivery <= 30: 12 yes",
        "Size 42, box says 42, shoes say 39; article 1234567890.",
        "2 chairs of 4, 120 x 80 cm, 1500 W",
        "Thanks, it works now",
        "P-7 version 2026-01",
    ],
)
def test_what_a_decision_needs_stays(text):
    assert Redactor(SECRET).text(text) == text


def test_an_order_number_becomes_the_same_pseudonym_everywhere_and_cannot_be_read_back():
    redactor = redactor_for(SECRET, OrderFacts(values={"order_id": "A10234", "item": "lamp"}))
    message, reply = redactor.text("Order A10234 broke"), redactor.text("Your label for a10234 is ready.")
    assert "10234" not in message + reply
    pseudonym = message.split()[1]
    assert pseudonym in reply
    assert redactor.facts(OrderFacts(values={"order_id": "A10234"})).order_id == pseudonym
    other = redactor_for(b"x" * 32, OrderFacts(values={"order_id": "A10234"}))
    assert other.text("A10234") != pseudonym


def test_what_records_say_of_the_customer_is_hidden_in_every_text_and_leaves_the_facts():
    facts = OrderFacts(values={"order_id": "A1", "customer_name": "Maria Lopez", "item": "lamp"})
    redactor = redactor_for(SECRET, facts, ["m.l@example.org", None])
    assert redactor.text("maria lopez here (m.l@example.org)") == "[customer] here ([customer])"
    assert "customer_name" not in redactor.facts(facts).values
    assert redactor.value({"a": ["Maria Lopez", 3]}) == {"a": ["[customer]", 3]}


def test_a_card_number_that_fails_its_check_digit_is_no_card():
    assert Redactor(SECRET).text("serial 4111 1111 1111 1112") != "serial [card]"
