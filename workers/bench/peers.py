"""The peers: llama.cpp's server with JSON-schema output, and `transformers` under the very constraints of our engine.

Both get the same cases and weights. `transformers` takes our engine's place behind our own decider, so its prompts and
grammars are ours to the token; llama.cpp gets the same prompt text and answers in JSON of the contract, without the
conditions that our scratch line also states, and without spaces: the shortest answer it could give.
"""

import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import torch

from services.domain.evidence import Evidence
from services.inference.contract import answer_schema
from services.inference.prompt import CaseView, prompt_segments
from services.inference.request import GenerationRequest, GenerationResult, Running
from workers.bench.load import Timed

MAX_ANSWER_TOKENS = 320
TRIES = 2


class BrokenOff(Exception):
    """The server's answer ended before its end; the message holds the last it said."""


class LlamaClient:
    """Asks llama.cpp's server for one decision at a time, streaming, so that the first token can be timed.

    Each request has a connection of its own: the server closes idle ones, and one may be chosen again just then.
    What breaks off is asked once more, within the same time; after that the request counts as failed.
    """

    def __init__(self, address: str) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        self._client = httpx.Client(base_url=address, timeout=600, limits=limits)

    def __call__(self, evidence: Evidence) -> Timed:
        prompt = "".join(segment.text for segment in prompt_segments(CaseView(evidence)))
        body = {
            "prompt": prompt,
            "json_schema": lean_schema(evidence),
            "n_predict": MAX_ANSWER_TOKENS,
            "temperature": 0,
            "stream": True,
            "cache_prompt": True,
        }
        started, failed = time.perf_counter(), ""
        for _ in range(TRIES):
            try:
                return self._ask(body, started)
            except (httpx.HTTPError, BrokenOff) as error:
                failed = f"llama.cpp's server: {type(error).__name__}: {error}"
        return Timed(0.0, (time.perf_counter() - started) * 1000, 0, 0, None, failed)

    def _ask(self, body: dict[str, Any], started: float) -> Timed:
        first, text, last = 0.0, "", {}
        with self._client.stream("POST", "/completion", json=body) as response:
            response.raise_for_status()
            for line in response.iter_lines():
                if not line.startswith("data: "):
                    continue
                last = json.loads(line.removeprefix("data: "))
                first = first or time.perf_counter()
                text += last.get("content", "")
        ended = time.perf_counter()
        if not last.get("stop"):
            raise BrokenOff(str(last)[:200])
        read = last.get("tokens_evaluated", 0)
        answer = json.loads(text) if last.get("stop_type") != "limit" else None
        return Timed((first - started) * 1000, (ended - started) * 1000, read, last["tokens_predicted"], answer)


def lean_schema(evidence: Evidence) -> dict[str, Any]:
    """Return the contract's answer alone: reason, clause, quotation, decision, tools."""
    schema = answer_schema(evidence)
    for branch in schema["properties"]["ruling"]["anyOf"]:
        if branch["properties"].pop("conditions", None):
            branch["required"].remove("conditions")
    # A wish to llguidance, which this build of the server has: no spaces or line breaks between the parts.
    return schema | {"x-guidance": {"whitespace_flexible": False}}


class TransformersEngine:
    """Generates with `transformers` in the place of `Engine.generate`: one static batch, masks from our constraints."""

    def __init__(self, folder: Path, stop_id: int, pad_id: int) -> None:
        from transformers import AutoModelForCausalLM, logging  # noqa: PLC0415 - only for comparing

        quiet: Any = logging
        quiet.disable_progress_bar()
        self._model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        self._stop_id, self._pad_id = stop_id, pad_id

    @torch.inference_mode()
    def generate(self, requests: Iterable[GenerationRequest]) -> list[GenerationResult]:
        """Run all requests as one batch, padded on the left; each row is held to its constraint at every token."""
        asked = list(requests)
        if not asked:
            return []
        rows = [_Row(request, self._stop_id) for request in asked]
        longest = max(len(request.prompt) for request in asked)
        ids = torch.full((len(asked), longest), self._pad_id)
        seen = torch.zeros_like(ids)
        for row, request in enumerate(asked):
            ids[row, longest - len(request.prompt) :] = torch.tensor(list(request.prompt))
            seen[row, longest - len(request.prompt) :] = 1
        masks = _Masks(rows)
        written = self._model.generate(
            ids,
            attention_mask=seen,
            logits_processor=[masks],
            max_new_tokens=max(request.max_new_tokens for request in asked),
            do_sample=False,
            eos_token_id=self._stop_id,
            pad_token_id=self._pad_id,
        )
        masks.note(written[:, -1].tolist())
        now = time.monotonic()
        return [row.running.result(now, keep_session=False) for row in rows]


class _Row:
    """One row of the batch: our own state of a request, fed by what `transformers` chose."""

    def __init__(self, request: GenerationRequest, stop_id: int) -> None:
        cache: Any = _NoCache()
        self.running = Running(request, stop_id, cache, time.monotonic())
        self.running.begin(1 << 20)
        self.told = len(request.prompt)
        self.stop_id = stop_id

    def options(self) -> Any:
        """Return what the next token may be: the next forced one, the stop token at the end, or the choices."""
        if self.told < len(self.running.ids):
            return [self.running.ids[self.told]]
        if self.running.first_choice is None:
            self.running.first_choice = time.monotonic()
        return [self.stop_id] if self.running.finished else self.running.options

    def took(self, token: int, scores: torch.Tensor) -> None:
        """Note a token that `transformers` appended; a choice moves the constraint on."""
        if self.told < len(self.running.ids):
            self.told += 1
        elif not self.running.finished:
            options = self.running.options
            logits = scores if options is None else scores[torch.from_numpy(np.asarray(options))]
            self.running.choose(logits)
            self.told += int(token != self.stop_id)


class _NoCache:
    """Stands where our engine's cache is; `transformers` keeps its own."""

    length = 0


class _Masks:
    """A logits processor: lets only what each row's constraint allows."""

    def __init__(self, rows: Sequence[_Row]) -> None:
        self._rows = rows
        self._scores: Sequence[torch.Tensor] | None = None

    def note(self, tokens: Sequence[int]) -> None:
        """Tell every row what was taken from the scores of the last call."""
        for row, token, scores in zip(self._rows, tokens, self._scores or (), strict=True):
            row.took(token, scores)

    def __call__(self, ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if self._scores is not None:
            self.note(ids[:, -1].tolist())
        self._scores = list(scores)
        masked = torch.full_like(scores, -torch.inf)
        for number, row in enumerate(self._rows):
            options = row.options()
            chosen = slice(None) if options is None else torch.as_tensor(np.asarray(options))
            masked[number, chosen] = scores[number, chosen]
        return masked


def engine_ask(decider: Any) -> Any:
    """Return a decider of ours as something to put under load."""

    def ask(evidence: Evidence) -> Timed:
        started = time.perf_counter()
        (decided,) = decider.decide([evidence])
        whole = (time.perf_counter() - started) * 1000
        made = decided.generation
        return Timed(made.ttft_ms, whole, made.prompt_tokens, made.output_tokens, decided.decision)

    return ask
