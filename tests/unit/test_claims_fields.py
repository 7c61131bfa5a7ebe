"""Sums, currencies and order numbers in every form a reply may give them: the right one passes, another never does."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.domain.actions import ActionStatus, ToolAction
from services.domain.reading import LexicalClaimReader
from services.domain.reading.folding import fold
from services.domain.reading.lexicons import LEXICONS
from services.domain.reading.money import amounts
from services.domain.reading.numerals import LINKS, PARTS, number_in
from services.domain.verdict import Verdict
from services.domain.verify import verify_reply

READER = LexicalClaimReader()
BY_CODE = {lexicon.code: lexicon for lexicon in LEXICONS}
PAID = {
    "en": "We have refunded {} to your card.",
    "de": "Wir haben Ihnen {} erstattet.",
    "fr": "Nous vous avons remboursé {}.",
    "es": "Le hemos reembolsado {}.",
    "it": "Le abbiamo rimborsato {}.",
    "nl": "We hebben u {} terugbetaald.",
}
LANGUAGES = st.sampled_from(sorted(PAID))
SUMS = st.integers(min_value=1_00, max_value=9_999_99)
steady = settings(max_examples=60, deadline=None, derandomize=True)


def grouped(whole, sign):
    return f"{whole:,}".replace(",", sign)


FORMS = {
    "sign before, point": lambda c: f"€{c // 100}.{c % 100:02}",
    "sign before, thousands by comma": lambda c: f"€{grouped(c // 100, ',')}.{c % 100:02}",
    "sign after, thousands by point": lambda c: f"{grouped(c // 100, '.')},{c % 100:02} €",
    "thousands by blank": lambda c: f"{grouped(c // 100, ' ')},{c % 100:02} €",
    "thousands by narrow blank": lambda c: f"{grouped(c // 100, chr(0x202F))},{c % 100:02} €",
    "thousands by apostrophe": lambda c: f"EUR {grouped(c // 100, chr(0x27))}.{c % 100:02}",
    "code glued before": lambda c: f"EUR{c // 100}.{c % 100:02}",
    "code after": lambda c: f"{c // 100},{c % 100:02} EUR",
    "word after": lambda c: f"{c // 100},{c % 100:02} euro",
    "sign between": lambda c: f"{c // 100}€{c % 100:02}",
}


def spelled(number, code):
    """Return the words for 1 to 999."""
    words = {value: word for word, value in reversed(PARTS[code].items())}
    hundreds, rest = divmod(number, 100)
    head = "" if not hundreds else words[100] if hundreds == 1 else f"{words[hundreds]} {words[100]}"
    tail = "" if not rest else words.get(rest) or below_a_hundred(rest, words, code)
    return f"{head} {tail}".strip()


def below_a_hundred(number, words, code):
    ones = number % 10
    tens = number - ones
    if code in {"de", "nl"}:
        return words[ones] + (LINKS[code] if tens > 10 else "") + words[tens]
    if code == "fr" and tens in {70, 90}:
        return f"{words[tens - 10]}-{words.get(ones + 10) or 'dix-' + words[ones]}"
    if code == "es":
        return f"veinti{words[ones]}" if tens == 20 else f"{words[tens]} y {words[ones]}"
    return f"{words[tens]}{'-' if code in {'en', 'fr'} else ''}{words[ones]}"


def refund(cents, currency="EUR", order="A10234"):
    arguments = {"order_id": order, "amount_cents": cents, "currency": currency}
    return ToolAction(name="issue_refund", status=ActionStatus.SUCCEEDED, arguments=arguments)


def verdict(reply, action):
    return verify_reply(reply, [action], READER).verdict


@steady
@given(LANGUAGES, st.sampled_from(sorted(FORMS)), SUMS, SUMS)
def test_a_sum_in_any_form_passes_beside_its_record_and_beside_no_other(code, form, cents, other):
    reply = PAID[code].format(FORMS[form](cents))
    assert verdict(reply, refund(cents)) is Verdict.PASS
    if other != cents:
        assert verdict(reply, refund(other)) is not Verdict.PASS
    assert verdict(reply, refund(cents, "CHF")) is not Verdict.PASS


@pytest.mark.parametrize("code", sorted(PAID))
def test_every_number_in_words_below_a_thousand_is_read_back(code):
    wrong = [(n, spelled(n, code)) for n in range(1, 1000) if number_in(fold(spelled(n, code)).text, code) != n]
    assert wrong == []


@steady
@given(LANGUAGES, st.integers(min_value=2, max_value=999), st.integers(min_value=2, max_value=999))
def test_a_sum_in_words_passes_beside_its_record_and_beside_no_other(code, units, other):
    reply = PAID[code].format(f"{spelled(units, code)} {'euros' if code in {'en', 'fr', 'es'} else 'euro'}")
    assert verdict(reply, refund(units * 100)) is Verdict.PASS, reply
    if other != units:
        assert verdict(reply, refund(other * 100)) is not Verdict.PASS, reply


@pytest.mark.parametrize(
    ("code", "text", "cents", "currency"),
    [
        ("en", "30 bucks", 3000, "$"),
        ("en", "thirty quid", 3000, "GBP"),
        ("en", "a tenner", 1000, None),
        ("en", "99p", 99, "GBP"),
        ("en", "50 cents", 50, None),
        ("en", "$1.5k", 150_000, "$"),
        ("en", "thirty US dollars", 3000, "USD"),
        ("en", "40 Australian dollars", 4000, "AUD"),
        ("en", "350 Mexican pesos", 35_000, "MXN"),
        ("en", "forty-five dollars and fifty cents", 4550, "$"),
        ("en", "one thousand two hundred and five euros", 120_500, "EUR"),
        ("en", "twenty pounds fifty", 2050, "GBP"),
        ("de", "zweihundertfünfzig Euro", 25_000, "EUR"),
        ("de", "dreißig Euro und fünfzig Cent", 3050, "EUR"),
        ("de", "49 Euro 90", 4990, "EUR"),
        ("fr", "quatre-vingt-dix-neuf euros", 9900, "EUR"),
        ("fr", "septante francs", 7000, "CHF"),
        ("fr", "vingt et un euros", 2100, "EUR"),
        ("es", "ciento veinte euros", 12_000, "EUR"),
        ("es", "350 pesos", 35_000, "peso"),
        ("it", "ventuno euro", 2100, "EUR"),
        ("nl", "€ 30,-", 3000, "EUR"),
    ],
)
def test_how_people_write_sums(code, text, cents, currency):
    found = amounts(fold(f"x {text}.").text, 0, BY_CODE[code])
    assert [(amount.cents, amount.currency) for amount in found] == [(cents, currency)]


@pytest.mark.parametrize("text", ["49 euros 90 days ago", "page 12", "1080p", "30 days", "a cup of 9 oz", "at 10 p.m."])
def test_what_follows_a_number_may_be_no_money(text):
    found = amounts(fold(text).text, 0, BY_CODE["en"])
    assert all(amount.cents == 4900 for amount in found)


@steady
@given(st.integers(min_value=1000, max_value=99_999), st.integers(min_value=0, max_value=3), st.integers(1, 9))
def test_an_order_number_with_one_digit_off_is_another_order(number, place, step):
    digits = list(str(number))
    digits[place] = str((int(digits[place]) + step) % 10)
    for reply in (f"The refund for order B{''.join(digits)} was issued.", f"B{''.join(digits)} · refund issued"):
        assert verdict(reply, refund(900, order=f"B{number}")) is not Verdict.PASS
        assert verdict(reply, refund(900, order=f"B{''.join(digits)}")) is Verdict.PASS


@pytest.mark.parametrize(("named", "right"), [("A10234", True), ("A10243", False), ("A1024", False), ("A10235", False)])
def test_a_number_near_the_order_on_record_is_questioned_wherever_it_stands(named, right):
    reply = f"I've issued the refund. Thank you for your order {named}."
    assert (verdict(reply, refund(900)) is Verdict.PASS) is right


def test_a_sum_beside_the_claim_must_be_on_record_too():
    reply = "The refund has been issued. You will see €40.00 on your statement."
    assert verdict(reply, refund(4000)) is Verdict.PASS
    assert verdict(reply, refund(4900)) is not Verdict.PASS
