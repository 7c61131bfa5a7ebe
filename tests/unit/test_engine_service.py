"""One engine, many callers: they share steps, wait only for their own, and are told when it is full or gone."""

import threading
import time

import pytest

from services.inference.engine import Engine, EngineOptions
from services.inference.request import GenerationRequest
from services.inference.service import EngineBusy, EngineService, EngineStopped
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
    """An engine whose steps wait until the test lets them go."""

    def hold(self):
        self.gate = threading.Event()
        return self.gate

    def step(self):
        self.gate.wait(10)
        return super().step()


@pytest.fixture
def held(tokenizer):
    engine = _HeldEngine(tiny_model(seed=4), tokenizer.stop_id, EngineOptions(max_running=2))
    engine.hold()
    return engine


def test_callers_on_many_threads_get_what_they_would_get_alone(engine, tokenizer):
    texts = [f"request {i} " * (1 + i % 3) for i in range(12)]
    alone = Engine(tiny_model(seed=4), tokenizer.stop_id).generate([_request(tokenizer, t) for t in texts])
    got = [None] * len(texts)
    with EngineService(engine) as service:

        def call(i):
            (got[i],) = service.generate([_request(tokenizer, texts[i])])

        threads = [threading.Thread(target=call, args=(i,)) for i in range(len(texts))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert [r.ids for r in got] == [r.ids for r in alone]


def test_callers_that_overlap_share_steps(held, tokenizer):
    with EngineService(held) as service:
        threads = [
            threading.Thread(target=service.generate, args=([_request(tokenizer, f"text {i}", 6)],)) for i in range(2)
        ]
        for thread in threads:
            thread.start()
        while service.load().waiting + service.load().running < 2:
            time.sleep(0.01)
        held.gate.set()
        for thread in threads:
            thread.join(10)
    assert held.counters.finished == 2
    assert held.counters.steps < 2 * 7


def test_admission_is_bounded_and_ages_are_visible(held, tokenizer):
    with EngineService(held, max_waiting=3) as service:
        first = threading.Thread(target=service.generate, args=([_request(tokenizer, "a", 2)] * 3,))
        first.start()
        while service.load().waiting < 3:
            time.sleep(0.01)
        time.sleep(0.05)
        assert service.load().oldest_waiting_seconds >= 0.05
        with pytest.raises(EngineBusy, match="3 requests wait already; at most 3 may"):
            service.generate([_request(tokenizer, "b")])
        held.gate.set()
        first.join(10)
        assert service.generate([_request(tokenizer, "b", 2)])[0].prompt_tokens == 1
    assert not first.is_alive()


def test_a_batch_larger_than_the_bound_is_taken_when_nothing_waits(engine, tokenizer):
    with EngineService(engine, max_waiting=2) as service:
        assert len(service.generate([_request(tokenizer, "x", 2)] * 5)) == 5


def test_after_closing_callers_are_refused(engine, tokenizer):
    service = EngineService(engine)
    service.close()
    with pytest.raises(EngineStopped, match="has been closed"):
        service.generate([_request(tokenizer, "x")])


def test_a_request_that_cannot_run_is_the_callers_mistake_and_stops_nobody(engine, tokenizer):
    with EngineService(engine) as service:
        for prompt, field in (([], "holds no token"), ([10**6], "outside the vocabulary"), ([-1], "outside")):
            with pytest.raises(ValueError, match=field):
                service.generate([GenerationRequest(prompt)])
        assert service.generate([_request(tokenizer, "x", 2)])[0].prompt_tokens == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_engine_that_breaks_tells_every_caller_why(engine, tokenizer, monkeypatch):
    def broken():
        raise RuntimeError("out of memory")

    monkeypatch.setattr(engine, "step", broken)
    with EngineService(engine) as service:
        with pytest.raises(EngineStopped) as caught:
            service.generate([_request(tokenizer, "x")])
        assert "out of memory" in str(caught.value.__cause__)
        with pytest.raises(EngineStopped):
            service.generate([_request(tokenizer, "x")])
