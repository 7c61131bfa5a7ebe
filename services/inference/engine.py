"""Runs many requests at once: shared beginnings are read once, forced tokens are appended, choices are batched.

One step takes from every running request what its cache does not hold yet (the rest of a prompt, a forced stretch or
one chosen token), lays it end to end and runs the model once. Then each request that is up to date chooses one token
among those its grammar allows, and appends all that follows without a choice. A step with room to spare also runs what
will probably be chosen next; where that comes true, the next choice is made at once. Owned by one thread (`service`).
"""

import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from services.inference.llama import Llama
from services.inference.prefix import PrefixCache
from services.inference.request import GenerationRequest, GenerationResult, Running


@dataclass(frozen=True)
class EngineOptions:
    """Each idea of the engine can be switched off, so that a benchmark can show what it is worth.

    `max_running` requests share a step of at most `step_tokens` tokens: more of either raises throughput and latency.
    A step of fewer than `full_step` tokens is filled up with guesses: reading the weights costs about as many products.
    """

    max_running: int = 16
    step_tokens: int = 256
    full_step: int = 96
    prefix_bytes: int = 512 * 1024 * 1024
    append_forced: bool = True
    partial_head_rows: int = 1024
    keep_sessions: bool = True


@dataclass
class EngineCounters:
    """What the engine has done since it was made; tokens of a prefix hit were not computed, wrong guesses were."""

    steps: int = 0
    computed_tokens: int = 0
    guessed_wrong: int = 0
    finished: int = 0


class Engine:
    """See the module's docstring. `generate` runs a batch to its end; `submit` and `step` serve a stream."""

    def __init__(self, model: Llama, stop_id: int, options: EngineOptions | None = None) -> None:
        self.model, self.stop_id, self.options = model, stop_id, options or EngineOptions()
        self.prefixes = PrefixCache(self.options.prefix_bytes)
        self.counters = EngineCounters()
        self._waiting: deque[tuple[int, GenerationRequest, float]] = deque()
        self._running: dict[int, Running] = {}
        self._tickets = 0

    @property
    def load(self) -> tuple[int, int]:
        """Return how many requests run and how many wait."""
        return len(self._running), len(self._waiting)

    def generate(self, requests: Iterable[GenerationRequest]) -> list[GenerationResult]:
        """Run the requests to their end and return their results in order. A failed one carries its error."""
        tickets = [self.submit(request) for request in requests]
        done: dict[int, GenerationResult] = {}
        while len(done) < len(tickets):
            done.update(self.step())
        return [done[ticket] for ticket in tickets]

    def drop_all(self) -> None:
        """Forget every request: after a step that failed, none of them can be trusted."""
        self._waiting.clear()
        self._running.clear()

    @property
    def oldest_waiting(self) -> float | None:
        """Return when the request that has waited longest arrived (monotonic seconds), None where none waits."""
        return self._waiting[0][2] if self._waiting else None

    def submit(self, request: GenerationRequest, arrived: float | None = None) -> int:
        """Queue a request; its ticket comes back with its result from `step`. `arrived` is in monotonic seconds."""
        self.check(request)
        self._tickets += 1
        self._waiting.append((self._tickets, request, time.monotonic() if arrived is None else arrived))
        return self._tickets

    def check(self, request: GenerationRequest) -> None:
        """Raise ValueError where the request could not run at all: a caller's mistake, not a model's failure."""
        if not request.prompt:
            raise ValueError("prompt: it holds no token; a model cannot begin from nothing")
        if min(request.prompt) < 0 or max(request.prompt) >= self.model.config.vocab_size:
            raise ValueError(f"prompt: a token id lies outside the vocabulary of {self.model.config.vocab_size}")
        if request.max_new_tokens < 1 or request.temperature < 0:
            raise ValueError("max_new_tokens must be at least 1 and temperature at least 0")

    @torch.inference_mode()
    def step(self) -> list[tuple[int, GenerationResult]]:
        """Admit what fits, run the model once, and return what finished."""
        self._admit()
        if batch := self._pack():
            self._forward(batch)
        now, finished = time.monotonic(), []
        for ticket, sequence in list(self._running.items()):
            if sequence.finished:
                del self._running[ticket]
                finished.append((ticket, sequence.result(now, self.options.keep_sessions)))
        self.counters.finished += len(finished)
        return finished

    def _admit(self) -> None:
        """Start waiting requests, oldest first, while there is room."""
        while self._waiting and len(self._running) < self.options.max_running:
            ticket, request, submitted = self._waiting.popleft()
            session = request.session.take(request.prompt) if request.session else None
            cache = session or self.model.new_cache(len(request.prompt) + 64)
            sequence = Running(request, self.stop_id, cache, submitted)
            sequence.cached = cache.length
            sequence.begin(self.model.config.max_position_embeddings)
            self._running[ticket] = sequence

    def _pack(self) -> list[tuple[Running, int]]:
        """Choose how many tokens each request runs in this step: short stretches first, so that no choice waits long.

        A request whose next shared segment is being read by another waits for it instead of reading it twice.
        """
        budget, batch, being_read = self.options.step_tokens, [], set[bytes]()
        for sequence in self._running.values():
            if not sequence.finished:
                self._use_prefixes(sequence)
        for sequence in sorted(self._running.values(), key=lambda s: len(s.ids) - s.cache.length):
            if sequence.finished or budget == 0:
                continue
            missing = [s.key for s in sequence.segments if s.end > sequence.cache.length]
            if missing and self.options.prefix_bytes and missing[0] in being_read:
                continue
            being_read.update(missing)
            tokens = min(len(sequence.ids) - sequence.cache.length, budget)
            if not self.options.append_forced and sequence.cache.length >= len(sequence.request.prompt):
                tokens = 1
            budget -= tokens
            batch.append((sequence, tokens))
        self._guess(batch)
        return batch

    def _guess(self, batch: Sequence[tuple[Running, int]]) -> None:
        """Share the room that the step has left among the requests that will choose in it."""
        room = self.options.full_step - sum(tokens for _, tokens in batch) if self.options.append_forced else 0
        for left, (sequence, tokens) in enumerate(batch[::-1]):
            chooses = sequence.cache.length + tokens == len(sequence.ids)
            sequence.guess_ahead(room // (len(batch) - left) if chooses else 0)
            room -= len(sequence.guess)

    def _use_prefixes(self, sequence: Running) -> None:
        before = sequence.cache.length
        self.prefixes.fill(sequence.cache, sequence.segments)
        # The last token always runs: its hidden state makes the first choice.
        sequence.cache.length = min(sequence.cache.length, len(sequence.ids) - 1)
        sequence.cached += max(sequence.cache.length - before, 0)

    def _forward(self, batch: Sequence[tuple[Running, int]]) -> None:
        pieces = [s.ids[s.cache.length : s.cache.length + tokens] + s.guess for s, tokens in batch]
        ids = torch.tensor([token for piece in pieces for token in piece], device=self.model.device)
        lengths = [len(piece) for piece in pieces]
        hidden = self.model(ids, lengths, caches=[s.cache for s, _ in batch])
        self.counters.steps += 1
        self.counters.computed_tokens += len(ids)
        begin = 0
        choosing: list[tuple[Running, int]] = []
        for (sequence, tokens), length in zip(batch, lengths, strict=True):
            sequence.computed += length
            for segment in sequence.segments:
                self.prefixes.store(sequence.cache, segment)
            if sequence.cache.length == len(sequence.ids) + len(sequence.guess):
                choosing.append((sequence, begin + tokens - 1))
            begin += length
        while choosing:
            known = [len(sequence.ids) for sequence, _ in choosing]
            self._choose(choosing, hidden)
            moved = [(s, end, s.confirm(n)) for (s, end), n in zip(choosing, known, strict=True)]
            self.counters.guessed_wrong += sum(len(s.guess) for s, _, right in moved if not right)
            choosing = [(s, end + right) for s, end, right in moved if right]

    def _choose(self, choosing: Sequence[tuple[Running, int]], hidden: Tensor) -> None:
        """Make logits where a choice is made: few rows of the head for few options, one product for the others."""
        wide = []
        for sequence, end in choosing:
            options = sequence.options
            if options is None or len(options) > self.options.partial_head_rows:
                wide.append((sequence, end))
                continue
            rows = torch.from_numpy(options).to(hidden.device)
            sequence.choose(self.model.head(hidden[end], rows))
        if not wide:
            return
        logits = self.model.head(hidden[[end for _, end in wide]])
        for (sequence, _), row in zip(wide, logits, strict=True):
            options = sequence.options
            sequence.choose(row if options is None else row[torch.from_numpy(options).to(row.device)])
