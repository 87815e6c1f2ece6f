"""What an int8 layer must know of its input: how large each channel gets on real texts.

Rule: activations become unsigned 8-bit integers with one step a tensor, weights signed ones with one step an output
channel. Two things keep that accurate where a few channels are far larger than all others:

- `scale`: channels are divided by it before they are rounded and the weights multiplied (SmoothQuant, Xiao et al.
  2022); it is folded into the layer before, so it costs nothing.
- `aside`: channels of a feed-forward layer that are computed in full precision beside the int8 product (the outlier
  decomposition of LLM.int8(), Dettmers et al. 2022). In MiniLM one channel of 1,536 reaches 25 where the next is 6.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

from connector.errors import ConfigError
from workers.checkpoint import weight_files

FILE = "int8.safetensors"
PARTS = ("scale", "range", "aside")
LEVELS = 256


@dataclass(frozen=True, slots=True)
class Input:
    """The input of a linear layer (or of several that read the same); `low` <= 0 <= `high` bound it after scaling."""

    scale: NDArray[np.float32]  # [channels], or [1] where all are alike
    low: float
    high: float
    aside: NDArray[np.int64]  # channels, may be none


Inputs = dict[str, Input]  # by what is read: encoder.layer.0.{attention,context,intermediate,output}


def read_inputs(folder: Path) -> Inputs | None:
    """What `secondpass quantize` wrote beside the model; None where it has not been there. Raises ConfigError, also
    where the model was trained again since: its activations are others now.
    """
    path = folder / FILE
    if not path.exists():
        return None
    again = "make it again with `secondpass quantize`"
    try:
        with safe_open(path, framework="numpy") as file:
            made_for = (file.metadata() or {}).get("weights", "")
            names = {name.rpartition(".")[0] for name in file.keys()}  # noqa: SIM118 (it has no iterator)
            found = {name: _input(*(file.get_tensor(f"{name}.{part}") for part in PARTS)) for name in names}
    except Exception as error:
        raise ConfigError(f"{path}: not readable ({error}); {again}") from error
    if made_for != hash_weights(folder):
        raise ConfigError(f"{path}: belongs to other weights than those beside it; {again}")
    for name, each in found.items():
        if not (np.isfinite(each.scale).all() and (each.scale > 0).all() and each.low <= 0 < each.high < np.inf):
            raise ConfigError(f"{path}: {name} has no usable range; {again}")
    return found


def _input(scale: NDArray[np.float32], ends: NDArray[np.float32], aside: NDArray[np.int64]) -> Input:
    return Input(scale, float(ends[0]), float(ends[1]), aside)


def write_inputs(folder: Path, inputs: Inputs) -> None:
    """Write the file that `read_inputs` reads beside the weights it was made for; 30 KB for six layers of 384."""
    tensors: dict[str, NDArray[np.float32] | NDArray[np.int64]] = {}
    for name, each in inputs.items():
        tensors[f"{name}.scale"], tensors[f"{name}.aside"] = each.scale, each.aside
        tensors[f"{name}.range"] = np.array([each.low, each.high], np.float32)
    save_file(tensors, folder / FILE, metadata={"weights": hash_weights(folder)})
    (folder / FILE).chmod(0o644)  # safetensors writes its file for its owner alone


def hash_weights(folder: Path) -> str:
    """Hex SHA-256 over the model's weights; 45 MB take 0.1 s."""
    total = hashlib.sha256()
    for path in weight_files(folder):
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


def rounded(weight: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """A weight [out, in] as int8 and its step [out, 1]: symmetric, one step an output channel."""
    step = np.maximum(np.abs(weight).max(axis=1, keepdims=True) / 127, np.float32(1e-12)).astype(np.float32)
    return np.clip(np.rint(weight / step), -127, 127).astype(np.int8), step
