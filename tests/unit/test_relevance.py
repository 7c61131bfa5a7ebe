"""The choice among clauses: what the encoder says of them, and how it weighs beside the checkpoint."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from infra.settings import get_settings
from policies import Reason
from policies.plain_text import plain_text_version
from services.inference.base import ensure_base
from services.inference.prompt import choice_leanings, choice_steps
from services.inference.relevance import facts_for, leanings, most_relevant, relevance
from services.inference.steps import StepsConstraint
from services.inference.tokenizer import Tokenizer
from tests.unit.test_prompt import view_of

LATE = plain_text_version("H.4", "1", "Whoever waits 3 weeks beyond the agreed day may return the piece within a week.")
BOXED = plain_text_version("H.2", "1", "Tables may be given back in the first month, when they are still boxed.")
SLIP = plain_text_version("H.3", "1", "Scratches that the crew noted on the slip: return within fifteen days.")
SHOP = (BOXED, SLIP, LATE)


def test_without_clauses_there_is_nothing_to_rank():
    assert relevance([], "hello", {}).shape == (0,)
    assert most_relevant([], "hello", {}) == ()


def test_a_fact_points_at_the_clause_that_speaks_of_it():
    assert most_relevant(SHOP, "please take it back", {"noted_on_slip": True})[0] is SLIP


@pytest.mark.parametrize(("reason", "wanted"), [(Reason.LATE_DELIVERY, LATE), (Reason.DAMAGED, SLIP)])
def test_the_reason_in_plain_words_finds_the_clause_whatever_the_message_says(reason, wanted):
    scores = leanings(SHOP, "Das Stück geht zurück.", {}, reason)
    assert SHOP[int(scores.argmax())] is wanted


def test_the_order_of_the_clauses_changes_no_score():
    there = relevance(SHOP, "the crew scratched it", {"noted_on_slip": None})
    back = relevance(SHOP[::-1], "the crew scratched it", {"noted_on_slip": None})
    assert np.allclose(there, back[::-1], atol=1e-5)


def test_an_answer_without_a_clause_stands_level_with_the_best_clause():
    view = view_of()
    found = choice_leanings(view, ["damaged\n"])
    assert set(found) == {*view.clauses, ""}
    assert found[""] == max(found.values())


def test_one_clause_alone_is_weighed_against_nothing():
    view = view_of()
    alone = replace(view, evidence=view.evidence.model_copy(update={"policies": view.evidence.policies[:1]}))
    assert choice_leanings(alone, ["damaged\n"]) == {}


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer(Path(ensure_base(get_settings().checkpoints_dir)) / "tokenizer.json")


def test_leanings_come_in_the_order_of_the_allowed_tokens_and_only_for_the_first_word(tokenizer):
    view = view_of()
    steps = choice_steps(view)
    state = StepsConstraint(steps, tokenizer, partial(choice_leanings, view))
    state.forced()
    assert state.leanings() is None
    for token in tokenizer.encode("damaged\n"):
        if token in state.allowed():
            state.accept(token)
        state.forced()
    words = choice_leanings(view, state.chosen)
    added = dict(zip(state.allowed().tolist(), state.leanings(), strict=True))
    assert added[tokenizer.encode("A")[0]] == pytest.approx(words["A"])
    assert added[tokenizer.encode("none")[0]] == pytest.approx(words[""])
    state.accept(tokenizer.encode("A")[0])
    assert state.leanings() is None


def test_a_fact_that_plainly_belongs_to_another_clause_is_not_held_against_this_one():
    facts = {"noted_on_slip": None, "still_boxed": True, "days_since_delivery": 3, "weeks_overdue": 4}
    assert set(facts_for(BOXED, SHOP, facts)) >= {"still_boxed", "days_since_delivery"}
    assert "noted_on_slip" not in facts_for(BOXED, SHOP, facts)
    assert set(facts_for(BOXED, [BOXED], facts)) == set(facts)
