"""The remote engine: against llama.cpp's own server, and against servers that misbehave in every way we know."""

import json
from datetime import date

import pytest

from policies import PolicyVersion
from services.adapters.http_json import new_client
from services.adapters.patience import CircuitBreaker, Patience, Persistent
from services.adapters.remote_decider import RemoteDecider
from services.domain.actions import ActionStatus, ToolAction
from services.domain.decision import Outcome, Truth
from services.domain.evidence import Evidence
from services.domain.facts import OrderFacts
from services.domain.reading import LexicalClaimReader
from services.flows.pipeline import Pipeline
from services.inference.answer import BadAnswer
from services.inference.base import locate_base
from services.inference.contract import answer_schema, parse_answer
from services.ports import DeciderUnavailable, SampledDecider
from tests.service.shop_server import serving
from workers.bench.llama_server import llama_server

DAMAGED = "Damaged items reported within 30 days of delivery are eligible for return."
SALE = "Final sale items cannot be returned."
TOOLS = ({"name": "create_return_label"}, {"name": "request_photos"})


def case(**facts):
    known = {
        "order_id": "A10234",
        "item": "lamp",
        "days_since_delivery": 12,
        "damage_confirmed": True,
        "final_sale": False,
        "customer_email": "someone@example.com",
    }
    return Evidence(
        message="My lamp arrived cracked, can I send it back?",
        facts=OrderFacts(values=known | facts),
        policies=(
            PolicyVersion(policy_id="P-7", version="1", text=DAMAGED, tools=TOOLS, closes_without_rule=True),
            PolicyVersion(policy_id="P-3", version="2", text=SALE),
        ),
        asked_on=date(2025, 3, 13),
    )


def ruling(**changed):
    conditions = [[{"fact": "days_since_delivery", "relation": "<=", "wanted": 30}]]
    return {
        "policy_id": "P-7",
        "policy_version": "1",
        "evidence": DAMAGED,
        "conditions": conditions,
        "decision": "eligible",
        "tool_calls": ["create_return_label"],
    } | changed


def answer(**changed):
    return json.dumps({"reason": "damaged", "ruling": ruling(**changed)})


def completion(text, **changed):
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"} | changed
    return {"choices": [choice], "usage": {"prompt_tokens": 11, "completion_tokens": 7}}


def remote(url, *, attempts=3, seconds=5.0, token=None, slept=None):
    patience = Patience(attempts=attempts, deadline_seconds=seconds, first_wait_seconds=0.01)
    waits = slept if slept is not None else []
    persistent = Persistent(CircuitBreaker(failures=3, rest_seconds=60), patience, sleep=waits.append)
    return RemoteDecider(new_client(f"{url}/v1", token), "some-model", persistent)


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    log = tmp_path_factory.mktemp("llama") / "log"
    with llama_server(locate_base(), slots=2, context_tokens=4096, threads=1, log=log) as address:
        yield address


@pytest.mark.checkpoint
def test_a_real_server_decides_and_replies_under_the_same_verifier(llama):
    decider = RemoteDecider(new_client(f"{llama}/v1"), "smollm2")
    assert isinstance(decider, SampledDecider)
    cases = [case(), case(delivered_on="2025-03-01", requested_on="2025-02-01")]

    def tool(evidence, decision, call):
        return ToolAction(name=call.name, status=ActionStatus.SUCCEEDED, arguments=call.arguments)

    traces = Pipeline(decider, LexicalClaimReader()).run_batch(cases, tool)
    assert cases[1].contradictions
    for evidence, trace in zip(cases, traces, strict=True):
        assert trace.deciding.checkpoint == "remote:smollm2"
        assert trace.deciding.prompt_tokens > 200
        assert trace.deciding.latency_ms > 0
        assert trace.decision is not None, trace.deciding.error
        assert trace.deciding.output_tokens > 10
        json.loads(trace.deciding.raw_output)
        assert trace.verification.findings
        quoted = {finding.check: finding.passed for finding in trace.verification.findings}
        assert quoted["evidence_verbatim"]
        assert quoted["clause_in_force"]
        assert trace.replying.output_tokens > 0
        governing = evidence.policy(trace.decision.policy_id)
        assert governing is None or trace.decision.evidence in governing.sentences
    assert traces[1].decision.outcome is Outcome.REVIEW


@pytest.mark.checkpoint
def test_a_real_server_says_what_it_does_not_take_and_a_person_decides(llama):
    decider = RemoteDecider(new_client(f"{llama}/v1"), "smollm2")
    (decided,) = decider.decide([case(story="crack " * 4000)])
    assert decided.decision is None
    assert decided.generation.error.startswith("ServerRefused: ")
    with pytest.raises(DeciderUnavailable, match="CHECKPOINT_SERVER_URL and CHECKPOINT_SERVER_MODEL"):
        RemoteDecider(new_client(f"{llama}/nowhere"), "smollm2").decide([case()])


def test_a_batch_keeps_its_order_and_counts_tokens():
    def script(reply, request):
        facts = json.loads(request.body["messages"][1]["content"])["order_facts"]
        reply.json(200, completion(answer(decision="eligible" if facts["days_since_delivery"] <= 30 else "review")))

    with serving(script) as server:
        decided = remote(server.url, token="secret").decide([case(days_since_delivery=d) for d in (1, 99, 2, 98)])
    assert [one.decision.outcome for one in decided] == ["eligible", "review", "eligible", "review"]
    assert [(one.generation.prompt_tokens, one.generation.output_tokens) for one in decided] == [(11, 7)] * 4
    request = server.seen[0]
    assert request.headers["Authorization"] == "Bearer secret"
    assert request.body["response_format"]["json_schema"]["strict"] is True
    assert "someone@example.com" not in json.dumps(request.body)


def test_readings_are_compared_by_code_not_by_the_model():
    tests = [
        [{"fact": "days_since_delivery", "relation": "<=", "wanted": 10}],
        [{"fact": "damage_confirmed", "relation": "is", "wanted": True}, {"fact": None}],
    ]
    decision = parse_answer(case(), answer(conditions=tests))
    assert [condition.result for condition in decision.readings[0].conditions] == [Truth.NO, Truth.YES]
    assert decision.tool_calls[0].arguments == {"order_id": "A10234", "item": "lamp"}


def test_the_schema_holds_only_what_the_case_supports():
    schema = answer_schema(case(damage_confirmed=None))
    seven, three, none = schema["properties"]["ruling"]["anyOf"]
    assert seven["properties"]["tool_calls"]["items"] == {"enum": ["create_return_label", "request_photos"]}
    assert "tool_calls" not in three["properties"]
    assert none["properties"]["decision"] == {"enum": ["review"]}
    unknown, numbers, flags, _ = seven["properties"]["conditions"]["items"]["items"]["anyOf"]
    assert unknown["properties"]["fact"] == {"type": "null"}
    assert numbers["properties"]["wanted"] == {"enum": [30]}
    assert "damage_confirmed" in flags["properties"]["fact"]["enum"]
    assert "customer_email" not in json.dumps(schema)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("no JSON at all", "answer: Invalid JSON"),
        (json.dumps({"reason": "bored", "ruling": ruling()}), "reason: Input should be 'damaged'"),
        (answer(decision="maybe"), "ruling.decision: Input should be 'eligible'"),
        (answer(conditions=[[{"fact": "moon_phase", "relation": "is", "wanted": True}]]), "no fact 'moon_phase'"),
        (answer(conditions=[[{"fact": "final_sale", "relation": "<=", "wanted": True}]]), "compares nothing"),
        (answer(note="by the way"), "ruling.note: Extra inputs are not permitted"),
    ],
)
def test_an_answer_outside_the_contract_names_the_field(text, field):
    with pytest.raises(BadAnswer, match=field):
        parse_answer(case(), text)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (completion("half an ans", finish_reason="length"), "OverLong: "),
        (completion("{}"), "BadAnswer: reason: Field required"),
        (completion(None), "BadAnswer: the answer holds no text"),
        ({"choices": [{"message": {"refusal": "I would rather not"}}]}, "BadAnswer: refused: I would rather not"),
        ({"choices": []}, "BadAnswer: the answer holds no text"),
        ([1, 2], "BadAnswer: the answer holds no text"),
    ],
)
def test_an_answer_that_cannot_be_used_goes_to_a_person_with_the_reason(body, error):
    with serving(lambda reply, _: reply.json(200, body)) as server:
        (decided,) = remote(server.url).decide([case()])
    assert decided.decision is None
    assert decided.generation.error.startswith(error)
    assert len(server.seen) == 1


def test_a_server_that_recovers_is_asked_again_as_it_wishes():
    waits = []
    broken = [
        lambda reply: reply.json(503, {}, Retry_After="2"),
        lambda reply: reply.reset(),
        lambda reply: reply.json(200, completion(answer())),
    ]
    with serving(lambda reply, _: broken[len(server.seen) - 1](reply)) as server:
        (decided,) = remote(server.url, slept=waits).decide([case()])
    assert decided.decision.outcome is Outcome.ELIGIBLE
    assert len(server.seen) == 3
    assert waits[0] == 2.0


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda reply: reply.json(500, {}), "answered 500"),
        (lambda reply: reply.json(429, {}), "answered 429"),
        (lambda reply: reply.json(401, {}), "check CHECKPOINT_SERVER_TOKEN"),
        (lambda reply: reply.hang(), "within 0"),
        (lambda reply: reply.drip(), "within 0"),
        (lambda reply: reply.stop_in_the_middle(), "cannot be reached"),
    ],
    ids=["error", "busy", "key", "hang", "drip", "cut"],
)
def test_a_server_that_does_not_serve_is_an_outage_and_no_judgement_of_the_case(act, says):
    with (
        serving(lambda reply, _: act(reply)) as server,
        pytest.raises(DeciderUnavailable, match=says),
    ):
        remote(server.url, attempts=2, seconds=0.8).decide([case()])


def test_a_server_that_stays_away_is_left_alone_for_a_while():
    with serving(lambda reply, _: reply.json(500, {})) as server:
        decider = remote(server.url, attempts=1)
        for _ in range(3):
            with pytest.raises(DeciderUnavailable, match="answered 500"):
                decider.decide([case()])
        with pytest.raises(DeciderUnavailable, match="left alone after 3 failures"):
            decider.decide([case()])
    assert len(server.seen) == 3


def test_a_second_answer_is_drawn_with_its_own_temperature_and_seed():
    with serving(lambda reply, _: reply.json(200, completion(answer()))) as server:
        (decided,) = remote(server.url).sampled(0.9, 5).decide([case()])
    assert (server.seen[0].body["temperature"], server.seen[0].body["seed"]) == (0.9, 5)
    assert decided.generation.sampling == {"temperature": 0.9, "seed": 5}
