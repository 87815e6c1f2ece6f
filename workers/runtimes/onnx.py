"""ONNX Runtime on CPU: a graph that a folder carries, as many on the Hub do, of any architecture.

Rule: the graph is taken as it is; a class is there when a file of one of its usual names is.
"""

from pathlib import Path

import numpy as np
import onnxruntime as ort

from workers.checkpoint import read_config
from workers.runtimes.base import Ids, Logits, OutOfMemory, RuntimeRefused, threads

NAMES = {
    "fp32": ("model",),
    "fp16": ("model_fp16",),
    # optimum's, transformers.js's and sentence-transformers' names
    "int8": ("model_int8", "model_quantized", "model_qint8_avx512_vnni", "model_quint8_avx2", "model_qint8_avx512"),
}
MADE = ("fp32", "int8")  # by `secondpass quantize`; others come with a folder or not at all


def graph_file(folder: Path, precision: str) -> Path:
    """The graph of a class in a folder. Raises RuntimeRefused, naming what makes one."""
    for name in NAMES.get(precision, ()):
        for path in (folder / "onnx" / f"{name}.onnx", folder / f"{name}.onnx"):
            if path.exists():
                return path
    if precision not in NAMES:
        raise RuntimeRefused(f"runtime onnx has {', '.join(NAMES)}, not {precision}; set one")
    if precision not in MADE:
        raise RuntimeRefused(f"{folder.name} holds no ONNX graph of {precision}; set precision = {' or '.join(MADE)}")
    raise RuntimeRefused(
        f"{folder.name} holds no ONNX graph of {precision}: "
        f"secondpass quantize MODEL --runtime onnx --precision {precision} --texts FILE --out FOLDER"
    )


class Onnx:
    """A classifier's graph in a session."""

    name = "onnx"
    device = "cpu"

    def __init__(self, folder: Path, precision: str) -> None:
        """Raises RuntimeRefused where there is no such graph or it does not load."""
        self.precision = precision
        self.types = read_config(folder).types
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads()
        options.log_severity_level = 3  # warnings about its own optimiser
        path = graph_file(folder, precision)
        try:
            self.session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise RuntimeRefused(f"runtime onnx cannot load {path}: {error}") from error
        self.reads = {each.name for each in self.session.get_inputs()}

    def forward(self, ids: Ids, mask: Ids, types: Ids) -> Logits:
        given = {
            "input_ids": ids,
            "attention_mask": mask,
            "token_type_ids": types if self.types > 1 else np.zeros_like(types),
        }
        try:
            rows = self.session.run(None, {name: given[name] for name in self.reads})[0]
        except MemoryError as error:
            raise OutOfMemory(str(error)) from error
        except Exception as error:
            if "alloc" in str(error).lower():
                raise OutOfMemory(str(error)) from error
            raise
        return np.asarray(rows, np.float32)
