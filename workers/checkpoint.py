"""A model folder in Hugging Face layout: config.json and safetensors, read with numpy alone.

Rule: weights come only from safetensors (never a pickle), and are float32 in memory whatever they were stored in.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray
from safetensors import deserialize

from connector.errors import ConfigError
from workers import int4
from workers.runtimes.families import MPNETS, ROBERTAS

Weights = dict[str, NDArray[np.float32]]

FLOATS: dict[str, Any] = {
    "F8_E4M3": ml_dtypes.float8_e4m3fn,
    "F16": np.float16,
    "BF16": ml_dtypes.bfloat16,
    "F32": np.float32,
    "F64": np.float64,
}


@dataclass(frozen=True, slots=True)
class Config:
    """What config.json says of a classifier or an encoder; `raw` is all of it."""

    kind: str  # model_type
    layers: int
    heads: int
    hidden: int
    positions: int  # rows of the position table; 0: none of its own
    types: int  # token types; 0 or 1: the model does not read them
    pad: int  # id of the padding token
    labels: tuple[str, ...]  # by number; one label: a plain relevance logit
    classifier: bool  # made for sequence classification
    raw: dict[str, Any]

    @property
    def max_tokens(self) -> int:
        """Longest input in tokens; RoBERTa's and MPNet's position tables start after the padding id. 0: unknown."""
        if self.kind in ROBERTAS + MPNETS:
            return self.positions - self.pad - 1
        return self.positions


def read_config(folder: Path) -> Config:
    """Read config.json. Raises ConfigError where there is none or it does not describe a transformer."""
    path = folder / "config.json"
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        kind, layers, heads = raw["model_type"], raw["num_hidden_layers"], raw["num_attention_heads"]
        hidden = raw["hidden_size"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: not the config.json of a transformer model ({error!r})") from error
    names = raw.get("id2label")
    count = len(names) if names else raw.get("num_labels", 2)
    labels = tuple(str((names or {}).get(str(number), f"LABEL_{number}")) for number in range(count))
    pad = raw.get("pad_token_id")
    return Config(
        kind=kind,
        layers=layers,
        heads=heads,
        hidden=hidden,
        positions=raw.get("max_position_embeddings", 0),
        types=raw.get("type_vocab_size", 0),
        pad=0 if pad is None else pad,
        labels=labels,
        classifier=any(name.endswith("ForSequenceClassification") for name in raw.get("architectures") or ()),
        raw=raw,
    )


def has_weights(folder: Path) -> bool:
    """False of a folder that holds ONNX graphs alone, for one."""
    return bool(_found(folder))


def weight_files(folder: Path) -> list[Path]:
    """The safetensors of the folder, all shards, or its packed weights. Raises ConfigError where there are none."""
    found = _found(folder)
    if not found:
        raise ConfigError(f"{folder}: no model.safetensors; save the model as safetensors (`save_pretrained`)")
    return found


def _found(folder: Path) -> list[Path]:
    return sorted(folder.glob("model*.safetensors")) or sorted(folder.glob(int4.FILE))


def read_weights(folder: Path) -> Weights:
    """Every floating tensor, widened to float32 (exact for 8 and 16 bits; of four bits, what they stand for)."""
    weights: Weights = {}
    for path in weight_files(folder):
        if path.name == int4.FILE:
            return int4.read_weights(path)
        try:
            tensors = deserialize(path.read_bytes())  # type: ignore[no-untyped-call]
        except Exception as error:
            raise ConfigError(f"{path}: not readable as safetensors ({error})") from error
        for name, tensor in tensors:
            if tensor["dtype"] in FLOATS:  # others are buffers such as position_ids
                values = np.frombuffer(tensor["data"], FLOATS[tensor["dtype"]])
                weights[name] = values.astype(np.float32).reshape(tensor["shape"])
    return weights
