"""Which runtime and precision a model runs on: measured here, at start, on this machine.

Rule: speed decides only among candidates whose logits agree with fp32; the reason is one line. With `precision =
"auto"` another class than fp32 is taken only where it passes that check and is faster (which classes are tried says
`classes.py`).
"""

import importlib.util
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from connector.extras import adds
from workers.agreement import agreement, right, wrong
from workers.batching import CPU_TOKENS, GPU_TOKENS, Batches
from workers.checkpoint import has_weights
from workers.devices import checked
from workers.probes import PROBES
from workers.runtimes.base import Logits, Runtime, RuntimeRefused
from workers.tokens import Encoded, Tokens

FASTER = 1.1  # a lower precision must pay at least this; below it is measuring noise
HOPELESS = 3.0  # a candidate is given up when it has taken this many times the best one's time over the probes
SLOW_S = 1.0  # a pass over the probes longer than this is not repeated

CARDS = ("/dev/nvidiactl", "/dev/dxg")  # Linux, and Windows' Linux
GPU_BUDGETS = (16_384, GPU_TOKENS, 65_536)


class TooSlow(Exception):
    """Raised when a candidate has lost already."""


Opener = Callable[[str, str], Runtime]  # (runtime name, precision) -> loaded runtime; raises RuntimeRefused


@dataclass(frozen=True, slots=True)
class Trial:
    """A candidate as measured on the probes."""

    runtime: Runtime
    logits: Logits
    seconds: float  # over all probes; on CPU of its time, which neighbours on a busy machine disturb least
    rate: float  # pairs a second of that

    def __str__(self) -> str:
        unit = "cpu-s" if self.runtime.device == "cpu" else "s"
        return f"{self.runtime.name} {self.runtime.precision} {self.rate:.0f}/{unit}"


@dataclass(frozen=True, slots=True)
class Choice:
    runtime: Runtime
    why: str
    logits: Logits  # of the probes


def opener(folder: Path, device: str) -> Opener:
    """Loads a runtime by name. The libraries are imported only here, when asked for. Raises ConfigError for a device
    that there is not.
    """
    checked(device)

    def load(name: str, precision: str) -> Runtime:
        if name in ("openvino", "torch") and graphs_alone(folder):
            raise RuntimeRefused(f'{folder} holds ONNX graphs and no weights: set runtime = "onnx"')
        if name == "openvino":
            _require("openvino", "torch", "worker-cpu")
            if device.startswith("cuda"):
                raise RuntimeRefused(f"device = {device!r}: runtime openvino computes on the CPU; use runtime = torch")
            from workers.runtimes.openvino import OpenVino

            return OpenVino(folder, precision)
        if name == "torch":
            _require("torch", "openvino")
            _require("transformers", "openvino")
            from workers.runtimes.torch import Torch

            return Torch(folder, precision, cuda_or_cpu() if device == "auto" else device)
        if name == "onnx":
            _require("onnxruntime", "openvino", "onnx")
            if device.startswith("cuda"):
                raise RuntimeRefused(f"device = {device!r}: runtime onnx computes on the CPU; use runtime = torch")
            from workers.runtimes.onnx import Onnx

            return Onnx(folder, precision)
        raise RuntimeRefused(f"runtime = {name!r}: there is openvino, onnx (CPU) and torch (CPU, CUDA)")

    return load


def graphs_alone(folder: Path) -> bool:
    """Whether a folder holds ONNX graphs, and no weights that another runtime could load."""
    return not has_weights(folder) and any(folder.rglob("*.onnx"))


def cuda_or_cpu() -> str:
    """The device of `device = "auto"` for torch, which is not imported (250 MB) where there is no card at all."""
    if not any(Path(device).exists() for device in CARDS):
        return "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def names(runtime: str, device: str) -> list[str]:
    """Runtimes to try: the one asked for, else all that are installed; where there is CUDA, torch alone."""
    if runtime != "auto":
        return [runtime]
    installed = [name for name in ("openvino", "torch") if importlib.util.find_spec(name)]
    if not installed:
        raise RuntimeRefused(f"no runtime is installed: {adds('worker-cpu')}, or {adds('worker')}")
    on_cuda = device.startswith("cuda") or (device == "auto" and "torch" in installed and cuda_or_cpu() == "cuda")
    return ["torch"] if on_cuda else installed


def choose(load: Opener, tokens: Tokens, runtimes: Sequence[str], classes: Sequence[str]) -> Choice:
    """The fastest candidate that is right: all runtimes in the first class, then the fastest of them in the others,
    checked against it.

    Blocks for the loading and a second or two of measuring. Raises RuntimeRefused, naming each candidate's reason.
    """
    refused: list[str] = []
    if len(runtimes) == len(classes) == 1:
        only = measure(load(runtimes[0], classes[0]), tokens)
        return Choice(only.runtime, "as set", only.logits)
    best: Trial | None = None
    said: list[str] = []
    for precision in classes:
        for name in [best.runtime.name] if best and precision != best.runtime.precision else runtimes:
            try:
                trial = measure(load(name, precision), tokens, HOPELESS * best.seconds if best else math.inf)
            except TooSlow:
                said.append(f"{name} {precision} given up, slower")
                continue
            except RuntimeRefused as error:
                refused.append(str(error))
                continue
            if best is None:
                best, reference = trial, trial
                said.append(str(trial))
                continue
            tau, difference = agreement(reference.logits, trial.logits)
            good = right(precision, tau, difference)
            said.append(f"{trial} tau {tau:.3f} diff {difference:.3f}{'' if good else ' refused'}")
            needed = FASTER if precision != best.runtime.precision else 1.0
            if good and trial.rate > needed * best.rate:
                best = trial
    if best is None:
        raise RuntimeRefused("; ".join(dict.fromkeys(refused)))
    return Choice(best.runtime, ", ".join(said), best.logits)


def join(load: Opener, tokens: Tokens, runtimes: Sequence[str], full: str, taken: str) -> Choice:
    """The class `taken` that other workers of this model compute in, whatever its speed here. Raises RuntimeRefused
    where this CPU's logits are not those of the class `full`: its scores would be kept as everybody's.
    """
    found = choose(load, tokens, runtimes, [taken])
    if taken == full:
        return found
    reference = measure(load(found.runtime.name, full), tokens)
    tau, difference = agreement(reference.logits, found.logits)
    if wrong(tau, difference):
        raise RuntimeRefused(
            f"the workers that run compute in {taken}, which this machine computes wrong (against {full}: Kendall's "
            f"tau {tau:.3f}, largest difference {difference:.3f} standard deviations): set precision = {full} for all "
            "of them, or start no worker here"
        )
    return found


def measure(runtime: Runtime, tokens: Tokens, limit_s: float = math.inf) -> Trial:
    """Run the probes once to warm up, then once more to time them, unless that takes long. Raises TooSlow, and
    RuntimeRefused where a probe has no score.
    """
    rows = [row for row in tokens.encode_pairs(PROBES) if row is not None]
    first, logits = _timed(runtime, tokens, rows, CPU_TOKENS, limit_s)
    if not np.isfinite(logits).all():
        raise RuntimeRefused(f"{runtime.name} {runtime.precision} gives no score for ordinary texts (NaN or an error)")
    seconds = first if first > SLOW_S else min(first, _timed(runtime, tokens, rows, CPU_TOKENS)[0])
    return Trial(runtime, logits, seconds, len(rows) / seconds)


def budget(runtime: Runtime, tokens: Tokens) -> int:
    """Padded tokens a batch: on a GPU what scores repeated probes fastest, on CPU the size that was found best on two
    kinds of CPU (512 to 4,096 are within 10 % of each other there, less than a measurement at start can tell).
    """
    if runtime.device == "cpu":
        return CPU_TOKENS
    rows = [row for row in tokens.encode_pairs(PROBES) if row is not None]
    rows *= 1 + GPU_BUDGETS[-1] // sum(len(row.ids) for row in rows)
    if _timed(runtime, tokens, rows, GPU_TOKENS)[0] > SLOW_S:
        return GPU_TOKENS
    times = {size: min(_timed(runtime, tokens, rows, size)[0] for _ in range(2)) for size in GPU_BUDGETS}
    fastest = min(times, key=lambda size: times[size])
    return fastest if times[fastest] * FASTER < times[GPU_TOKENS] else GPU_TOKENS


def _timed(
    runtime: Runtime, tokens: Tokens, rows: Sequence[Encoded], size: int, limit_s: float = math.inf
) -> tuple[float, Logits]:
    found: dict[int, Logits] = {}
    clock = time.process_time if runtime.device == "cpu" else time.perf_counter
    started = clock()
    lengths = [len(row.ids) for row in rows]
    for batch, logits in Batches(size).run(
        lengths, lambda batch: runtime.forward(*tokens.batch([rows[number] for number in batch]))
    ):
        if logits is None:
            raise RuntimeRefused(f"runtime {runtime.name} {runtime.precision} failed on a probe")
        found.update(zip(batch, logits, strict=True))
        if clock() - started > limit_s:
            raise TooSlow
    return clock() - started, np.stack([found[number] for number in range(len(rows))])


def _require(package: str, other: str, extra: str = "worker") -> None:
    if importlib.util.find_spec(package) is None:
        raise RuntimeRefused(f"{package} is not installed: {adds(extra)}, or use runtime = {other}")
