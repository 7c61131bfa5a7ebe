"""The frozen checkpoint behind the `Decider` port: renders cases, runs the engine, reads the answers back.

Judges nothing: a weak decision leaves here as it is, and the verifier meets it. The engine sees only token ids.
"""

import hashlib
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from services.domain.actions import ToolAction
from services.domain.decision import Decision
from services.domain.evidence import Evidence
from services.domain.trace import Generation
from services.inference.answer import BadAnswer, parse_decision
from services.inference.checkpoint import load_checkpoint
from services.inference.constrain import Grammars
from services.inference.engine import Engine, EngineOptions
from services.inference.grammar import decision_grammar, reply_grammar
from services.inference.prompt import (
    CaseView,
    Segment,
    decision_segments,
    message_segments,
    prompt_segments,
    reply_prompt_segments,
)
from services.inference.request import GenerationRequest, GenerationResult, Session
from services.inference.tokenizer import Tokenizer
from services.inference.tokens import tokenize
from services.ports import Decided, Replied

MAX_DECISION_TOKENS = 320
MAX_REPLY_TOKENS = 120
_KEPT_SESSIONS = 64
"""Decisions whose cache waits for their reply; a lost one only costs reading the prompt again."""

Generate = Callable[[Iterable[GenerationRequest]], Sequence[GenerationResult]]


@dataclass(frozen=True)
class _Asked:
    """What one decision was asked with, so that its reply can go on from there."""

    ids: tuple[int, ...]
    session: Session | None


class EngineDecider:
    """Our own engine at work on one checkpoint. Greedy unless `sampled`: the same case gives the same answer."""

    def __init__(  # noqa: PLR0913 - a checkpoint, and how its tokens are drawn
        self,
        checkpoint_id: str,
        tokenizer: Tokenizer,
        generate: Generate,
        *,
        temperature: float = 0.0,
        seed: int = 0,
        grammars: Grammars | None = None,
    ) -> None:
        self._checkpoint_id, self._tokenizer, self._generate = checkpoint_id, tokenizer, generate
        self._grammars = grammars or Grammars(tokenizer)
        self._temperature, self._seed = temperature, seed
        self._asked: OrderedDict[str, _Asked] = OrderedDict()

    @property
    def checkpoint_id(self) -> str:
        return self._checkpoint_id

    def sampled(self, temperature: float, seed: int) -> "EngineDecider":
        """Return the same checkpoint drawing at this temperature, for a second answer to compare with."""
        return EngineDecider(
            self._checkpoint_id,
            self._tokenizer,
            self._generate,
            temperature=temperature,
            seed=seed,
            grammars=self._grammars,
        )

    def decide(self, evidence: Sequence[Evidence]) -> Sequence[Decided]:
        """Decide every case; what cannot be read is a Decided without a decision, its error in the generation."""
        views = [CaseView(case) for case in evidence]
        requests = [self._decision_request(view) for view in views]
        return [
            self._decided(view, request, result)
            for view, request, result in zip(views, requests, self._generate(requests), strict=True)
        ]

    def reply(self, cases: Sequence[tuple[Evidence, Decision, Sequence[ToolAction]]]) -> Sequence[Replied]:
        """Write each reply after its recorded actions, going on from the decision's cache where it is still held."""
        requests = [self._reply_request(*case) for case in cases]
        return [
            Replied(
                "" if result.error else self._tokenizer.decode(result.ids).strip(), self._generation(request, result)
            )
            for request, result in zip(requests, self._generate(requests), strict=True)
        ]

    def _decision_request(self, view: CaseView) -> GenerationRequest:
        head, tail = _halves(view)
        ids: list[int] = []
        boundaries: list[int] = []
        for segment in head:
            ids += tokenize(self._tokenizer, [segment]).ids
            boundaries.append(len(ids))
        ids += tokenize(self._tokenizer, tail).ids
        compiled = partial(self._grammars.compile, decision_grammar(view))
        return GenerationRequest(
            ids,
            boundaries,
            compiled,
            max_new_tokens=MAX_DECISION_TOKENS,
            temperature=self._temperature,
            seed=self._seed,
        )

    def _decided(self, view: CaseView, request: GenerationRequest, result: GenerationResult) -> Decided:
        generation = self._generation(request, result)
        if result.error is not None:
            return Decided(None, generation)
        try:
            decision = parse_decision(view, generation.raw_output)
        except BadAnswer as error:
            return Decided(None, generation.model_copy(update={"error": f"BadAnswer: {error}"}))
        self._asked[view.evidence.digest] = _Asked((*request.prompt, *result.ids), result.session)
        while len(self._asked) > _KEPT_SESSIONS:
            self._asked.popitem(last=False)
        return Decided(decision, generation)

    def _reply_request(
        self, evidence: Evidence, decision: Decision, actions: Sequence[ToolAction]
    ) -> GenerationRequest:
        asked = self._asked.pop(evidence.digest, None) or self._asked_again(evidence, decision)
        turn = [Segment("<|im_end|>", control=True), *reply_prompt_segments(actions)]
        ids = [*asked.ids, *tokenize(self._tokenizer, turn).ids]
        grammar = reply_grammar(decision.policy_id, (policy.policy_id for policy in evidence.policies))
        return GenerationRequest(
            ids,
            constraint=partial(self._grammars.compile, grammar) if grammar else None,
            max_new_tokens=MAX_REPLY_TOKENS,
            session=asked.session,
            temperature=self._temperature,
            seed=self._seed,
        )

    def _asked_again(self, evidence: Evidence, decision: Decision) -> _Asked:
        """Render prompt and decision anew: the decision was made elsewhere, corrected, or long ago."""
        view = CaseView(evidence)
        answer = decision_segments(view, decision, conflict=bool(evidence.contradictions))[:-1]
        return _Asked(tokenize(self._tokenizer, [*prompt_segments(view), *answer]).ids, None)

    def _generation(self, request: GenerationRequest, result: GenerationResult) -> Generation:
        error = f"{type(result.error).__name__}: {result.error}" if result.error else None
        return Generation(
            checkpoint=self._checkpoint_id,
            prompt_digest=hashlib.sha256(array("q", request.prompt).tobytes()).hexdigest(),
            raw_output=self._tokenizer.decode(result.ids),
            sampling={"temperature": request.temperature, "seed": request.seed},
            prompt_tokens=result.prompt_tokens,
            output_tokens=len(result.ids),
            ttft_ms=round(result.ttft_ms, 1),
            latency_ms=round(result.latency_ms, 1),
            error=error,
        )


def _halves(view: CaseView) -> tuple[list[Segment], list[Segment]]:
    """Split the prompt into what other cases of the shop may share, and the customer's own part."""
    whole, tail = prompt_segments(view), message_segments(view)
    return whole[: len(whole) - len(tail)], tail


def load_decider(reference: str | Path, roots: Sequence[Path], options: EngineOptions | None = None) -> EngineDecider:
    """Load a checkpoint and return it at work. Raises CheckpointError with one clear line.

    The decider is named as the trace will cite it: the checkpoint's name and the first digits of its digest.
    """
    loaded = load_checkpoint(reference, roots)
    engine = Engine(loaded.model, loaded.tokenizer.stop_id, options)
    return EngineDecider(f"{loaded.card.name}@{loaded.card.short}", loaded.tokenizer, engine.generate)
