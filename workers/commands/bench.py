"""`returns-desk bench`: what this machine does a second. Prints a table and writes `var/bench/engine.json`.

Figures compare the engine with itself, alone and with company, in one run. It runs no peer yet: docs/benchmarks.md.
"""

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from services.domain.evidence import Evidence

REPLY = "Thank you for writing. Your return label is in your inbox. We will refund you once the lamp has arrived."


def bench(
    cases: Annotated[int, typer.Option(min=4, help="How many cases each setting decides.")] = 48,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure decisions a second by requests in flight, and replies verified a second.

    Example: returns-desk bench --cases 48
    """
    from infra.settings import get_settings  # noqa: PLC0415 - keeps --help fast

    report = {"decide": _decisions(cases), "verify": _verification()}
    folder = get_settings().var_dir / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "engine.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=1) if as_json else _table(report))


def _decisions(count: int) -> list[dict[str, Any]]:
    import random  # noqa: PLC0415

    from infra.settings import get_settings  # noqa: PLC0415
    from lifecycle.seed.cases import make_case  # noqa: PLC0415
    from services.inference.base import ensure_base  # noqa: PLC0415
    from services.inference.decider import load_decider  # noqa: PLC0415
    from services.inference.engine import EngineOptions  # noqa: PLC0415
    from workers.checkpoints import champion, roots  # noqa: PLC0415

    settings = get_settings()
    ensure_base(settings.checkpoints_dir)
    source = random.Random(7)
    evidence = [make_case(source, "heldout").evidence for _ in range(count)]
    rows = []
    for in_flight in (1, 4, 16):
        decider = load_decider(champion(settings), roots(settings), EngineOptions(max_running=in_flight))
        decider.decide(evidence[:2])  # the first run allocates
        rows.append(_timed(decider.decide, evidence, in_flight))
    return rows


def _timed(decide: Any, evidence: "Sequence[Evidence]", in_flight: int) -> dict[str, Any]:
    started, first_tokens = time.perf_counter(), []
    for start in range(0, len(evidence), in_flight):
        first_tokens += [one.generation.ttft_ms for one in decide(evidence[start : start + in_flight])]
    seconds = time.perf_counter() - started
    first_tokens.sort()
    return {
        "in_flight": in_flight,
        "decisions_per_s": round(len(evidence) / seconds, 2),
        "ttft_p50_ms": round(first_tokens[len(first_tokens) // 2]),
        "ttft_p95_ms": round(first_tokens[int(len(first_tokens) * 0.95)]),
    }


def _verification(replies: int = 1000) -> dict[str, Any]:
    from services.domain.reading import LexicalClaimReader  # noqa: PLC0415
    from services.domain.verify import verify_reply  # noqa: PLC0415

    reader, started = LexicalClaimReader(), time.perf_counter()
    for number in range(replies):
        verify_reply(f"{REPLY} Case {number}.", [], reader)
    seconds = time.perf_counter() - started
    return {"replies": replies, "seconds": round(seconds, 2), "replies_per_s": round(replies / seconds)}


def _table(report: dict[str, Any]) -> str:
    lines = ["in flight  decisions/s  first token p50  p95"]
    lines += [
        f"{r['in_flight']:>9}  {r['decisions_per_s']:>11}  {r['ttft_p50_ms']:>12} ms  {r['ttft_p95_ms']} ms"
        for r in report["decide"]
    ]
    verified = report["verify"]
    lines.append(f"verified {verified['replies']} replies in {verified['seconds']} s")
    return "\n".join(lines)
