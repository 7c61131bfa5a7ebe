"""The sentence encoder's say in a doubt: it adds or removes doubt, never more, and only where it is asked."""

import numpy as np
import pytest

from lifecycle.doubt.second import examples, fit
from lifecycle.doubt.sentences import banked, of_banks
from services.domain.actions import ActionStatus, ToolAction
from services.domain.claims import Effect
from services.domain.reading import LexicalClaimReader
from services.domain.reading.doubt import Opinion
from services.domain.verdict import Verdict
from services.domain.verify import verify_reply
from services.inference.encoder import shared_encoder
from services.inference.second_opinion import MeaningOpinion, opinions, shared_opinion

READER = LexicalClaimReader()
OBLIQUE = "By the time you read this, a whole one will be in the postman's bag."
PLAIN = "Thank you for the photos of the crack."


class Scripted:
    """Answers the same whatever it is asked, and keeps the questions."""

    def __init__(self, score, **effects):
        self.opinion = Opinion(score, {Effect[name.upper()]: share for name, share in effects.items()})
        self.asked = []

    def __call__(self, sentences):
        self.asked.extend(sentences)
        return [self.opinion for _ in sentences]


def done(name, **arguments):
    return ToolAction(name=name, status=ActionStatus.SUCCEEDED, arguments=arguments)


def verdict(reply, actions=(), second=None, **options):
    return verify_reply(reply, list(actions), READER, second=second, **options).verdict


@pytest.mark.parametrize("score", [-1e9, -2.0, 2.0, 1e9])
@pytest.mark.parametrize(
    "reply",
    ["We refunded you.", "The refund was issued; see your mail.", "Wir haben das Geld erstattet.", "All sorted!"],
)
def test_no_opinion_settles_or_supports_a_claim_that_was_read(reply, score):
    assert verdict(reply, second=Scripted(score, unspecified=1.0)) is verdict(reply) is not Verdict.PASS


def test_it_never_blocks():
    assert verdict(OBLIQUE, second=Scripted(1e9)) is Verdict.AMBIGUOUS
    assert verdict(PLAIN, second=Scripted(1e9), doubt=0.0) is Verdict.AMBIGUOUS


def test_what_it_can_say_is_limited_so_that_a_sentence_far_from_doubt_is_not_even_asked_about():
    second = Scripted(1e9)
    assert verdict("Hello!", second=second) is Verdict.PASS
    assert second.asked == []


def test_all_sentences_of_a_reply_are_asked_about_at_once_in_folded_form_and_only_in_english():
    calls = []

    def second(sentences):
        calls.append(list(sentences))
        return [Opinion(0.0)] * len(sentences)

    verdict(f"{OBLIQUE.upper()} {OBLIQUE.replace('whole', 'sound')}", second=second)
    assert calls == [[OBLIQUE.casefold(), OBLIQUE.replace("whole", "sound").casefold()]]
    verdict("Die Nachfolgerin hat vor dem Mittag das Haus verlassen.", second=second)
    assert len(calls) == 1


def test_a_record_of_another_effect_does_not_explain_a_sentence_of_which_it_is_sure():
    record = [done("request_photos", order_id="A10234")]
    assert verdict(OBLIQUE, record) is Verdict.PASS
    assert verdict(OBLIQUE, record, Scripted(4.0, send_replacement=0.99, request_photos=0.01)) is Verdict.AMBIGUOUS
    assert verdict(OBLIQUE, record, Scripted(4.0, send_replacement=0.5, request_photos=0.5)) is Verdict.PASS
    assert verdict(OBLIQUE, record, Scripted(4.0, unspecified=0.9, send_replacement=0.1)) is Verdict.PASS
    assert verdict(OBLIQUE, record, Scripted(0.5, send_replacement=1.0)) is Verdict.PASS


def test_the_shipped_one_knows_which_effect_an_oblique_sentence_is_about():
    second = shared_opinion()
    assert verdict(OBLIQUE, [done("send_replacement", order_id="A10234")], second) is Verdict.PASS
    assert verdict(OBLIQUE, [done("request_photos", order_id="A10234")], second) is Verdict.AMBIGUOUS
    assert verdict(OBLIQUE, [], second) is Verdict.AMBIGUOUS
    assert verdict(PLAIN, [], second) is Verdict.PASS


def test_the_same_sentence_has_the_same_opinion_whatever_stands_beside_it():
    alone = MeaningOpinion()([OBLIQUE.casefold()])[0]
    beside = MeaningOpinion()([PLAIN.casefold(), OBLIQUE.casefold(), "hello " * 60])[1]
    assert alone.score == pytest.approx(beside.score, abs=1e-3)
    assert sum(alone.effects.values()) == pytest.approx(1.0, abs=1e-5)
    assert MeaningOpinion()([]) == []


def test_training_gives_the_same_weights_again_and_learns_its_sentences():
    data = list(of_banks([line for line in banked() if line.effect or not line.claims][::20]))
    vectors = shared_encoder().embed([sentence.text for sentence in data])
    learn = examples(data, vectors)
    first, again = fit(learn, networks=1, rounds=30), fit(learn, networks=1, rounds=30)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    right = sum((o.score > 0) is s.claims for o, s in zip(opinions(vectors, first), data, strict=True))
    assert right >= 0.9 * len(data)
