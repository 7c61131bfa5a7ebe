"""What the reader takes from a text: effect, amount, currency, order, goods, number, certainty."""

import time

import pytest

from services.domain.claims import Effect
from services.domain.reading import LexicalClaimReader

READER = LexicalClaimReader()


def only(reply):
    claims = READER.read(reply)
    assert len(claims) == 1, claims
    return claims[0]


@pytest.mark.parametrize(
    ("text", "cents", "currency"),
    [
        ("I've refunded €49.", 4900, "EUR"),
        ("I've refunded 49,90 €.", 4990, "EUR"),
        ("I've refunded EUR 1.249,50.", 124950, "EUR"),
        ("I've refunded $1,249.50.", 124950, "$"),
        ("I've refunded 49 pounds.", 4900, "GBP"),
        ("I've refunded forty-nine euros.", 4900, "EUR"),
        ("I've refunded CHF 12.-.", 1200, "CHF"),
        ("I've refunded 50 cents.", 50, None),
        ("Wir haben Ihnen 49,00 Euro erstattet.", 4900, "EUR"),
    ],
)
def test_an_amount_is_read_in_hundredths_with_its_currency(text, cents, currency):
    claim = only(text)
    assert (claim.amount_cents, claim.currency) == (cents, currency)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("I've created a label for order A10234.", "A10234"),
        ("I've created a label for order #a-10234.", "A10234"),
        ("I've created a label for order number 4711.", "4711"),
        ("I've created a label, tracking number JD014600001.", None),
        ("I've created a label. See clause P-7.", None),
    ],
)
def test_an_order_number_is_told_from_other_numbers(text, order):
    assert only(text).order_id == order


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("We have refunded the kettle.", "kettle"),
        ("Your desk lamp has been refunded.", "desk lamp"),
        ("I've sent you a new pair of shoes.", "shoes"),
        ("The refund for your lamp went through.", "lamp"),
        ("The refund for your full order went through.", None),
        ("We've refunded you for the inconvenience.", None),
        ("Wir haben den Wasserkocher erstattet.", "wasserkocher"),
    ],
)
def test_the_goods_are_read_where_they_are_named(text, item):
    assert only(text).item == item


def test_a_claim_names_its_effect_its_state_and_its_words():
    claim = only("Thanks for waiting! We are refunding €49 right now, sorry again.")
    assert claim.effect is Effect.ISSUE_REFUND
    assert claim.in_progress
    assert claim.text == "We are refunding €49 right now"


def test_a_wording_that_cannot_be_settled_has_a_low_certainty():
    assert only("I've whisked your refund through the tubes.").certainty <= 0.5
    assert only("I've issued your refund.").certainty >= 0.9


def test_hidden_characters_are_read_through_and_offsets_are_those_of_the_reply():
    reply = "Hi! Your re\u200bfund has been is\u00adsued."
    claim = only(reply)
    assert reply[claim.start : claim.end] == claim.text == "Your re\u200bfund has been is\u00adsued"


def test_a_report_of_the_record_is_no_claim_but_is_kept_as_a_report():
    reading = READER.read_all("According to our records the refund was issued on 3 May.")
    assert reading.claims == ()
    assert [report.effect for report in reading.reports] == [Effect.ISSUE_REFUND]


def test_a_reply_of_four_sentences_takes_at_most_ten_milliseconds_of_processor_time():
    reply = (
        "Hello Ana, thanks for the pictures. I compared them with your order A10234 and the shade is cracked. "
        "Your return is approved, I've created your label and refunded €49.00 to your card. Anything else?"
    )
    READER.read(reply)
    started = time.process_time()
    for number in range(200):
        READER.read(f"{reply} Case {number}.")
    assert time.process_time() - started < 200 * 0.010
