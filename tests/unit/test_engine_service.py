"""One engine, many callers: they share steps, wait only for their own, and are told when it is full or broken."""

import threading
import time

import pytest

from services.inference.engine import Engine, EngineOptions
from services.inference.request import GenerationRequest
from services.inference.service import EngineBusy, EngineFailed, EngineService
from services.inference.tokenizer import Tokenizer
from tests.unit.inference_tiny import tiny_model, tiny_tokenizer_json


@pytest.fixture
def tokenizer(tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text(tiny_tokenizer_json())
    return Tokenizer(path)


@pytest.fixture
def engine(tokenizer):
    return Engine(tiny_model(seed=4), tokenizer.stop_id, EngineOptions(max_running=8))


def _request(tokenizer, text, tokens=24):
    return GenerationRequest(tokenizer.encode(text), max_new_tokens=tokens)


class _HeldEngine(Engine):
    """An engine whose steps wait until the test lets them go, and then break where it says so."""

    def hold(self):
        self.gate, self.stepping, self.breaks = threading.Event(), threading.Event(), False

    def step(self):
        self.stepping.set()
        self.gate.wait(10)
        if self.breaks:
            raise RuntimeError("out of memory")
        return super().step()


@pytest.fixture
def held(tokenizer):
    engine = _HeldEngine(tiny_model(seed=4), tokenizer.stop_id, EngineOptions(max_running=2))
    engine.hold()
    return engine


def _call(service, requests):
    """Call from a thread of its own; return the thread, and the list that will hold the results or the error."""
    got = []

    def run():
        try:
            got.extend(service.generate(requests))
        except EngineFailed as error:
            got.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, got


def _wait_for(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_callers_on_many_threads_get_what_they_would_get_alone(engine, tokenizer):
    texts = [f"request {i} " * (1 + i % 3) for i in range(12)]
    alone = Engine(tiny_model(seed=4), tokenizer.stop_id).generate([_request(tokenizer, t) for t in texts])
    service = EngineService(engine)
    calls = [_call(service, [_request(tokenizer, text)]) for text in texts]
    for thread, _ in calls:
        thread.join(30)
    assert [got[0].ids for _, got in calls] == [result.ids for result in alone]


def test_callers_that_overlap_share_steps(held, tokenizer):
    service = EngineService(held)
    calls = [_call(service, [_request(tokenizer, f"text {i}", 6)]) for i in range(2)]
    _wait_for(lambda: service.load().waiting + service.load().running == 2)
    held.gate.set()
    for thread, _ in calls:
        thread.join(10)
    assert held.counters.finished == 2
    assert held.counters.steps < 2 * 7


def test_a_caller_whose_answer_is_ready_goes_and_another_leads_on(held, tokenizer):
    service = EngineService(held)
    short, got_short = _call(service, [_request(tokenizer, "a", 1)])
    held.stepping.wait(10)
    long, got_long = _call(service, [_request(tokenizer, "b", 60)])
    _wait_for(lambda: service.load().waiting + service.load().running == 2)
    held.gate.set()
    short.join(10)
    long.join(10)
    assert len(got_short[0].ids) <= 2
    assert got_short[0].latency_ms <= got_long[0].latency_ms
    assert service.load().running == 0


def test_admission_is_bounded_and_ages_are_visible(held, tokenizer):
    service = EngineService(held, max_waiting=3)
    first, _ = _call(service, [_request(tokenizer, "a", 2)] * 3)
    _wait_for(lambda: service.load().waiting == 3)
    time.sleep(0.05)
    assert service.load().oldest_waiting_seconds >= 0.05
    with pytest.raises(EngineBusy, match="3 requests wait already; at most 3 may"):
        service.generate([_request(tokenizer, "b")])
    held.gate.set()
    first.join(10)
    assert service.generate([_request(tokenizer, "b", 2)])[0].prompt_tokens == 1
    assert not first.is_alive()


def test_a_batch_larger_than_the_bound_is_taken_when_nothing_waits(engine, tokenizer):
    assert len(EngineService(engine, max_waiting=2).generate([_request(tokenizer, "x", 2)] * 5)) == 5


def test_a_request_that_cannot_run_is_the_callers_mistake_and_stops_nobody(engine, tokenizer):
    service = EngineService(engine)
    for prompt, field in (([], "holds no token"), ([10**6], "outside the vocabulary"), ([-1], "outside")):
        with pytest.raises(ValueError, match=field):
            service.generate([GenerationRequest(prompt)])
    assert service.generate([_request(tokenizer, "x", 2)])[0].prompt_tokens == 1


def test_two_engines_of_a_process_take_turns(held, engine, tokenizer):
    slow, _ = _call(EngineService(held), [_request(tokenizer, "a", 1)])
    held.stepping.wait(10)
    other, got = _call(EngineService(engine), [_request(tokenizer, "b", 1)])
    other.join(0.1)
    assert got == []
    held.gate.set()
    slow.join(10)
    other.join(10)
    assert got[0].prompt_tokens == 1


def test_a_step_that_breaks_is_told_to_everybody_and_the_next_request_runs(held, tokenizer):
    service = EngineService(held)
    calls = [_call(service, [_request(tokenizer, "a", 2)]) for _ in range(2)]
    _wait_for(lambda: service.load().waiting + service.load().running == 2)
    held.breaks = True
    held.gate.set()
    for thread, _ in calls:
        thread.join(10)
    assert [str(got[0]) for _, got in calls] == ["the engine's step failed: out of memory"] * 2
    assert isinstance(calls[0][1][0].__cause__, RuntimeError)
    held.breaks = False
    assert service.generate([_request(tokenizer, "b", 2)])[0].prompt_tokens == 1
