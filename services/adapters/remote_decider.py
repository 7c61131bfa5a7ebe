"""A `Decider` over a server that speaks the OpenAI API with structured output: vLLM, SGLang, llama.cpp's server.

The model answers in JSON of the contract (`services.inference.contract`), held to its schema by the server; what comes
back is parsed as if nothing had held it, and the same verifier judges it. Which model serves is the operator's choice.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any, NamedTuple, TypeVar

import httpx

from services.adapters.http_json import Answer, exchange
from services.adapters.patience import CircuitOpen, Patience, Persistent, TryAgain
from services.domain.actions import ToolAction
from services.domain.canonical import digest_of
from services.domain.decision import Decision
from services.domain.evidence import Evidence
from services.domain.trace import Generation
from services.inference.answer import BadAnswer
from services.inference.contract import Message, answer_schema, decision_messages, parse_answer, reply_messages
from services.ports import Decided, DeciderUnavailable, Replied

MAX_DECISION_TOKENS = 800
MAX_REPLY_TOKENS = 240

Case = TypeVar("Case")
Result = TypeVar("Result")


def patient(deadline_seconds: float) -> Persistent:
    """Return the patience for a model's answers: three attempts within the deadline, with longer pauses between."""
    return Persistent(patience=Patience(attempts=3, deadline_seconds=deadline_seconds, first_wait_seconds=0.5))


class _Said(NamedTuple):
    """One completed answer: its text, tokens read and written, and why it is unusable, where it is."""

    text: str
    prompt_tokens: int
    output_tokens: int
    error: str | None


@dataclass(frozen=True)
class RemoteDecider:
    """Asks for `parallel` answers at a time. Greedy unless `sampled`; whether a server repeats itself is its matter.

    A server that is away, overloaded or refuses our key raises DeciderUnavailable: the job waits. An answer that cannot
    be used, or a request that the server calls wrong, is a Decided without a decision: a person decides.
    """

    client: httpx.Client
    model: str
    persistent: Persistent = field(default_factory=lambda: patient(120))
    parallel: int = 8
    temperature: float = 0.0
    seed: int = 0

    @property
    def checkpoint_id(self) -> str:
        """Name the model as traces cite it. Its weights are the server's, so no digest can vouch for them."""
        return f"remote:{self.model}"

    def sampled(self, temperature: float, seed: int) -> "RemoteDecider":
        return replace(self, temperature=temperature, seed=seed)

    def decide(self, evidence: Sequence[Evidence]) -> Sequence[Decided]:
        """Decide every case, in order. Raises DeciderUnavailable."""
        return self._each(self._decide, evidence)

    def reply(self, cases: Sequence[tuple[Evidence, Decision, Sequence[ToolAction]]]) -> Sequence[Replied]:
        """Write each reply after its recorded actions. Raises DeciderUnavailable."""
        return self._each(self._reply, cases)

    def complete(self, messages: list[Message], max_tokens: int, schema: Mapping[str, Any] | None = None) -> Generation:
        """Answer any messages, held to a JSON schema where one is given: for judges. Raises DeciderUnavailable."""
        named = {"name": "answer", "strict": True, "schema": schema}
        held = {"response_format": {"type": "json_schema", "json_schema": named}} if schema else {}
        return self._ask(messages, max_tokens, held)

    def _each(self, ask: Callable[[Case], Result], cases: Sequence[Case]) -> Sequence[Result]:
        if len(cases) <= 1:
            return [ask(case) for case in cases]
        with ThreadPoolExecutor(min(self.parallel, len(cases)), thread_name_prefix="remote") as pool:
            return list(pool.map(ask, cases))

    def _decide(self, evidence: Evidence) -> Decided:
        schema = {"name": "decision", "strict": True, "schema": answer_schema(evidence)}
        held = {"response_format": {"type": "json_schema", "json_schema": schema}}
        generation = self._ask(decision_messages(evidence), MAX_DECISION_TOKENS, held)
        if generation.error is not None:
            return Decided(None, generation)
        try:
            return Decided(parse_answer(evidence, generation.raw_output), generation)
        except BadAnswer as error:
            return Decided(None, generation.model_copy(update={"error": f"BadAnswer: {error}"}))

    def _reply(self, case: tuple[Evidence, Decision, Sequence[ToolAction]]) -> Replied:
        generation = self._ask(reply_messages(*case), MAX_REPLY_TOKENS, {})
        return Replied("" if generation.error else generation.raw_output.strip(), generation)

    def _ask(self, messages: list[Message], max_tokens: int, held: Mapping[str, Any]) -> Generation:
        """Ask once, patiently. An answer arrives whole, so the time to its first token is that to its last."""
        sampling: dict[str, float | int] = {"temperature": self.temperature, "seed": self.seed}
        body = {"model": self.model, "messages": messages, "max_tokens": max_tokens, **sampling, **held}
        each = self.persistent.patience.deadline_seconds / 2  # so that one that hangs leaves time for another try
        started = monotonic()
        try:
            answer = self.persistent.call(
                lambda seconds: exchange(self.client, "POST", "chat/completions", min(seconds, each), body=body)
            )
        except (TryAgain, CircuitOpen) as error:
            raise DeciderUnavailable(f"model server {self.client.base_url}: {error}") from error
        said = self._understood(answer)
        milliseconds = round((monotonic() - started) * 1000, 1)
        return Generation(
            checkpoint=self.checkpoint_id,
            prompt_digest=digest_of(messages),
            raw_output=said.text,
            sampling=sampling,
            prompt_tokens=said.prompt_tokens,
            output_tokens=said.output_tokens,
            ttft_ms=milliseconds,
            latency_ms=milliseconds,
            error=said.error,
        )

    def _understood(self, answer: Answer) -> _Said:
        server = f"model server {self.client.base_url}"
        if answer.status in {401, 403}:
            raise DeciderUnavailable(f"{server} refuses our credentials; check CHECKPOINT_SERVER_TOKEN")
        if answer.status == 404:
            raise DeciderUnavailable(
                f"{server} has no model {self.model!r} or no chat API there; "
                "check CHECKPOINT_SERVER_URL and CHECKPOINT_SERVER_MODEL"
            )
        if answer.status != 200:
            return _Said("", 0, 0, f"ServerRefused: {_detail(answer)}")
        return _said(answer.body)


def _said(body: Any) -> _Said:
    """Read a completion; every part of it may be missing or of another kind."""
    usage = _part(body, "usage")
    read, written = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    choices = _part(body, "choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = _part(choice, "message")
    text = _part(message, "content")
    if not isinstance(text, str):
        refusal = _part(message, "refusal")
        why = f"refused: {refusal}" if refusal else "the answer holds no text"
        return _Said("", read, written, f"BadAnswer: {why}")
    if _part(choice, "finish_reason") == "length":
        return _Said(text, read, written, "OverLong: the answer did not end within its limit of tokens")
    return _Said(text, read, written, None)


def _part(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _count(usage: Any, name: str) -> int:
    number = _part(usage, name)
    return number if isinstance(number, int) and number >= 0 else 0


def _detail(answer: Answer) -> str:
    error = _part(answer.body, "error")
    message = _part(error, "message") if isinstance(error, dict) else _part(answer.body, "message")
    return str(message)[:300] if message else f"it answered {answer.status}"
