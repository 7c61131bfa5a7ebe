"""`returns-desk footprint`: what a checkpoint weighs by formula, what the loaded process takes, what fits in a memory.

The arithmetic is `services.inference.footprint`'s; this file loads, measures and prints.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.commands.output import bad_input

if TYPE_CHECKING:
    from services.inference.checkpoint import Loaded

_MIB = 1024 * 1024
_STATUS = Path("/proc/self/status")


def footprint(
    checkpoint: Annotated[str | None, typer.Option(help="Name, digest or folder; the released one if omitted.")] = None,
    memory_mib: Annotated[int, typer.Option("--memory", min=1, help="Memory to fit into, in MiB.")] = 4096,
    request_tokens: Annotated[int, typer.Option(min=1, help="Prompt and answer tokens of one request.")] = 300,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print weight bytes by formula, cache bytes per token and request, the loaded process, and what fits.

    Example: returns-desk footprint --memory 2048
    """
    from services.inference.engine import EngineOptions  # noqa: PLC0415
    from services.inference.footprint import RUNTIME_BYTES  # noqa: PLC0415
    from services.inference.footprint import footprint as by_formula  # noqa: PLC0415

    before = _resident_bytes()
    loaded = _load(checkpoint)
    after = _resident_bytes()
    model, options = loaded.model, EngineOptions()
    dtype = str(model.dtype).removeprefix("torch.")
    int8 = model.wide_head is not None
    formula = by_formula(model.config, dtype, request_tokens, options.step_tokens, int8)
    running = _run_one_step(loaded, options.step_tokens)
    report: dict[str, Any] = {
        "checkpoint": f"{loaded.card.name}@{loaded.card.short}",
        "device": str(model.device),
        "dtype": f"int8 over {dtype}" if int8 else dtype,
        "parameters": formula.parameters,
        "weight_bytes": formula.weight_bytes,
        "weight_bytes_counted": _counted_bytes(model),
        "kv_bytes_per_token": formula.kv_bytes_per_token,
        "request_tokens": request_tokens,
        "kv_bytes_per_request": formula.request_bytes,
        "step_bytes": formula.step_bytes,
        "prefix_cache_bytes": options.prefix_bytes,
        "runtime_bytes": RUNTIME_BYTES,
        "resident_before_bytes": before,
        "resident_loaded_bytes": after,
        "resident_after_step_bytes": running,
        "memory_bytes": memory_mib * _MIB,
        "requests_that_fit": formula.requests_within(memory_mib * _MIB, options.prefix_bytes),
    }
    typer.echo(json.dumps(report, indent=1) if as_json else _table(report))


def _load(checkpoint: str | None) -> "Loaded":
    from infra.settings import get_settings  # noqa: PLC0415
    from services.inference.base import ensure_base  # noqa: PLC0415
    from services.inference.checkpoint import CheckpointError, load_checkpoint  # noqa: PLC0415
    from services.inference.device import DeviceUnavailable  # noqa: PLC0415
    from services.inference.wheels import WeightsUnavailable  # noqa: PLC0415
    from workers.checkpoints import champion, roots  # noqa: PLC0415

    settings = get_settings()
    try:
        ensure_base(settings.checkpoints_dir)
        return load_checkpoint(checkpoint or champion(settings), roots(settings))
    except (WeightsUnavailable, CheckpointError) as error:
        bad_input(f"--checkpoint: {error}")
    except DeviceUnavailable as error:
        bad_input(f"RETURNS_DEVICE: {error}")


def _run_one_step(loaded: "Loaded", tokens: int) -> int | None:
    """Run a full step once, so that the process has touched what serving touches, and return its resident bytes."""
    from services.inference.engine import Engine  # noqa: PLC0415
    from services.inference.request import GenerationRequest  # noqa: PLC0415

    prompt = [loaded.tokenizer.start_id] * min(tokens, loaded.model.config.max_position_embeddings - 1)
    engine = Engine(loaded.model, loaded.tokenizer.stop_id)
    engine.generate([GenerationRequest(prompt, max_new_tokens=1)])
    return _resident_bytes()


def _counted_bytes(model: Any) -> int:
    """Count what the loaded model holds as tensors, to check the formula; packed eight-bit weights are not seen."""
    return sum(weight.numel() * weight.element_size() for weight in model.parameters())


def _resident_bytes() -> int | None:
    """Return this process's resident memory, or None where the system does not say (no /proc)."""
    if not _STATUS.exists():
        return None
    line = next(line for line in _STATUS.read_text(encoding="utf-8").splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def _table(report: dict[str, Any]) -> str:
    def mib(name: str) -> str:
        value = report[name]
        return "not known here" if value is None else f"{value / _MIB:,.1f} MiB"

    rows = [
        ("checkpoint", f"{report['checkpoint']}, {report['dtype']} on {report['device']}"),
        ("weights by formula", f"{mib('weight_bytes')}  ({report['parameters']:,} parameters)"),
        ("cache a token", f"{report['kv_bytes_per_token'] / 1024:,.1f} KiB"),
        (f"cache a request of {report['request_tokens']} tokens", mib("kv_bytes_per_request")),
        ("activations of a full step", mib("step_bytes")),
        ("prefix cache, at most", mib("prefix_cache_bytes")),
        ("process before loading, measured", mib("resident_before_bytes")),
        ("process with weights, measured", mib("resident_loaded_bytes")),
        ("process after a full step, measured", mib("resident_after_step_bytes")),
        (f"requests at once in {report['memory_bytes'] // _MIB:,} MiB", f"{report['requests_that_fit']:,}"),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)
