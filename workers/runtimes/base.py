"""The port of a runtime: one padded batch of token ids in, one row of logits a text out.

Rule: a runtime knows nothing of text, batches or deadlines; what it cannot load it refuses with the name of one that
can.
"""

import os
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from connector.errors import ConfigError

Ids = NDArray[np.int64]
Logits = NDArray[np.float32]


class RuntimeRefused(ConfigError):
    """Raised when a runtime cannot load a model, a precision or a device; the text names what can."""


class OutOfMemory(RuntimeError):
    """Raised by `forward` when the device's memory does not hold the batch; a smaller one may pass."""


class DeviceLost(RuntimeError):
    """Raised by `forward` when the device can compute nothing more; only a new process helps."""


class Runtime(Protocol):
    """A loaded model."""

    name: str  # torch, openvino, onnx
    precision: str  # fp32, bf16, fp16, int8, int4
    device: str  # cpu, cuda:0

    def forward(self, ids: Ids, mask: Ids, types: Ids) -> Logits:
        """Logits [n, labels] (or unit vectors [n, dims] of an encoder) of a padded batch, each input [n, tokens].

        Blocks. Raises OutOfMemory, or whatever the library raises.
        """
        ...


def threads() -> int:
    """Threads that a CPU runtime may use: $OMP_NUM_THREADS where set, else the cores this process may run on."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdigit() and int(asked) > 0 else len(os.sched_getaffinity(0))
