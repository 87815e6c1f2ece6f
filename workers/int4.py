"""Weights of four bits: groups of 32 neighbours share one fp16 step. 4.5 bits a weight, 28 % of fp16.

Rule: only weights are rounded, and they are widened again when they are read; a product is computed as in the other
classes. A matrix whose rows are not whole groups, and every vector, stays fp16.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from connector.errors import ConfigError

FILE = "int4.safetensors"
GROUP = 32
SHRINKS = (1.0, 0.95, 0.9, 0.85, 0.8)  # steps tried a group: cutting its largest weight can lose less than it wins

Floats = NDArray[np.float32]
Packed = tuple[NDArray[np.uint8], NDArray[np.float16]]  # [rows, columns / 2], steps [rows, columns / 32]


def pack(weight: Floats) -> Packed:
    """Round a matrix [rows, columns]; the sign of a step is that of the group's largest weight, so that all 16 levels
    (-8 to 7 steps) are used. Of the steps tried the one with the least squared error is taken.
    """
    groups = weight.reshape(-1, GROUP)
    largest = np.take_along_axis(groups, np.abs(groups).argmax(axis=1)[:, None], axis=1)
    best = np.full(len(groups), np.inf, np.float32)
    steps = np.zeros((len(groups), 1), np.float16)
    for shrink in SHRINKS:
        step = (largest * np.float32(shrink) / -8).astype(np.float16)
        error = ((_levels(groups, step) * step.astype(np.float32) - groups) ** 2).sum(axis=1)
        better = error < best
        best[better], steps[better] = error[better], step[better]
    nibbles = (_levels(groups, steps) + 8).astype(np.uint8).reshape(len(weight), -1)
    return nibbles[:, ::2] | (nibbles[:, 1::2] << np.uint8(4)), steps.reshape(len(weight), -1)


def unpack(packed: NDArray[np.uint8], steps: NDArray[np.float16]) -> Floats:
    """The matrix [rows, columns] again."""
    nibbles = np.stack([packed & 15, packed >> 4], axis=-1).reshape(-1, GROUP).astype(np.float32) - 8
    return (nibbles * steps.reshape(-1, 1).astype(np.float32)).reshape(len(packed), -1)


def _levels(groups: Floats, steps: NDArray[np.float16]) -> Floats:
    wide = steps.astype(np.float32)
    return np.clip(np.rint(groups / np.where(wide == 0, np.float32(1), wide)), -8, 7)


def write_weights(path: Path, weights: dict[str, Floats]) -> None:
    """Write the packed file."""
    tensors: dict[str, NDArray[np.uint8] | NDArray[np.float16]] = {}
    for name, weight in weights.items():
        if weight.ndim == 2 and weight.shape[1] % GROUP == 0:
            tensors[f"{name}.packed"], tensors[f"{name}.steps"] = pack(weight)
        else:
            tensors[name] = weight.astype(np.float16)
    save_file(tensors, path)
    path.chmod(0o644)  # safetensors writes its file for its owner alone


def read_weights(path: Path) -> dict[str, Floats]:
    """Every tensor, widened to float32. Raises ConfigError."""
    try:
        tensors = load_file(path)
        return {
            name.removesuffix(".packed"): unpack(tensor, tensors[name.replace(".packed", ".steps")])
            if name.endswith(".packed")
            else tensor.astype(np.float32)
            for name, tensor in tensors.items()
            if not name.endswith(".steps")
        }
    except Exception as error:
        raise ConfigError(f"{path}: not readable ({error}); make it again with `secondpass quantize`") from error
