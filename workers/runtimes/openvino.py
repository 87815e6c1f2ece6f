"""OpenVINO on CPU: the graph of `graph.py`, compiled once for any shape. No torch is imported here.

Rule: the precision is always said to the compiler, which would otherwise pick bfloat16 by itself where the CPU has it.
In classes int8 and int4 all other arithmetic is bfloat16 where the CPU has it (1.15 times faster at int8), which moves
scores less than the rounding of the weights does.
"""

from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov

from workers.checkpoint import Config, read_config, read_weights
from workers.runtimes import graph
from workers.runtimes.base import Ids, Logits, OutOfMemory, RuntimeRefused, threads
from workers.runtimes.families import BERTS
from workers.runtimes.inputs import read_inputs

CLASSES = ("fp32", "bf16", "int8", "int4")
Request = Any  # openvino's own classes are untyped


class OpenVino:
    """A compiled BERT, RoBERTa or MPNet classifier, or (`classifier=False`) a mean-pooling encoder."""

    name = "openvino"
    device = "cpu"

    def __init__(self, folder: Path, precision: str, *, classifier: bool = True) -> None:
        """Raises RuntimeRefused where the architecture, the precision or the CPU does not allow it."""
        self.config = read_config(folder)
        graph.check(self.config)
        if precision not in CLASSES:
            raise RuntimeRefused(f"runtime openvino computes in {', '.join(CLASSES)}, not {precision}; set one")
        if precision == "bf16" and not has_bf16():
            raise RuntimeRefused("this CPU has no bf16 arithmetic; set precision = fp32")
        inputs = read_inputs(folder) if precision == "int8" else None
        if precision == "int8" and inputs is None:
            raise RuntimeRefused(
                f"{folder.name}: precision = int8 needs ranges measured on texts: "
                "secondpass quantize MODEL --precision int8 --texts FILE --out FOLDER"
            )
        self.precision = precision
        model = graph.build(self.config, read_weights(folder), classifier=classifier, inputs=inputs)
        self.request = compiled(model, "f32" if precision == "fp32" or not has_bf16() else "bf16")

    def forward(self, ids: Ids, mask: Ids, types: Ids) -> Logits:
        try:
            result = self.request.infer(fed(self.config, ids, mask, types), share_inputs=True)
        except (MemoryError, RuntimeError) as error:
            if isinstance(error, MemoryError) or "alloc" in str(error).lower():
                raise OutOfMemory(str(error)) from error
            raise
        return np.array(result[0], dtype=np.float32)


def has_bf16() -> bool:
    """Whether this CPU computes in bfloat16."""
    return "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def compiled(model: ov.Model, hint: str) -> Request:
    """An inference request of the model, computing in `hint` (f32, bf16)."""
    options = {
        "INFERENCE_PRECISION_HINT": hint,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads(),
        "ENABLE_CPU_PINNING": False,  # several workers share a machine; pinned ones would share its first cores
    }
    return ov.Core().compile_model(model, "CPU", options).create_infer_request()


def fed(config: Config, ids: Ids, mask: Ids, types: Ids) -> list[Ids]:
    """The graph's inputs. BERT counts positions from 0; RoBERTa and MPNet count real tokens from the padding id + 1 and
    leave padding at its id.
    """
    if config.types < 2:
        types = np.zeros_like(types)
    if config.kind not in BERTS:
        real = (ids != config.pad).astype(np.int64)
        return [ids, mask, types, np.asarray(np.cumsum(real, axis=1) * real + config.pad, np.int64)]
    return [ids, mask, types, np.broadcast_to(np.arange(ids.shape[1], dtype=np.int64), ids.shape).copy()]
