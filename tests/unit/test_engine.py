"""The engine on random weights: company, chunks and caches change no answer; failures are recorded, not raised."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from services.inference.constrain import GrammarDeadEnd, Grammars, OverLong
from services.inference.engine import Engine, EngineOptions
from services.inference.request import GenerationRequest, PromptTooLong
from services.inference.steps import StepsConstraint
from services.inference.tokenizer import Tokenizer
from tests.unit.inference_tiny import tiny_model, tiny_tokenizer_json

GRAMMAR = r"""
start: reason "\n" ("A1" | "B2" | "B27") ("\nwithin_window: yes" | "\nwithin_window: no"){0,2} "\n= " final
reason: "damaged" | "defective" | "late_delivery"
final: "eligible" (" create_return_label" | " send_email"){0,2} | "review"
"""


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    path.write_text(tiny_tokenizer_json())
    return Tokenizer(path)


@pytest.fixture(scope="module")
def grammars(tokenizer):
    return Grammars(tokenizer)


@pytest.fixture(scope="module")
def model():
    return tiny_model(seed=4)


def _requests(tokenizer, grammars, count=9):
    """Return requests that share a system text, some of them also a clause."""
    requests = []
    for i in range(count):
        system, clause = tokenizer.encode("Decide by policy.\n"), tokenizer.encode(f"Clause {i % 3}: return it.\n")
        message = tokenizer.encode(f"message {i} " + "please " * i)
        requests.append(
            GenerationRequest(
                prompt=system + clause + message,
                boundaries=(len(system), len(system) + len(clause)),
                constraint=lambda: grammars.compile(GRAMMAR),
                max_new_tokens=160,
            )
        )
    return requests


def _answers(model, tokenizer, requests, **options):
    results = Engine(model, tokenizer.stop_id, EngineOptions(**options)).generate(requests)
    assert [r.error for r in results] == [None] * len(requests)
    return [r.ids for r in results]


def test_answers_obey_the_grammar_and_end(model, tokenizer, grammars):
    for ids in _answers(model, tokenizer, _requests(tokenizer, grammars)):
        matcher = grammars.compile(GRAMMAR)
        for token in ids:
            matcher.accept(token)
        assert matcher.finished or tokenizer.stop_id in matcher.allowed()


@pytest.mark.parametrize(
    "options",
    [
        {"max_running": 1},
        {"max_running": 3, "step_tokens": 7},
        {"prefix_bytes": 0},
        {"append_forced": False},
        {"partial_head_rows": 0},
    ],
    ids=str,
)
def test_answers_do_not_depend_on_company_or_on_the_engines_ideas(model, tokenizer, grammars, options):
    requests = _requests(tokenizer, grammars)
    assert _answers(model, tokenizer, requests, **options) == _answers(model, tokenizer, requests)


def test_free_text_is_what_plain_greedy_decoding_writes(model, tokenizer):
    prompt = tokenizer.encode("hello there")
    (result,) = Engine(model, tokenizer.stop_id).generate([GenerationRequest(prompt, max_new_tokens=20)])
    ids = list(prompt)
    with torch.no_grad():
        while len(ids) < len(prompt) + 20:
            best = int(model.head(model(torch.tensor([ids]))[0, -1]).argmax())
            if best == tokenizer.stop_id:
                break
            ids.append(best)
    assert list(result.ids)[:20] == ids[len(prompt) :]


def test_shared_beginnings_run_once(model, tokenizer, grammars):
    requests = _requests(tokenizer, grammars, 6)
    engine = Engine(model, tokenizer.stop_id)
    results = engine.generate(requests)
    shared = requests[0].boundaries[0]
    assert sum(r.cached_tokens for r in results) >= 5 * shared
    again = engine.generate(requests)
    assert all(r.cached_tokens >= q.boundaries[-1] for r, q in zip(again, requests, strict=True))
    assert [r.ids for r in again] == [r.ids for r in results]


def test_prefix_memory_stays_within_its_bound(model, tokenizer, grammars):
    requests = _requests(tokenizer, grammars)
    one_token = model.config.kv_values_per_token() * 4
    engine = Engine(model, tokenizer.stop_id, EngineOptions(prefix_bytes=40 * one_token))
    engine.generate(requests)
    assert 0 < engine.prefixes.bytes <= 40 * one_token


def test_a_whole_prompt_in_the_cache_still_gives_the_first_choice(model, tokenizer, grammars):
    request = _requests(tokenizer, grammars, 1)[0]
    request = replace(request, boundaries=(len(request.prompt),))
    engine = Engine(model, tokenizer.stop_id)
    first, second = engine.generate([request])[0], engine.generate([request])[0]
    assert second.ids == first.ids
    assert second.cached_tokens == len(request.prompt) - 1


def test_a_reply_goes_on_from_the_cache_of_its_decision(model, tokenizer, grammars):
    request = _requests(tokenizer, grammars, 1)[0]
    engine = Engine(model, tokenizer.stop_id)
    decision = engine.generate([request])[0]
    prompt = [*request.prompt, *decision.ids, tokenizer.stop_id, *tokenizer.encode("\ntool ran\n")]
    plain = engine.generate([GenerationRequest(prompt, max_new_tokens=12)])[0]
    reply = engine.generate([GenerationRequest(prompt, max_new_tokens=12, session=decision.session)])[0]
    assert reply.ids == plain.ids
    assert reply.cached_tokens == len(decision.session.ids) >= len(request.prompt)
    assert reply.computed_tokens < plain.computed_tokens


def test_a_session_used_twice_is_read_again_instead_of_corrupted(model, tokenizer, grammars):
    request = _requests(tokenizer, grammars, 1)[0]
    engine = Engine(model, tokenizer.stop_id)
    session = engine.generate([request])[0].session
    other = GenerationRequest([*request.prompt[:10], *tokenizer.encode("else")], max_new_tokens=4, session=session)
    prompt = [*request.prompt, *tokenizer.encode("more")]
    plain = engine.generate([GenerationRequest(prompt, max_new_tokens=8)])[0]
    _, second = engine.generate([other, GenerationRequest(prompt, max_new_tokens=8, session=session)])
    assert second.ids == plain.ids
    assert second.cached_tokens == 0


def test_a_session_that_does_not_fit_the_prompt_is_used_as_far_as_it_does(model, tokenizer, grammars):
    request = _requests(tokenizer, grammars, 1)[0]
    engine = Engine(model, tokenizer.stop_id)
    session = engine.generate([request])[0].session
    other = [*request.prompt[:10], *tokenizer.encode("something else")]
    plain = engine.generate([GenerationRequest(other, max_new_tokens=8)])[0]
    reused = engine.generate([GenerationRequest(other, max_new_tokens=8, session=session)])[0]
    assert reused.ids == plain.ids
    assert reused.cached_tokens == 10


def test_drawing_depends_on_the_seed_and_not_on_company(model, tokenizer, grammars):
    request = replace(_requests(tokenizer, grammars, 1)[0], temperature=1.5, seed=7)
    engine = Engine(model, tokenizer.stop_id)
    alone = engine.generate([request])[0].ids
    crowd = engine.generate([replace(request, seed=s) for s in range(12)])
    assert crowd[7].ids == alone
    assert len({r.ids for r in crowd}) > 3


def test_chosen_positions_are_those_the_grammar_left_open(model, tokenizer, grammars):
    lark = 'start: "order " ("a" | "b") " is " ("fine" | "lost")'
    request = GenerationRequest(tokenizer.encode("x"), constraint=lambda: grammars.compile(lark))
    result = Engine(model, tokenizer.stop_id).generate([request])[0]
    assert result.chosen == (6, 11)
    assert len(result.ids) == 15
    assert result.computed_tokens == 1 + 11  # the prompt and what comes before the last choice


def test_failures_are_results_and_leave_the_others_alone(model, tokenizer, grammars):
    good = _requests(tokenizer, grammars, 1)[0]
    endless = GenerationRequest(good.prompt, constraint=lambda: grammars.compile("start: /[a-z]+/"), max_new_tokens=9)
    broken = GenerationRequest(good.prompt, constraint=lambda: grammars.compile("start: nothing"))
    too_long = GenerationRequest(good.prompt * 20, max_new_tokens=100)
    forced = GenerationRequest(
        good.prompt, constraint=lambda: grammars.compile('start: "abcdefghijkl"'), max_new_tokens=5
    )
    results = Engine(model, tokenizer.stop_id).generate([good, broken, endless, too_long, forced, good])
    kinds = [type(r.error) for r in results]
    assert kinds == [type(None), GrammarDeadEnd, OverLong, PromptTooLong, OverLong, type(None)]
    assert results[0].ids == results[5].ids
    assert all("\n" not in str(r.error) for r in results)


def test_an_answer_without_a_choice_needs_no_run(model, tokenizer, grammars):
    request = GenerationRequest(tokenizer.encode("x"), constraint=lambda: grammars.compile('start: "all forced"'))
    engine = Engine(model, tokenizer.stop_id)
    result = engine.generate([request])[0]
    assert tokenizer.decode(result.ids) == "all forced"
    assert engine.counters.computed_tokens == 0


STEPS = [("sum: ", (" 1\n", " 12\n")), ("used:", (" yes\n", " no\n", " any\n")), ("end ", ("A", "A B", "none"))]


def _stepped(tokenizer, guesses, count=6):
    return [
        GenerationRequest(
            tokenizer.encode(f"Read clause {i}.\n"),
            (5,),
            partial(StepsConstraint, STEPS * 2 if i % 2 else STEPS, tokenizer, None, guesses),
            max_new_tokens=90,
            temperature=float(i == 5),
            seed=i,
        )
        for i in range(count)
    ]


@pytest.mark.parametrize("options", [{}, {"full_step": 7}, {"full_step": 4_000}, {"max_running": 1}], ids=str)
def test_guesses_right_or_wrong_change_no_answer_and_no_sureness(model, tokenizer, options):
    plain = Engine(model, tokenizer.stop_id, EngineOptions(full_step=0)).generate(_stepped(tokenizer, ()))
    wanted = [(one.ids, one.chosen, one.steps, one.error) for one in plain]
    right = list(plain[0].steps)
    for guesses in (right, [" 12\n", " any\n", "A"], [" 1\n"], [right[0], " gone\n", "A B"], right * 2):
        found = Engine(model, tokenizer.stop_id, EngineOptions(**options)).generate(_stepped(tokenizer, guesses))
        assert [(one.ids, one.chosen, one.steps, one.error) for one in found] == wanted
        for one, same in zip(found, plain, strict=True):
            assert one.sureness == pytest.approx(same.sureness, abs=1e-4)


def test_a_right_guess_is_confirmed_in_one_step_and_a_wrong_one_is_counted(model, tokenizer):
    (plain,) = Engine(model, tokenizer.stop_id).generate(_stepped(tokenizer, (), 1))
    engine = Engine(model, tokenizer.stop_id, EngineOptions(full_step=400))
    (result,) = engine.generate(_stepped(tokenizer, plain.steps, 1))
    assert (engine.counters.steps, engine.counters.guessed_wrong) == (1, 0)
    wrong = [
        next(other for other in choices if other != right)
        for right, (_, choices) in zip(plain.steps, STEPS, strict=True)
    ]
    engine.generate(_stepped(tokenizer, wrong, 1))
    assert engine.counters.guessed_wrong > 0
    prompt = [*_stepped(tokenizer, (), 1)[0].prompt, *result.ids, *tokenizer.encode("more")]
    replies = [GenerationRequest(prompt, max_new_tokens=8, session=session) for session in (None, result.session)]
    first, second = engine.generate(replies)
    assert first.ids == second.ids
    assert second.cached_tokens > 0


def test_what_leans_towards_a_choice_guesses_it_and_is_asked_once_a_step(model, tokenizer):
    steps, asked = [("", ("damaged\n", "late\n")), ("", ("none", "A", "A B", "B"))], []

    def leaning(chosen):
        asked.append(tuple(chosen))
        return {"A": 90.0, "B": 0.0, "": 0.0} if chosen else {}

    def answer(full_step):
        request = GenerationRequest(tokenizer.encode("x"), (), partial(StepsConstraint, steps, tokenizer, leaning))
        engine = Engine(model, tokenizer.stop_id, EngineOptions(full_step=full_step))
        return engine.generate([request])[0], engine.counters.steps

    (plain, steps_without), (guessed, steps_with) = answer(0), answer(96)
    assert (guessed.steps, guessed.ids) == (plain.steps, plain.ids)
    assert plain.steps[1].startswith("A")
    assert guessed.sureness == pytest.approx(plain.sureness, abs=1e-4)
    assert steps_with == steps_without - 1
    assert sum(len(chosen) == 1 for chosen in asked) == 2  # once an answer


def test_late_requests_join_those_that_run(model, tokenizer, grammars):
    requests = _requests(tokenizer, grammars, 4)
    engine = Engine(model, tokenizer.stop_id)
    tickets, done = [engine.submit(requests[0])], {}
    for request in requests[1:]:
        done.update(engine.step())
        tickets.append(engine.submit(request))
    while len(done) < 4:
        done.update(engine.step())
    assert [done[t].ids for t in tickets] == _answers(model, tokenizer, requests)
    assert engine.load == (0, 0)
