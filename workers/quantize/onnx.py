"""A model as an ONNX graph, and that graph in int8.

Rule: the graph is exported by torch from the same weights, with both axes free; int8 is ONNX Runtime's own dynamic
quantisation, made here once and never in a worker.
"""

import warnings
from pathlib import Path

from connector.extras import need
from workers.checkpoint import read_config
from workers.runtimes.base import RuntimeRefused

INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def export(source: Path, out: Path, precision: str) -> None:
    """Write onnx/model.onnx, and for int8 onnx/model_int8.onnx beside it, into the folder `out`. Raises ConfigError
    where a library is missing, RuntimeRefused where the architecture has no export.
    """
    need("exporting to ONNX", "worker,onnx", "torch", "transformers", "onnx", "onnxruntime")
    folder = out / "onnx"
    folder.mkdir(exist_ok=True)
    _trace(source, folder / "model.onnx")
    if precision == "int8":
        from onnxruntime.quantization import QuantType, quantize_dynamic

        quantize_dynamic(
            folder / "model.onnx", folder / "model_int8.onnx", per_channel=True, weight_type=QuantType.QInt8
        )


def _trace(source: Path, path: Path) -> None:
    import torch

    from workers.runtimes.torch import Torch

    model = Torch(source, "fp32").model  # which reads packed weights too
    model.set_attn_implementation("eager")
    names = INPUTS[: 3 if read_config(source).types > 1 else 2]

    class Logits(torch.nn.Module):
        """The classifier with plain tensors in and out."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self.model(**dict(zip(names, tensors, strict=True))).logits
            return found

    shape = {0: "batch", 1: "tokens"}
    try:
        with warnings.catch_warnings(action="ignore"):  # the tracer's, on branches that do not depend on the input
            torch.onnx.export(
                Logits(),
                tuple(torch.ones(2, 16, dtype=torch.int64) for _ in names),
                str(path),
                input_names=list(names),
                output_names=["logits"],
                dynamic_axes=dict.fromkeys(names, shape) | {"logits": {0: "batch"}},
                dynamo=False,
            )
    except Exception as error:
        raise RuntimeRefused(f"torch cannot export {source.name} to ONNX: {error}") from error
