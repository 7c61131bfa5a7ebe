"""The frozen checkpoint behind the `Decider` port: renders cases, runs the engine, reads the answers back.

Judges nothing: a weak decision leaves here as it is, and the verifier meets it. The engine sees only token ids.
"""

import hashlib
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from policies import PolicyVersion, Reason
from services.domain.actions import ToolAction
from services.domain.canonical import digest_of
from services.domain.decision import Decision
from services.domain.evidence import Evidence
from services.domain.facts import FactValue
from services.domain.trace import Generation
from services.inference.answer import settle
from services.inference.checkpoint import load_checkpoint
from services.inference.constrain import Grammars
from services.inference.engine import Engine, EngineOptions
from services.inference.grammar import reply_grammar
from services.inference.prompt import (
    CaseView,
    Segment,
    Step,
    choice_leanings,
    choice_steps,
    chosen_clauses,
    decision_segments,
    prompt_halves,
    prompt_segments,
    reply_prompt_segments,
)
from services.inference.relevance import facts_for
from services.inference.request import GenerationRequest, GenerationResult, Session
from services.inference.service import EngineService
from services.inference.sheet import (
    read_sheet,
    sheet_facts,
    sheet_guesses,
    sheet_leanings,
    sheet_prompt,
    sheet_steps,
)
from services.inference.steps import Leaning, StepsConstraint
from services.inference.tokenizer import Tokenizer
from services.inference.tokens import tokenize
from services.ports import Decided, Replied

MAX_DECISION_TOKENS = 320
MAX_REPLY_TOKENS = 120
_KEPT_SESSIONS = 16
"""Decisions whose cache waits for their reply; a lost one only costs reading the prompt again."""
KEPT_SHEETS = 4_096
"""Readings that are remembered: a shop has some dozens of clauses, each read for some reasons and sets of facts."""

Generate = Callable[[Iterable[GenerationRequest]], Sequence[GenerationResult]]


@dataclass(frozen=True)
class _Asked:
    """What one choice was asked with, so that its reply can go on from there."""

    ids: tuple[int, ...]
    session: Session | None


@dataclass(frozen=True)
class _Sheet:
    """One clause that is to be read for one case."""

    policy: PolicyVersion
    forbids: bool
    reason: Reason
    facts: Mapping[str, FactValue]

    @property
    def key(self) -> str:
        """Name what the reader sees: the clause, the reason, and of the facts the names (of texts the values too)."""
        steps = sheet_steps(self.policy, self.reason, self.facts)
        return digest_of([self.policy.text, [grant.name for grant in self.policy.tools], steps])


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
        self._sheets: dict[str, GenerationResult] = {}
        self._last_read: dict[str, dict[str, str]] = {}

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
        """Decide every case: choose reason and clauses, read those clauses, weigh what they say.

        What cannot be read is a Decided without a decision, its error in the generation.
        """
        views = [CaseView(case) for case in evidence]
        asked = [self._choice_request(view) for view in views]
        choices = self._generate(asked)
        wanted = [self._wanted(view, result) for view, result in zip(views, choices, strict=True)]
        read = self._read(wanted)
        return [
            self._decided(view, request, [choice, *results], wants)
            for view, request, choice, results, wants in zip(views, asked, choices, read, wanted, strict=True)
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

    def _read(self, wanted: Sequence[Sequence["_Sheet"]]) -> list[list[GenerationResult]]:
        """Return the reading of every sheet. Frozen weights read the same sheet alike, so each is read once."""
        sheets = {sheet.key: sheet for wants in wanted for sheet in wants}
        read = {key: result for key in sheets if (result := self._sheets.get(key)) is not None}
        missing = [key for key in sheets if key not in read]
        results = self._generate([self._sheet_request(sheets[key]) for key in missing]) if missing else ()
        for key, result in zip(missing, results, strict=True):
            read[key] = result
            if self._temperature == 0 and result.error is None:
                self._sheets[key] = _remembered(result)
                self._note(sheets[key], result)
        for held in (self._sheets, self._last_read):
            for key in list(held)[: max(0, len(held) - KEPT_SHEETS)]:
                held.pop(key, None)
        return [[read[one.key] for one in wants] for wants in wanted]

    def _note(self, sheet: "_Sheet", result: GenerationResult) -> None:
        """Note what a clause asks of each fact: for another reason or other facts it will mostly ask the same."""
        copied = (text for text, _ in sheet_steps(sheet.policy, sheet.reason, sheet.facts))
        known = self._last_read.pop(sheet.policy.text, {})
        self._last_read[sheet.policy.text] = known | dict(zip(copied, result.steps, strict=True))

    def _choice_request(self, view: CaseView) -> GenerationRequest:
        head, tail = prompt_halves(view)
        return self._request(head, tail, choice_steps(view), partial(choice_leanings, view))

    def _sheet_request(self, sheet: "_Sheet") -> GenerationRequest:
        steps, guesses = sheet_steps(sheet.policy, sheet.reason, sheet.facts), sheet_guesses(sheet.policy, sheet.facts)
        known = self._last_read.get(sheet.policy.text, {})
        likely = [known.get(copied, guess) for (copied, _), guess in zip(steps, guesses, strict=True)]
        return self._request(sheet_prompt(sheet.policy), (), steps, partial(sheet_leanings, sheet.facts), likely)

    def _request(
        self,
        head: Sequence[Segment],
        tail: Sequence[Segment],
        steps: Sequence[Step],
        leaning: Leaning | None = None,
        guesses: Sequence[str] = (),
    ) -> GenerationRequest:
        """Return a request whose `head` other cases may share, part by part."""
        ids: list[int] = []
        boundaries: list[int] = []
        for segment in head:
            ids += tokenize(self._tokenizer, [segment]).ids
            boundaries.append(len(ids))
        ids += tokenize(self._tokenizer, tail).ids
        return GenerationRequest(
            ids,
            boundaries,
            partial(StepsConstraint, steps, self._tokenizer, leaning, guesses),
            max_new_tokens=MAX_DECISION_TOKENS,
            temperature=self._temperature,
            seed=self._seed,
        )

    def _wanted(self, view: CaseView, choice: GenerationResult) -> list["_Sheet"]:
        """Return what is to be read after a choice: each chosen clause, against the facts that concern it."""
        if choice.error is not None:
            return []
        reason = Reason(choice.steps[0].strip())
        return [
            _Sheet(policy, forbids, reason, facts_for(policy, view.evidence.policies, sheet_facts(policy, view.facts)))
            for policy, forbids in chosen_clauses(view, choice.steps[1])
        ]

    def _decided(
        self,
        view: CaseView,
        request: GenerationRequest,
        results: Sequence[GenerationResult],
        sheets: Sequence["_Sheet"],
    ) -> Decided:
        generation = self._generation(request, *results)
        if any(result.error for result in results):
            return Decided(None, generation)
        read = [
            read_sheet(sheet.policy, sheet.facts, result.steps, forbids=sheet.forbids)
            for sheet, result in zip(sheets, results[1:], strict=True)
        ]
        sureness = round(_sureness(results[0], results[1:], sheets), 4)
        decision = settle(view.evidence, Reason(results[0].steps[0].strip()), read)
        decision = decision.model_copy(update={"sureness": sureness})
        answer = decision_segments(view, decision, conflict=bool(view.evidence.contradictions))[:-1]
        scratch = "".join(segment.text for segment in answer)
        self._asked[view.evidence.digest] = _Asked(tuple(request.prompt), results[0].session)
        while len(self._asked) > _KEPT_SESSIONS:
            self._asked.popitem(last=False)
        return Decided(decision, generation.model_copy(update={"raw_output": scratch}))

    def _reply_request(
        self, evidence: Evidence, decision: Decision, actions: Sequence[ToolAction]
    ) -> GenerationRequest:
        view = CaseView(evidence)
        asked = self._asked.pop(evidence.digest, None)
        # A decision made elsewhere, corrected, or long ago has no cache: its prompt is read again.
        prompt = asked.ids if asked else tokenize(self._tokenizer, prompt_segments(view)).ids
        answer = decision_segments(view, decision, conflict=bool(evidence.contradictions))
        record = reply_prompt_segments(actions, evidence.facts.order_id)
        ids = [*prompt, *tokenize(self._tokenizer, [*answer, *record]).ids]
        # A tool's record may name further numbers; where none ran, only the case's own order may be named.
        order_id = None if actions else evidence.facts.order_id
        grammar = reply_grammar(decision.policy_id, (one.policy_id for one in evidence.policies), order_id)
        return GenerationRequest(
            ids,
            constraint=partial(self._grammars.compile, grammar) if grammar else None,
            max_new_tokens=MAX_REPLY_TOKENS,
            session=asked.session if asked else None,
            temperature=self._temperature,
            seed=self._seed,
        )

    def _generation(self, request: GenerationRequest, *results: GenerationResult) -> Generation:
        """Return the record of an answer that took one run or several, one after another."""
        error = next((one.error for one in results if one.error), None)
        return Generation(
            checkpoint=self._checkpoint_id,
            prompt_digest=hashlib.sha256(array("q", request.prompt).tobytes()).hexdigest(),
            raw_output="\n".join(self._tokenizer.decode(one.ids) for one in results),
            sampling={"temperature": request.temperature, "seed": request.seed},
            prompt_tokens=sum(one.prompt_tokens for one in results),
            output_tokens=sum(len(one.ids) for one in results),
            ttft_ms=round(results[0].ttft_ms, 1),
            latency_ms=round(sum(one.latency_ms for one in results), 1),
            error=f"{type(error).__name__}: {error}" if error else None,
        )


def _remembered(result: GenerationResult) -> GenerationResult:
    """Return a reading for the next case that asks for it, which then costs nothing."""
    return replace(result, prompt_tokens=0, computed_tokens=0, cached_tokens=0, latency_ms=0.0, session=None)


def _sureness(choice: GenerationResult, sheets: Sequence[GenerationResult], asked: Sequence[_Sheet]) -> float:
    """Return how sure the model was of what the outcome follows from: the clauses, and what they ask of the facts.

    Which reason it gave the case, which sentence it quotes and which tool it asks for change no outcome.
    """
    deciding = [choice.sureness[1]]
    for result, sheet in zip(sheets, asked, strict=True):
        deciding += result.sureness[1 : len(sheet.facts) + 2]
    return min(deciding)


def load_decider(reference: str | Path, roots: Sequence[Path], options: EngineOptions | None = None) -> EngineDecider:
    """Load a checkpoint and return it at work. Raises CheckpointError with one clear line.

    Any thread may use it; those that do share the engine's steps. It is named as the trace will cite it: the
    checkpoint's name and the first digits of its digest.
    """
    loaded = load_checkpoint(reference, roots)
    engine = EngineService(Engine(loaded.model, loaded.tokenizer.stop_id, options))
    return EngineDecider(f"{loaded.card.name}@{loaded.card.short}", loaded.tokenizer, engine.generate)
