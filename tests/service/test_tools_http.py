"""The HTTP tool provider against a server that keeps the promise of its keys, and against ones that misbehave."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from policies import ToolName
from services.adapters.http_json import new_client
from services.adapters.http_tools import HttpTools
from services.adapters.patience import CircuitBreaker, Patience, Persistent
from services.domain.actions import ToolCall
from services.ports import ToolCase, ToolRefused, ToolUnavailable
from tests.service.shop_server import serving

CASE = ToolCase("ret_1", "s", "a1@example.com")
REFUND = ToolCall(name="issue_refund", arguments={"order_id": "A1", "amount_cents": 4900, "currency": "EUR"})
QUICK = Patience(attempts=3, deadline_seconds=1.0, first_wait_seconds=0.01)


class KeptPromise:
    """A tool service as it should be: one effect a key, the stored answer for every repetition."""

    def __init__(self, *, loses_first_answers: int = 0) -> None:
        self.effects: list[str] = []
        self._answers: dict[str, dict[str, object]] = {}
        self._lock = threading.Lock()
        self._to_lose = loses_first_answers

    def __call__(self, reply, request):
        key = request.headers["Idempotency-Key"]
        with self._lock:
            if key not in self._answers:
                self.effects.append(key)
                self._answers[key] = {"refund": len(self.effects)}
            lose, self._to_lose = self._to_lose > 0, self._to_lose - 1
        if lose:
            reply.reset()  # it has happened, and the answer gets lost
        else:
            reply.json(200, self._answers[key])


def run(server, call=REFUND, key="k1", *, patience=QUICK, breaker=None):
    with new_client(server.url, "t0ken") as client:
        return HttpTools(client, Persistent(breaker or CircuitBreaker(), patience)).execute(call, key, CASE)


def test_it_sends_the_call_its_case_and_its_key_as_the_contract_says():
    with serving(KeptPromise()) as server:
        assert run(server) == {"refund": 1}
    (request,) = server.seen
    assert (request.method, request.path) == ("POST", "/tools/issue_refund")
    assert request.headers["Idempotency-Key"] == "k1"
    assert request.headers["Authorization"] == "Bearer t0ken"
    assert request.body == {
        "shop_id": "s",
        "return_id": "ret_1",
        "customer_email": "a1@example.com",
        "arguments": {"order_id": "A1", "amount_cents": 4900, "currency": "EUR"},
    }


def test_a_lost_answer_is_asked_for_again_with_the_same_key_and_the_effect_happens_once():
    promise = KeptPromise(loses_first_answers=2)
    with serving(promise) as server:
        assert run(server) == {"refund": 1}
    assert promise.effects == ["k1"]
    assert [request.headers["Idempotency-Key"] for request in server.seen] == ["k1"] * 3


def test_many_at_once_and_later_repetitions_have_one_effect():
    promise = KeptPromise()
    with serving(promise) as server, ThreadPoolExecutor(8) as pool:
        assert {str(one) for one in pool.map(lambda _: run(server), range(16))} == {"{'refund': 1}"}
    assert promise.effects == ["k1"]


@pytest.mark.parametrize(("status", "body", "error", "says", "asked"), [
    (400, {"detail": "amount is too high"}, ToolRefused, "refused issue_refund: amount is too high", 1),
    (404, {"title": "no such order"}, ToolRefused, "no such order", 1),
    (422, ["odd"], ToolRefused, "it answered 422", 1),
    (402, {"detail": ""}, ToolRefused, "it answered 402", 1),
    (401, {}, ToolUnavailable, "check TOOL_PROVIDER_TOKEN", 1),
    (403, {}, ToolUnavailable, "check TOOL_PROVIDER_TOKEN", 1),
    (409, {}, ToolUnavailable, "a call with this key is still running", 1),
    (302, {}, ToolUnavailable, "answered with 302", 1),
    (202, {}, ToolUnavailable, "answered with 202", 1),
    (200, ["odd"], ToolUnavailable, "no JSON object", 1),
    (408, {}, ToolUnavailable, "answered 408", 3),
    (429, {}, ToolUnavailable, "answered 429", 3),
    (500, {}, ToolUnavailable, "answered 500", 3),
    (503, {}, ToolUnavailable, "answered 503", 3),
])  # fmt: skip
def test_each_status_is_a_refusal_or_an_unknown_outcome_and_only_passing_trouble_is_repeated(
    status, body, error, says, asked
):
    with serving(lambda reply, _: reply.json(status, body)) as server:
        with pytest.raises(error, match=says):
            run(server)
        assert len(server.seen) == asked


@pytest.mark.parametrize(
    "trouble", ["hang", "drip", "drip_headers", "drip_without_length", "stop_in_the_middle", "reset"]
)
def test_a_connection_that_breaks_leaves_the_outcome_unknown_and_is_never_a_refusal(trouble):
    unknown = pytest.raises(ToolUnavailable, match=r"tool service http://127\.0\.0\.1")
    with serving(lambda reply, _: getattr(reply, trouble)()) as server, unknown:
        run(server, patience=Patience(attempts=2, deadline_seconds=0.3, first_wait_seconds=0.01))


def test_a_service_that_is_down_is_left_alone_after_some_failures():
    breaker = CircuitBreaker(failures=2, rest_seconds=60)
    with serving(lambda reply, _: reply.json(500, {})) as server:
        for _ in range(2):
            with pytest.raises(ToolUnavailable, match="answered 500"):
                run(server, breaker=breaker)
        with pytest.raises(ToolUnavailable, match="left alone"):
            run(server, breaker=breaker)
        assert len(server.seen) == 6


def test_a_tool_that_does_not_exist_never_leaves_the_house():
    with serving(KeptPromise()) as server:
        with pytest.raises(ToolRefused, match=r"no tool named '\.\./orders'"):
            run(server, ToolCall(name="../orders"))
        assert server.seen == []


def test_the_published_contract_names_every_tool():
    contract = yaml.safe_load((Path(__file__).parents[2] / "docs" / "tool-service.openapi.yaml").read_text())
    (operation,) = contract["paths"].values()
    names = next(one for one in operation["parameters"] if one["name"] == "name")["schema"]["enum"]
    assert set(names) == set(ToolName)
