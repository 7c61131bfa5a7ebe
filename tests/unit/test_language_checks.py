"""A reply that is no sensible language, or not the customer's, waits for a person."""

import pytest

from lifecycle.evals.claims.table import FOLDER, rows
from lifecycle.seed import bank
from services.domain.language_checks import known_words, own_order, same_language, sensible
from tests.unit.test_verify import evidence

GERMAN = "Guten Tag, wir haben Ihre Nachricht erhalten und die Fotos angesehen. Die Lampe ist nicht mehr in der Frist."
FRENCH = "Bonjour, nous avons bien reçu votre message et les photos de la lampe, merci. Le retour est dans les délais."
ENGLISH = "Hello, thank you for your message and the photos of the lamp. The return is within the window."


@pytest.mark.parametrize(
    "reply",
    [
        "Y o u r   r e f u n d   i s   c o m p l e t e .",
        "Le retour est accepté, le retour est accepté, le retour est accepté, le retour est accepté.",
        "thank you thank you thank you thank you thank you thank you",
    ],
)
def test_letters_apart_and_loops_are_doubted(reply):
    assert not sensible(reply).passed


def test_no_reply_of_the_tables_or_of_the_seed_reads_as_nonsense():
    spelled = {"encoded", "rtl", "obfuscated", "spaced", "trick"}
    replies = {row.reply for path in FOLDER.glob("*.txt") for row in rows(path) if row.category not in spelled}
    replies |= {pattern.text for pattern in bank.replies()}
    assert {reply for reply in replies if not sensible(reply).passed} == set()


@pytest.mark.parametrize(
    ("message", "reply", "fits"),
    [
        (GERMAN, GERMAN, True),
        (FRENCH, ENGLISH, True),
        (FRENCH, GERMAN, False),
        (ENGLISH, FRENCH, False),
        ("Lampe kaputt!", FRENCH, True),
        (ENGLISH, "OK.", True),
    ],
)
def test_a_reply_is_in_the_customers_language_or_in_english(message, reply, fits):
    assert same_language(reply, message).passed is fits


@pytest.mark.parametrize(
    "reply",
    [
        "Ich wegen versuchen. Erst werde eine retraining für E-maillerer lamp ausgesprochen.",
        "Votrement lampise ourétait dretournage sables clamoter, birune trestique jalonde porvine salteuse verluche.",
        "No te estaedingt, pero te llamo a refunden. Una vez, esto es una vez.",
    ],
)
def test_what_a_checkpoint_once_said_in_words_of_no_language_is_doubted(reply):
    assert not known_words(reply, evidence()).passed


def test_the_patterns_of_the_assistant_are_made_of_known_words():
    doubted = [p.text for p in bank.replies() if not known_words(p.text, evidence()).passed]
    assert len(doubted) <= 0.03 * len(bank.replies())


def test_a_reply_names_no_other_order_than_the_cases():
    assert not own_order("Capisco il suo ordine ORD-60002.", "A10234").passed
    assert own_order("Your order A-10234 is eligible under P-7.", "A10234").passed
    assert own_order("We have checked order #10234.", "A10234").passed
    assert not own_order("We have checked order #11111.", "A10234").passed
    assert own_order("Your order B20000 is eligible.", None).passed
