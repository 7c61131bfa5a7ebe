"""Asks a decider as a number of customers would who each wait for their answer: a closed loop, timed."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from services.domain.evidence import Evidence


class NothingAnswered(Exception):
    """Every request of a run failed, so there is nothing to time; the message says how the first one did."""


class Timed(NamedTuple):
    """One request: milliseconds to the first chosen token and to the end, tokens, what was decided, or why nothing."""

    first_ms: float
    whole_ms: float
    prompt_tokens: int
    output_tokens: int
    answer: Any
    failed: str = ""


def under_load(
    ask: Callable[[Evidence], Timed], cases: Sequence[Evidence], in_flight: int
) -> tuple[dict[str, Any], Sequence[Timed]]:
    """Answer all cases with `in_flight` askers; return the figures of the run and the answers in order."""
    started = time.perf_counter()
    with ThreadPoolExecutor(in_flight) as pool:
        answers = list(pool.map(ask, cases))
    return figures(answers, in_flight, time.perf_counter() - started), answers


def figures(answers: Sequence[Timed], in_flight: int, seconds: float) -> dict[str, Any]:
    """Return the row of one run: decisions a second, latencies in milliseconds, tokens an answer.

    Failed requests took their time and count for nothing else. Raises NothingAnswered.
    """
    answered = [one for one in answers if not one.failed]
    count = len(answered)
    if not count:
        raise NothingAnswered(answers[0].failed if answers else "no request was made")
    return {
        "in_flight": in_flight,
        "decisions": count,
        "failed": len(answers) - count,
        "decisions_per_s": round(count / seconds, 3),
        **percentiles("ttft", [one.first_ms for one in answered]),
        **percentiles("latency", [one.whole_ms for one in answered]),
        "prompt_tokens": round(sum(one.prompt_tokens for one in answered) / count, 1),
        "output_tokens": round(sum(one.output_tokens for one in answered) / count, 1),
    }


def percentiles(name: str, milliseconds: Sequence[float]) -> dict[str, float]:
    """Return p50, p95 and p99 by the nearest rank."""
    ordered = sorted(milliseconds)
    last = len(ordered) - 1
    return {f"{name}_p{p}_ms": round(ordered[min(last, int(len(ordered) * p / 100))], 1) for p in (50, 95, 99)}
