"""Decisions a second: our engine, its peers, and our engine without each of its ideas; same cases, same weights."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812

from services.domain.evidence import Evidence
from services.inference.checkpoint import Loaded
from services.inference.decider import EngineDecider, Generate
from services.inference.engine import Engine, EngineOptions
from services.inference.llama import Llama
from services.inference.request import GenerationRequest, GenerationResult
from services.inference.service import EngineService
from workers.bench.cases import bench_cases
from workers.bench.llama_server import llama_server
from workers.bench.load import Timed, figures, under_load
from workers.bench.peers import LlamaClient, TransformersEngine, engine_ask
from workers.bench.weights import write_gguf, write_hugging_face

Say = Callable[[str], None]
SLOTS = 8
COMPARED = 16
WITHOUT: Mapping[str, EngineOptions] = {
    "without shared prefixes": EngineOptions(prefix_bytes=0),
    "forced tokens one by one": EngineOptions(append_forced=False),
    "choices not guessed ahead": EngineOptions(full_step=0),
    "head over the whole vocabulary": EngineOptions(partial_head_rows=0),
    "one at a time": EngineOptions(max_running=1),
}


Ask = Callable[[Evidence], Timed]


@dataclass(frozen=True)
class Sizes:
    """How many cases each run decides, by requests in flight: enough to time, few enough to wait for.

    `warm` customers come before the runs with policies seen before, the same for all who are measured.
    """

    ours: Mapping[int, int]
    llama: Mapping[int, int]
    transformers: Mapping[int, int]
    ablation: int
    warm: int


FULL = Sizes({1: 12, 4: 28, 16: 64, 64: 64}, {1: 4, 4: 8, 16: 24, 64: 64}, {1: 2, 4: 8, 16: 16, 64: 64}, 48, 96)
QUICK = Sizes({1: 4, 4: 8, 16: 16}, {4: 8, 16: 16}, {4: 4, 16: 16}, 16, 16)


@dataclass(frozen=True)
class Customers:
    """Who asks: `first` of a shop just opened, `warm` and `later` of one that has seen its policies before.

    No one comes twice in a shop's life; all have the same sets of clauses.
    """

    first: Sequence[Evidence]
    warm: Sequence[Evidence]
    later: Sequence[Evidence]

    def series(self, counts: Mapping[int, int]) -> Iterator[tuple[int, Sequence[Evidence]]]:
        """Yield (in flight, cases) of the runs with policies seen before: other customers each time."""
        begin = 0
        for in_flight, count in counts.items():
            yield in_flight, self.later[begin : begin + count]
            begin += count


def customers(sizes: Sizes) -> Customers:
    """Return the cases of a benchmark, the same each time."""
    first, later = max(sizes.ours.values()), sum(sizes.ours.values())
    cases = bench_cases(first + sizes.warm + later)
    return Customers(cases[:first], cases[first : first + sizes.warm], cases[first + sizes.warm :])


def ours(loaded: Loaded, who: Customers, sizes: Sizes, say: Say) -> dict[str, Any]:
    """Return the figures of our engine, its answers compared among loads, and its share of the matrix rate."""
    rate = matrix_rate(loaded.model)
    _run(loaded, EngineOptions(), who.warm[:2], 1)  # The first run of a process loads the encoder and allocates.
    runs, answers = [], []
    for in_flight, count in sizes.ours.items():
        row, got = _run(loaded, EngineOptions(), who.first[:count], in_flight)
        runs.append(row)
        answers.append([one.answer for one in got])
        say(_line("ours, policies first seen", row))
    shop = _decider(loaded, EngineOptions())
    under_load(engine_ask(shop[0]), who.warm, 16)
    for in_flight, cases in who.series(sizes.ours):
        row, _ = _timed(loaded, shop, cases, in_flight)
        runs.append(row | {"seen": True})
        say(_line("ours, policies seen before", row))
    for row in runs:
        row["matrix_share"] = round(row["gflop_per_s"] / rate["gflop_per_s"], 3)
    return {"runs": runs, "matrix_rate": rate, "same_as_alone": [_same(answers[0], other) for other in answers[1:]]}


def ablation(loaded: Loaded, who: Customers, sizes: Sizes, say: Say) -> dict[str, Any]:
    """Return decisions a second at 16 in flight with all ideas, and without each of them."""
    _run(loaded, EngineOptions(), who.warm[:2], 1)
    rows = []
    whole: Sequence[Timed] = ()
    for name, options in {"all ideas": EngineOptions(), **WITHOUT}.items():
        row, answers = _run(loaded, options, who.first[: sizes.ablation], 16)
        whole = whole or answers
        same = _same([one.answer for one in whole], [one.answer for one in answers])
        rows.append({"engine": name, **row, "same_answers": same})
        say(_line(name, row))
    return {"runs": rows}


def llama(loaded: Loaded, who: Customers, sizes: Sizes, work: Path, say: Say) -> dict[str, Any]:
    """Return the figures of llama.cpp's server, eight slots, JSON schema, Q4_1, its own prompt caches at work."""
    model = write_gguf(loaded, work / "checkpoint.gguf")
    runs = []

    def measured(ask: Ask, cases: Sequence[Evidence], in_flight: int, name: str) -> dict[str, Any]:
        row, answers = under_load(ask, cases, in_flight)
        say(_line(f"llama.cpp, policies {name}", row))
        return row | {"schema_true": sum(one.answer is not None for one in answers)}

    def server() -> AbstractContextManager[str]:
        return llama_server(model, SLOTS, 1024, torch.get_num_threads(), work / "llama.log")

    for in_flight, count in sizes.llama.items():
        with server() as address:
            ask = LlamaClient(address)
            ask(who.warm[0])  # As ours, it has allocated before it is timed.
            runs.append(measured(ask, who.first[:count], in_flight, "first seen"))
    with server() as address:
        ask = LlamaClient(address)
        under_load(ask, who.warm, SLOTS)
        runs += [
            measured(ask, cases, in_flight, "seen before") | {"seen": True}
            for in_flight, cases in who.series(sizes.llama)
        ]
    return {"slots": SLOTS, "format": "Q4_1", "runs": runs}


def transformers(loaded: Loaded, who: Customers, sizes: Sizes, work: Path, say: Say) -> dict[str, Any]:
    """Return the figures of `transformers` in our engine's place, in static batches of the requests in flight.

    It sits behind our decider, which remembers readings for it as for us. What it remembers of the policies seen before
    is read by our engine: it would take the peer many minutes, and none of them are timed.
    """
    tokenizer = loaded.tokenizer
    peer = TransformersEngine(write_hugging_face(loaded, work / "hf"), tokenizer.stop_id, tokenizer.pad_id)
    own, engine = _decider(loaded, EngineOptions())
    expected = [one.decision for one in own.decide(who.first[:COMPARED])]
    EngineDecider("transformers", tokenizer, peer.generate).decide(who.first[:1])
    runs = []
    for in_flight, count in sizes.transformers.items():
        decider = EngineDecider("transformers", tokenizer, peer.generate)
        row, answers = _batches(decider, who.first[:count], in_flight)
        row["same_as_ours"] = _same(expected, [one.answer for one in answers])
        runs.append(row)
        say(_line("transformers, policies first seen", row))
    turn = _Turn(engine.generate)
    decider = EngineDecider("transformers", tokenizer, turn)
    decider.decide(who.warm)
    turn.generate = peer.generate
    for in_flight, cases in who.series(sizes.transformers):
        row, _ = _batches(decider, cases, in_flight)
        runs.append(row | {"seen": True})
        say(_line("transformers, policies seen before", row))
    return {"runs": runs}


class _Turn:
    """Whose turn it is to generate for a decider."""

    def __init__(self, generate: Generate) -> None:
        self.generate = generate

    def __call__(self, requests: Iterable[GenerationRequest]) -> Sequence[GenerationResult]:
        return self.generate(requests)


def matrix_rate(model: Llama) -> dict[str, float]:
    """Return what torch multiplies here with the shapes of this model, the best over some numbers of rows."""
    layer = model.blocks()[0]
    matrices = [part.weight for part in (layer.qkv, layer.out, layer.gate_up, layer.down)]
    best = {"gflop_per_s": 0.0, "rows": 0.0}
    with torch.inference_mode():
        for rows in (64, 128, 256, 512):
            inputs = [
                torch.randn(rows, matrix.shape[1], dtype=matrix.dtype, device=matrix.device) for matrix in matrices
            ]
            operations = sum(2 * rows * matrix.numel() for matrix in matrices)
            repeats, started = 0, time.perf_counter()
            while time.perf_counter() - started < 0.7:
                for row, matrix in zip(inputs, matrices, strict=True):
                    F.linear(row, matrix)
                repeats += 1
            found = operations * repeats / (time.perf_counter() - started) / 1e9
            if found > best["gflop_per_s"]:
                best = {"gflop_per_s": round(found, 1), "rows": rows}
    return best


def _decider(loaded: Loaded, options: EngineOptions) -> tuple[EngineDecider, Engine]:
    engine = Engine(loaded.model, loaded.tokenizer.stop_id, options)
    return EngineDecider("bench", loaded.tokenizer, EngineService(engine).generate), engine


def _run(
    loaded: Loaded, options: EngineOptions, cases: Sequence[Evidence], in_flight: int
) -> tuple[dict[str, Any], Sequence[Timed]]:
    """Decide the cases with an engine that has seen none of their policies."""
    return _timed(loaded, _decider(loaded, options), cases, in_flight)


def _timed(
    loaded: Loaded, shop: tuple[EngineDecider, Engine], cases: Sequence[Evidence], in_flight: int
) -> tuple[dict[str, Any], Sequence[Timed]]:
    decider, engine = shop
    before = replace(engine.counters)
    row, answers = under_load(engine_ask(decider), cases, in_flight)
    tokens = engine.counters.computed_tokens - before.computed_tokens
    wrong = engine.counters.guessed_wrong - before.guessed_wrong
    seconds = row["decisions"] / row["decisions_per_s"]
    config = loaded.model.config
    weights = config.parameter_count() - config.vocab_size * config.hidden_size
    row["tokens_run"] = round(tokens / len(cases), 1)
    row["guessed_wrong"] = round(wrong / len(cases), 1)
    row["steps"] = round((engine.counters.steps - before.steps) / len(cases), 2)
    row["gflop_per_s"] = round(2 * weights * (tokens - wrong) / seconds / 1e9, 1)  # useful ones
    return row, answers


def _batches(
    decider: EngineDecider, cases: Sequence[Evidence], in_flight: int
) -> tuple[dict[str, Any], Sequence[Timed]]:
    answers: list[Timed] = []
    started = time.perf_counter()
    for begin in range(0, len(cases), in_flight):
        answers += _batch(decider, cases[begin : begin + in_flight])
    return figures(answers, in_flight, time.perf_counter() - started), answers


def _batch(decider: EngineDecider, cases: Sequence[Evidence]) -> list[Timed]:
    started = time.perf_counter()
    decided = decider.decide(cases)
    whole = (time.perf_counter() - started) * 1000
    return [
        Timed(d.generation.ttft_ms, whole, d.generation.prompt_tokens, d.generation.output_tokens, d.decision)
        for d in decided
    ]


def _same(one: Sequence[Any], other: Sequence[Any]) -> str:
    pairs = list(zip(one, other, strict=False))
    return f"{sum(a == b for a, b in pairs)} of {len(pairs)}"


def _line(name: str, row: Mapping[str, Any]) -> str:
    failed = f"  {row['failed']} failed" if row["failed"] else ""
    return (
        f"{name:<36} {row['in_flight']:>3} in flight  {row['decisions_per_s']:>7.2f}/s  "
        f"p95 {row['latency_p95_ms'] / 1000:>6.2f} s  first token p95 {row['ttft_p95_ms']:>7.0f} ms{failed}"
    )
