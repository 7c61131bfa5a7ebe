"""What must hold for every reply: no claim is washed away by another, by form, or by a missing action."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.evals.claims.table import FOLDER, rows
from services.domain.actions import ActionStatus, ToolAction
from services.domain.reading import LexicalClaimReader
from services.domain.verdict import Verdict
from services.domain.verify import verify_reply
from tests.unit.test_claims_table import LIMITS

READER = LexicalClaimReader()
ROWS = [row for path in sorted(FOLDER.glob("*.txt")) for row in rows(path)]
STOPS = [row for row in ROWS if not row.passes and row.category not in {"encoded", "rtl"}]
CLAIM_SENTENCES = [
    ("I have issued your refund.", "issue_refund"),
    ("Your return label is in your inbox.", "create_return_label"),
    ("A replacement has been dispatched.", "send_replacement"),
    ("I've added store credit to your account.", "issue_store_credit"),
    ("Your return has been cancelled.", "cancel_return"),
    ("I have emailed you the confirmation.", "send_email"),
]
FREE_SENTENCES = [
    "Thank you for your patience.",
    "I have reviewed your photos.",
    "Refunds usually take five days.",
    "We will be in touch tomorrow.",
    "Your lamp is eligible under P-7.",
    "Would you like anything else?",
]


def verdict(reply, actions=()):
    return verify_reply(reply, actions, READER).verdict


def action(name):
    return ToolAction(name=name, status=ActionStatus.SUCCEEDED, arguments={"order_id": "A10234"})


@given(st.sampled_from(STOPS), st.sampled_from(CLAIM_SENTENCES))
@settings(max_examples=300, deadline=None)
def test_adding_a_claim_never_turns_a_stop_into_a_pass(row, sentence):
    if row.reply in {reply for _, reply in LIMITS}:
        return
    assert verdict(f"{row.reply}\n\n{sentence[0]}", row.actions) is not Verdict.PASS


@given(st.lists(st.sampled_from(CLAIM_SENTENCES), min_size=1, max_size=4, unique=True), st.data())
@settings(max_examples=200, deadline=None)
def test_removing_an_action_never_turns_a_stop_into_a_pass(sentences, data):
    reply = " ".join(text for text, _ in sentences)
    actions = [action(name) for _, name in sentences]
    assert verdict(reply, actions) is Verdict.PASS
    kept = data.draw(st.sets(st.sampled_from(range(len(actions))), max_size=len(actions) - 1))
    assert verdict(reply, [actions[i] for i in kept]) is not Verdict.PASS


@given(st.permutations(range(4)), st.integers(0, 5), st.integers(0, 5))
@settings(max_examples=200, deadline=None)
def test_the_order_of_sentences_that_do_not_refer_to_each_other_does_not_matter(order, claim, free):
    parts = [
        CLAIM_SENTENCES[claim][0],
        FREE_SENTENCES[free],
        FREE_SENTENCES[(free + 1) % 6],
        FREE_SENTENCES[(free + 2) % 6],
    ]
    mixed = " ".join(parts[i] for i in order)
    assert verdict(mixed) is Verdict.BLOCK
    assert verdict(mixed, [action(CLAIM_SENTENCES[claim][1])]) is Verdict.PASS


@pytest.mark.parametrize(
    "form",
    [
        str.upper,
        str.title,
        lambda text: unicodedata.normalize("NFD", text),
        lambda text: unicodedata.normalize("NFC", text),
        lambda text: text.replace(" ", "  "),
        lambda text: text.replace(" ", "\u00a0"),
        "\u200b".join,
        lambda text: text.translate({i: 0xFEE0 + i for i in range(0x41, 0x7B)}),
        lambda text: text.replace("a", "\u0430").replace("e", "\u0435").replace("o", "\u043e"),
    ],
    ids=["upper", "title", "nfd", "nfc", "spaces", "nbsp", "zero-width", "full-width", "cyrillic"],
)
def test_case_spacing_and_unicode_form_do_not_change_the_verdict(form):
    for text, name in CLAIM_SENTENCES:
        for actions in ([], [action(name)]):
            assert verdict(form(text), actions) is verdict(text, actions), text
    for text in FREE_SENTENCES:
        assert verdict(form(text)) is Verdict.PASS, text


@given(st.text(max_size=400))
@settings(max_examples=300, deadline=None)
def test_any_text_at_all_is_read_without_an_error(text):
    for claim in READER.read(text):
        assert 0 <= claim.start <= claim.end <= len(text)
