"""Answers drawn from the model that is being trained, by the engine and the pipeline that serve.

Keeps of each answer what a policy gradient needs: its tokens, and at each choice the tokens it was drawn from. How many
turns an answer takes is the decider's business. Their probabilities are `choices`', rewards and losses others'.
"""

import hashlib
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch

from services.domain.actions import ToolAction
from services.domain.decision import Decision
from services.domain.evidence import Evidence
from services.domain.reading import LexicalClaimReader
from services.domain.trace import Generation, Trace
from services.flows.pipeline import Pipeline, RunTool
from services.inference.constrain import GrammarDeadEnd, Grammars, Ids
from services.inference.decider import EngineDecider, Generate
from services.inference.engine import Engine, EngineOptions
from services.inference.llama import Llama
from services.inference.request import GenerationRequest, GenerationResult
from services.inference.tokenizer import Tokenizer
from services.ports import Replied


class Choice(NamedTuple):
    """At `place` in the answer the model chose among `options`; None: among the whole vocabulary."""

    place: int
    options: Ids | None


class Turn(NamedTuple):
    """One run of the model: what it read, what it wrote (the stop token at its end), and where it had a choice."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...]
    choices: tuple[Choice, ...]


class Episode(NamedTuple):
    """One whole answer to a case: every run of the model on the way, and what became of it."""

    turns: tuple[Turn, ...]
    trace: Trace

    @property
    def chosen(self) -> int:
        return sum(len(turn.choices) for turn in self.turns)


@dataclass(frozen=True)
class Sampler:
    """The model at work while it is trained. `run_tool` records what the tools would have done.

    Without `replies` only decisions are drawn, at a fraction of the time; each gets the same harmless reply.
    """

    model: Llama
    tokenizer: Tokenizer
    run_tool: RunTool
    grammars: Grammars
    replies: bool = True

    def groups(self, cases: Sequence[Evidence], size: int, temperature: float, seed: int) -> list[tuple[Episode, ...]]:
        """Draw `size` answers to each case, all at once. Seed and weights decide them (on the same machine)."""
        copies = [case for case in cases for _ in range(size)]
        # By its own case and copy, not by its place in the batch: what a case gets must not depend on its company.
        names = [f"{seed} {number} {case.digest}" for case in cases for number in range(size)]
        together = _Together(self._engine(len(copies)), names)

        def answer(member: int) -> Episode:
            try:
                recorder = _Recorder(together, member)
                decider = self._decider(recorder, temperature)
                trace = Pipeline(decider, LexicalClaimReader()).run(copies[member], self.run_tool)
                return Episode(tuple(_turn(*run, self.tokenizer.stop_id) for run in recorder.runs), trace)
            finally:
                together.leave(member)

        with ThreadPoolExecutor(len(copies)) as threads:
            episodes = list(threads.map(answer, range(len(copies))))
        return [tuple(episodes[start : start + size]) for start in range(0, len(episodes), size)]

    def greedy(self, cases: Sequence[Evidence]) -> list[Trace]:
        """Answer as serving would: the best token each time."""
        decider = self._decider(self._engine(16).generate, 0.0)
        return Pipeline(decider, LexicalClaimReader()).run_batch(cases, self.run_tool)

    def _decider(self, generate: Generate, temperature: float) -> EngineDecider:
        kind = EngineDecider if self.replies else _DecidesOnly
        return kind("in-training", self.tokenizer, generate, temperature=temperature, grammars=self.grammars)

    def _engine(self, running: int) -> Engine:
        # Tensors made in the engine's inference mode cannot enter a gradient: what the model caches is made here.
        with torch.no_grad():
            self.model(torch.zeros(1, 1, dtype=torch.long, device=self.model.device))
        return Engine(self.model, self.tokenizer.stop_id, EngineOptions(max_running=running, step_tokens=1024))


class _DecidesOnly(EngineDecider):
    def reply(self, cases: Sequence[tuple[Evidence, Decision, Sequence[ToolAction]]]) -> Sequence[Replied]:
        run = Generation(checkpoint=self.checkpoint_id, prompt_digest="", raw_output="")
        return [Replied(polite(decision), run) for _, decision, _ in cases]


def polite(decision: Decision) -> str:
    """Return a harmless reply that says little and claims nothing."""
    clause = f" Our clause on this is {decision.policy_id}." if decision.policy_id else ""
    return f"Thank you for your message about your order. We have read it with care.{clause}"


class _Together:
    """One engine for many answers at once: a run begins when every answer under way has asked for its next one.

    So the engine's batches are large, and what is in them never depends on which thread was quicker.
    """

    def __init__(self, engine: Engine, names: Sequence[str]) -> None:
        """`names[i]` decides by which random numbers answer `i` is drawn."""
        self._engine, self._names = engine, names
        self._active = set(range(len(names)))
        self._drawn: Counter[int] = Counter()
        self._asked: dict[int, list[GenerationRequest]] = {}
        self._answers: dict[int, list[GenerationResult]] = {}
        self._failure: BaseException | None = None
        self._changed = threading.Condition()

    def generate(self, member: int, requests: list[GenerationRequest]) -> list[GenerationResult]:
        with self._changed:
            self._asked[member] = requests
            self._run_when_complete()
            while member not in self._answers and self._failure is None:
                self._changed.wait()
            if self._failure is not None:
                raise RuntimeError("drawing answers failed") from self._failure
            return self._answers.pop(member)

    def leave(self, member: int) -> None:
        with self._changed:
            self._active.discard(member)
            self._run_when_complete()

    def _run_when_complete(self) -> None:
        if not self._active or set(self._asked) != self._active:
            return
        members = sorted(self._asked)
        seeded = [self._seeded(member, request) for member in members for request in self._asked[member]]
        try:
            results = iter(self._engine.generate(seeded))
        except BaseException as error:
            self._failure = error
            raise
        finally:
            self._changed.notify_all()
        self._answers |= {member: [next(results) for _ in self._asked[member]] for member in members}
        self._asked.clear()

    def _seeded(self, member: int, request: GenerationRequest) -> GenerationRequest:
        self._drawn[member] += 1
        digest = hashlib.sha256(f"{self._names[member]} {self._drawn[member]}".encode()).digest()
        return replace(request, seed=int.from_bytes(digest[:6]))


@dataclass
class _Recorder:
    """What one answer's decider asks for, and what it got."""

    together: _Together
    member: int
    runs: list[tuple[GenerationRequest, GenerationResult]] = field(default_factory=list)

    def __call__(self, requests: Iterable[GenerationRequest]) -> Sequence[GenerationResult]:
        asked = list(requests)
        results = self.together.generate(self.member, asked) if asked else []
        self.runs += zip(asked, results, strict=True)
        return results


def _turn(request: GenerationRequest, result: GenerationResult, stop_id: int) -> Turn:
    ended = result.error is None
    answer = (*result.ids, stop_id) if ended else result.ids
    return Turn(tuple(request.prompt), answer, tuple(choices_of(request, result.ids, ended)))


def choices_of(request: GenerationRequest, ids: Sequence[int], ended: bool) -> list[Choice]:
    """Return where in `ids` (and, where the answer ended, the stop token after it) the model had a choice.

    Walks the constraint over the answer exactly as the engine did: what it forced is no choice.
    """
    if request.constraint is None:
        return [Choice(place, None) for place in range(len(ids) + ended)]
    constraint, place = request.constraint(), 0
    choices: list[Choice] = []
    try:
        while True:
            place += len(constraint.forced())
            if constraint.finished or place > len(ids):
                return choices
            options = constraint.allowed()
            at_end = place == len(ids)
            if len(options) > 1 and (ended or not at_end):
                choices.append(Choice(place, options))
            if at_end:
                return choices
            constraint.accept(ids[place])
            place += 1
    except GrammarDeadEnd:
        return choices
