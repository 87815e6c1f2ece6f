"""A model's folder in another precision: the same tokenizer and configuration, other numbers.

Rule: the source is never written to, and what is made is a complete folder. Static int8 keeps the weights as they are
and adds ranges: the same folder still serves every other class.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers import int4
from workers.checkpoint import Weights, read_weights
from workers.quantize import record
from workers.quantize.calibration import calibrate
from workers.runtimes import inputs
from workers.runtimes.base import RuntimeRefused
from workers.scorer import Pair

METHODS = {
    ("openvino", "int8"): "static int8: weights a step an output channel, activations a step a tensor, scaled; "
    "outlier channels of the feed-forward layers aside; bfloat16 between, where the CPU has it",
    ("openvino", "int4"): "weights of 4 bits, groups of 32 with an fp16 step; widened when read",
    ("torch", "int4"): "weights of 4 bits, groups of 32 with an fp16 step; widened when read",
    ("openvino", "bf16"): "weights stored and computed in bfloat16",
    ("torch", "bf16"): "weights stored and computed in bfloat16",
    ("openvino", "fp16"): "weights stored in fp16, computed in fp32",
    ("torch", "fp16"): "weights stored and computed in fp16",
    ("onnx", "fp32"): "ONNX graph",
    ("onnx", "int8"): "dynamic int8 of ONNX Runtime: weights a step an output channel, activations a step a call",
}
ADDED = (inputs.FILE, record.FILE)  # what static int8 puts beside a model
COMPUTED = {("openvino", "fp16"): "fp32"}  # where it is not the class of the name


def make(
    source: Path,
    out: Path,
    runtime: str,
    precision: str,
    pairs: Sequence[Pair],
    progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Write the folder `out`, which must not exist. `pairs` calibrate int8 on OpenVINO. Blocks. Raises ConfigError,
    RuntimeRefused.
    """
    if (runtime, precision) not in METHODS:
        there = ", ".join(f"{one} {other}" for one, other in METHODS)
        raise RuntimeRefused(f"no way to make {precision} for {runtime}; there is {there}")
    weights = () if (runtime, precision) == ("openvino", "int8") else ("*.safetensors*", "*.bin")
    shutil.copytree(source, out, ignore=shutil.ignore_patterns(*ADDED, *weights, "onnx"))
    if runtime == "onnx":
        from workers.quantize.onnx import export

        export(source, out, precision)
    elif precision == "int8":
        inputs.write_inputs(out, calibrate(source, pairs, progress=progress))
    elif precision == "int4":
        int4.write_weights(out / int4.FILE, read_weights(source))
    else:
        _write_halves(out / "model.safetensors", read_weights(source), precision)


def _write_halves(path: Path, weights: Weights, precision: str) -> None:
    """Every tensor in two bytes. The format (length of the header, header, data) is written here, because numpy has no
    bfloat16: the upper half of a float32, rounded to even.
    """
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data: list[bytes] = []
    end = 0
    for name, weight in weights.items():
        data.append(weight.astype(np.float16).tobytes() if precision == "fp16" else _bfloat16(weight))
        start, end = end, end + len(data[-1])
        dtype = "F16" if precision == "fp16" else "BF16"
        header[name] = {"dtype": dtype, "shape": list(weight.shape), "data_offsets": [start, end]}
    said = json.dumps(header).encode()
    said += b" " * (-len(said) % 8)
    path.write_bytes(b"".join([len(said).to_bytes(8, "little"), said, *data]))


def _bfloat16(weight: NDArray[np.float32]) -> bytes:
    bits = np.ascontiguousarray(weight).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16).tobytes()
