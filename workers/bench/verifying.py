"""How long the verifier takes for a thousand traces: every check on decision, actions and reply, none of them twice."""

import time
from collections.abc import Callable
from typing import Any

from services.adapters.dry_run import DryRunTools
from services.domain.reading import LexicalClaimReader
from services.flows.pipeline import Pipeline
from workers.bench.cases import bench_cases
from workers.replay import judged_again
from workers.scripted import ScriptedDecider


def verification(count: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Return seconds and traces a second. Every trace has a case and a reply of its own."""
    cases = bench_cases(count, seed=11)
    traces = Pipeline(ScriptedDecider(), LexicalClaimReader()).run_batch(cases, DryRunTools())
    told = [
        trace.model_copy(update={"reply": f"{trace.reply} Your label for order {number} is in your inbox."})
        for number, trace in enumerate(traces)
    ]
    started = time.perf_counter()
    for trace in told:
        judged_again(trace)
    seconds = time.perf_counter() - started
    say(f"verification: {count} traces in {seconds:.1f} s")
    return {"traces": count, "seconds": round(seconds, 2), "traces_per_s": round(count / seconds, 1)}
