"""OpenVINO on CPU: the graph of `graph.py`, compiled once for any shape. No torch is imported here.

Rule: the precision is always said to the compiler, which would otherwise pick bfloat16 by itself where the CPU has it.
"""

from pathlib import Path

import numpy as np
import openvino as ov

from workers.checkpoint import read_config, read_weights
from workers.runtimes import graph
from workers.runtimes.base import Ids, Logits, OutOfMemory, RuntimeRefused, threads

HINTS = {"fp32": "f32", "bf16": "bf16"}


class OpenVino:
    """A compiled BERT or RoBERTa classifier, or (`classifier=False`) a mean-pooling encoder."""

    name = "openvino"
    device = "cpu"

    def __init__(self, folder: Path, precision: str, *, classifier: bool = True) -> None:
        """Raises RuntimeRefused where the architecture, the precision or the CPU does not allow it."""
        config = read_config(folder)
        graph.check(config)
        core = ov.Core()
        if precision not in HINTS:
            raise RuntimeRefused(f"runtime openvino computes in fp32 or bf16, not {precision}; set one of these")
        if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise RuntimeRefused("this CPU has no bf16 arithmetic; set precision = fp32")
        self.precision = precision
        self.roberta = config.kind in graph.ROBERTAS
        self.pad = config.pad
        self.types = config.types
        model = graph.build(config, read_weights(folder), classifier=classifier)
        options = {
            "INFERENCE_PRECISION_HINT": HINTS[precision],
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads(),
            "ENABLE_CPU_PINNING": False,  # several workers share a machine; pinned ones would share its first cores
        }
        self.request = core.compile_model(model, "CPU", options).create_infer_request()

    def forward(self, ids: Ids, mask: Ids, types: Ids) -> Logits:
        if self.types < 2:
            types = np.zeros_like(types)
        try:
            result = self.request.infer([ids, mask, types, self.positions(ids)], share_inputs=True)
        except (MemoryError, RuntimeError) as error:
            if isinstance(error, MemoryError) or "alloc" in str(error).lower():
                raise OutOfMemory(str(error)) from error
            raise
        return np.array(result[0], dtype=np.float32)

    def positions(self, ids: Ids) -> Ids:
        """BERT counts from 0; RoBERTa counts real tokens from the padding id + 1 and leaves padding at its id."""
        if not self.roberta:
            return np.broadcast_to(np.arange(ids.shape[1], dtype=np.int64), ids.shape).copy()
        real = (ids != self.pad).astype(np.int64)
        return np.asarray(np.cumsum(real, axis=1) * real + self.pad, np.int64)
