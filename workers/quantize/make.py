"""A model's folder in another precision: the same tokenizer and configuration, other numbers.

Rule: the source is never written to, and what is made is a complete folder. Static int8 keeps the weights as they are
and adds ranges: the same folder still serves every other class.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from connector.errors import ConfigError
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
    ("openvino", "fp8"): "matrices stored in floats of 8 bits (E4M3), vectors in fp16; computed in fp32",
    ("torch", "fp8"): "matrices stored in floats of 8 bits (E4M3), vectors in fp16; computed in fp32",
    ("onnx", "fp32"): "ONNX graph",
    ("onnx", "int8"): "dynamic int8 of ONNX Runtime: weights a step an output channel, activations a step a call",
}
ADDED = (inputs.FILE, record.FILE)  # what static int8 puts beside a model
COMPUTED = {("openvino", "fp16"): "fp32", ("openvino", "fp8"): "fp32", ("torch", "fp8"): "fp32"}
"""The class that computes, where it is not the one of the name."""

STORED: dict[str, tuple[str, Any]] = {
    "fp8": ("F8_E4M3", ml_dtypes.float8_e4m3fn),
    "fp16": ("F16", np.float16),
    "bf16": ("BF16", ml_dtypes.bfloat16),
}


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
        _write_floats(out / "model.safetensors", read_weights(source), precision)


def _write_floats(path: Path, weights: Weights, precision: str) -> None:
    """Every tensor in fewer bytes; vectors in two at least, because they are few. The format (length of the header,
    header, data) is written here, because safetensors knows these types only of torch. Raises ConfigError.
    """
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data: list[bytes] = []
    end = 0
    for name, weight in weights.items():
        kind, dtype = STORED["fp16" if precision == "fp8" and weight.ndim < 2 else precision]
        rounded = weight.astype(dtype)
        if not np.isfinite(rounded.astype(np.float32)).all():
            raise ConfigError(f"{name} holds {np.abs(weight).max():g}, more than {precision} can; use --precision bf16")
        data.append(rounded.tobytes())
        start, end = end, end + len(data[-1])
        header[name] = {"dtype": kind, "shape": list(weight.shape), "data_offsets": [start, end]}
    said = json.dumps(header).encode()
    said += b" " * (-len(said) % 8)
    path.write_bytes(b"".join([len(said).to_bytes(8, "little"), said, *data]))
