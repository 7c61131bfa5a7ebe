"""A training run's folder: settings, metrics, loss curve, and the state from which a killed run goes on.

State is safetensors and JSON only; nothing here is pickled. The stages themselves (sft, dpo, ...) own their loops.
"""

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from services.domain.canonical import digest_of


class RunError(Exception):
    """The run cannot start or go on; the message is one clear line with the remedy."""


class Run:
    """One folder a run. `settings` name it for ever: going on with other settings is refused."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        self.settings = dict(settings)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(
                f"{folder}: cannot be made a folder ({error.strerror}); choose another --run folder"
            ) from error
        path = folder / "settings.json"
        if path.exists():
            stored = _read_json(path)
            changed = sorted(
                name for name in self.settings if stored.get(name) != json.loads(json.dumps(self.settings[name]))
            )
            if changed:
                raise RunError(f"{folder}: this run was started with another {changed[0]}; choose another --run folder")
        else:
            # Several processes may start a run at once; each writes a whole file, and all write the same.
            work = folder / f".settings-{os.getpid()}"
            work.write_text(json.dumps(self.settings, indent=2) + "\n", encoding="utf-8")
            work.replace(path)

        metrics = folder / "metrics.jsonl"
        if metrics.exists() and not metrics.read_bytes().endswith(b"\n"):
            # A process that was killed while it wrote leaves half a line; it stays, and is not read.
            with metrics.open("a", encoding="utf-8") as file:
                file.write("\n")

    @property
    def digest(self) -> str:
        return digest_of(self.settings)

    def save_state(self, step: int, parameters: Sequence[nn.Parameter], optimizer: torch.optim.Optimizer) -> None:
        """Write weights, optimiser moments and the step, whole or not at all."""
        tensors: dict[str, torch.Tensor] = {}
        for index, parameter in enumerate(parameters):
            tensors[f"{index}.weight"] = parameter.detach().cpu().contiguous()
            for name, value in optimizer.state.get(parameter, {}).items():
                tensors[f"{index}.{name}"] = torch.as_tensor(value).detach().cpu().contiguous()
        work = self.folder / ".state-writing"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        save_file(tensors, work / "state.safetensors", metadata={"step": str(step)})
        (work / "step.json").write_text(json.dumps({"step": step}), encoding="utf-8")
        kept = self.folder / "state"
        shutil.rmtree(self.folder / ".state-old", ignore_errors=True)
        if kept.exists():
            kept.rename(self.folder / ".state-old")
        work.rename(kept)

    def load_state(self, parameters: Sequence[nn.Parameter], optimizer: torch.optim.Optimizer) -> int:
        """Fill weights and moments from the last saved state; return its step, 0 where there is none."""
        folder = next(
            (f for f in (self.folder / "state", self.folder / ".state-old") if (f / "step.json").exists()), None
        )
        if folder is None:
            return 0
        try:
            tensors = load_file(folder / "state.safetensors")
        except (OSError, SafetensorError) as error:
            raise RunError(f"{folder}: the saved state is damaged ({error}); remove it or begin another run") from error
        for index, parameter in enumerate(parameters):
            stored = tensors.get(f"{index}.weight")
            if stored is None or stored.shape != parameter.shape:
                raise RunError(f"{folder}: state is of a model of another shape; choose another --run folder")
            with torch.no_grad():
                parameter.copy_(stored)
            moments = {name.partition(".")[2]: t for name, t in tensors.items() if name.startswith(f"{index}.")}
            moments.pop("weight")
            if moments:
                optimizer.state[parameter] = {
                    n: t.to(parameter.device) if n != "step" else t for n, t in moments.items()
                }
        return int(_read_json(folder / "step.json")["step"])

    def record(self, **values: float) -> None:
        """Append one line of metrics; a step that is run again after a crash is written again, the last one counts."""
        with (self.folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"at": round(time.time(), 1), **values}) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def metrics(self) -> list[dict[str, float]]:
        path = self.folder / "metrics.jsonl"
        if not path.exists():
            return []
        latest: dict[float, dict[str, float]] = {}
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue  # half a line of a killed process
            latest[row["step"]] = row
        return [latest[step] for step in sorted(latest)]

    def plot(self, *names: str) -> Path:
        """Draw the named metrics over the steps into `curve.png`, smoothed over ten steps."""
        import matplotlib as mpl  # noqa: PLC0415 - half a second that only a finished run needs

        mpl.use("Agg")
        from matplotlib import pyplot as plt  # noqa: PLC0415

        figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
        rows = self.metrics()
        for name in names:
            points = [(row["step"], row[name]) for row in rows if name in row]
            steps = [step for step, _ in points]
            axes.plot(steps, _smooth([value for _, value in points]), label=name)
        axes.set_xlabel("optimiser step")
        axes.legend()
        axes.grid(alpha=0.3)
        path = self.folder / "curve.png"
        figure.savefig(path, dpi=110)
        plt.close(figure)
        return path


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunError(f"{path}: is damaged ({error}); remove it or choose another --run folder") from error
    return value


def _smooth(values: Sequence[float], window: int = 10) -> list[float]:
    return [sum(values[max(0, i - window + 1) : i + 1]) / (i - max(0, i - window + 1) + 1) for i in range(len(values))]


def cosine_rate(step: int, steps: int, peak: float, warmup: int, floor: float = 0.1) -> float:
    """Return the learning rate at `step` of `steps`: linear warm-up, then a cosine down to `floor` of the peak."""
    if step < warmup:
        return peak * (step + 1) / warmup
    done = (step - warmup) / max(1, steps - warmup)
    return peak * (floor + (1 - floor) * 0.5 * (1 + float(torch.cos(torch.tensor(done * torch.pi)))))


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def batches_by_length(
    lengths: Sequence[int], size: int, seed: int, epoch: int, window: int = 32
) -> Iterator[list[int]]:
    """Yield batches of row indices, rows of like length together, in an order that only seed and epoch decide."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    order = torch.randperm(len(lengths), generator=generator).tolist()
    for start in range(0, len(order), size * window):
        chunk = sorted(order[start : start + size * window], key=lambda index: lengths[index])
        groups = [chunk[i : i + size] for i in range(0, len(chunk), size)]
        for index in torch.randperm(len(groups), generator=generator).tolist():
            yield groups[index]
