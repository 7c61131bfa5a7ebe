"""Doubt about sentences that no rule settles: it only ever adds, and what is recorded takes it away."""

import pytest

from lifecycle.doubt.sentences import banked, of_banks
from lifecycle.doubt.train import train
from lifecycle.evals.claims.table import FOLDER, rows
from services.domain.actions import ActionStatus, ToolAction
from services.domain.reading import LexicalClaimReader
from services.domain.reading.doubt import DEFAULT_DOUBT, DoubtModel, shipped
from services.domain.verdict import Verdict
from services.domain.verify import verify_reply

READER = LexicalClaimReader()
ROWS = [row for path in sorted(FOLDER.glob("*.txt")) for row in rows(path)][::23]
OBLIQUE = "The ball is rolling and your parcel is in good hands with our night shift."


def probability(text):
    (passage,) = READER.read_all(text).passages
    return shipped().probability(passage)


def refund(**arguments):
    return ToolAction(name="issue_refund", status=ActionStatus.SUCCEEDED, arguments=arguments)


def test_doubt_never_turns_a_stop_into_a_pass_nor_a_pass_into_a_block():
    for row in ROWS:
        without = verify_reply(row.reply, row.actions, READER, doubt=1.1).verdict
        doubted = verify_reply(row.reply, row.actions, READER, doubt=0.0).verdict
        assert doubted is without or (without is Verdict.PASS and doubted is Verdict.AMBIGUOUS), row.reply


def test_a_lower_threshold_never_passes_more():
    for row in ROWS[::5]:
        verdicts = [verify_reply(row.reply, row.actions, READER, doubt=at).verdict for at in (0.2, 0.4, 0.6, 0.8)]
        passed = [verdict is Verdict.PASS for verdict in verdicts]
        assert passed == sorted(passed), row.reply


@pytest.mark.parametrize("form", [str.upper, lambda t: t.replace(" ", "  "), lambda t: t.replace("o", "\u043e")])
def test_case_spacing_and_look_alike_letters_leave_the_doubt_as_it_is(form):
    for text in (OBLIQUE, "Thanks a lot for the photos.", "We popped a little something in the post."):
        assert probability(form(text)) == pytest.approx(probability(text))


def test_what_is_recorded_explains_a_sentence_and_another_sum_does_not():
    text = "The forty quid is yours again."
    reader = READER.read_all(text)
    assert reader.passages
    sure = min(DEFAULT_DOUBT, probability(text))
    assert verify_reply(text, [], READER, doubt=sure).verdict is not Verdict.PASS
    record = refund(order_id="A10234", amount_cents=4000, currency="GBP")
    assert verify_reply(text, [record], READER, doubt=sure).verdict is Verdict.PASS
    other = refund(order_id="A10234", amount_cents=3500, currency="GBP")
    assert verify_reply(text, [other], READER, doubt=sure).verdict is not Verdict.PASS


def test_a_finding_shows_the_sentence_and_what_to_do():
    text = "Thank you. " + "Our night shift has your new mirror on board."
    verification = verify_reply(text, [], READER, doubt=0.0)
    failed = [f for f in verification.findings if not f.passed]
    assert failed
    assert all(f.span and f.remedy and f.owner for f in failed)


def test_the_banks_hold_both_kinds_in_every_language_and_no_sentence_twice():
    lines = list(banked())
    kinds = {(line.language, line.claims) for line in lines}
    assert kinds == {
        (language, claims) for language in ("en", "de", "fr", "es", "it", "nl") for claims in (True, False)
    }
    texts = [(line.language, line.text) for line in lines]
    assert len(texts) == len(set(texts))


def test_training_gives_the_same_weights_again_and_tells_its_own_sentences_apart():
    data = list(of_banks(list(banked())[::12]))
    first, second = train(data, rounds=120), train(data, rounds=120)
    assert first == second
    model = DoubtModel(*first)
    right = sum((model.probability(s.passage) >= 0.5) is s.claims for s in data)
    assert right >= 0.95 * len(data)
