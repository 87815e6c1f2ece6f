"""`quantization.json`: how a folder was quantised, and what that was measured to cost.

Rule: figures belong to weights. A record of other weights than those beside it allows nothing.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from connector.errors import ConfigError
from workers.checkpoint import has_weights
from workers.runtimes.inputs import hash_weights
from workers.whole import write_whole

FILE = "quantization.json"
MAX_LOSS = 0.002  # mean nDCG@10 that `auto` may give away for speed
MAX_BOUND = 0.01  # and the one-sided 95 % bound of it


@dataclass(frozen=True, slots=True)
class Quality:
    """nDCG@10 of the model at fp32 and quantised, on the same graded pairs."""

    data: str
    queries: int
    pairs: int
    reference: float
    quantised: float
    loss: float  # mean over queries; below 0: it won
    loss_95: tuple[float, float]  # 95 % bootstrap interval
    loss_bound: float  # 95 % of bootstrap means are below it


@dataclass(frozen=True, slots=True)
class Record:
    """The contents of the file."""

    precision: str
    runtime: str
    method: str
    texts: str  # what it was calibrated and compared on
    weights: str  # hash of the weights that it was made from
    pairs: int  # that tau and speed were measured on
    tau: float  # Kendall's tau of the order of these pairs, against fp32
    difference: float  # largest difference of a logit, in standard deviations of the fp32 logits
    pairs_per_s: float  # of CPU time, one thread
    reference_pairs_per_s: float  # the same runtime at fp32, in turns with it
    mb: float  # of the files that hold the numbers
    fp16_mb: float  # of all weights at two bytes each
    quality: Quality | None


def read_record(folder: Path) -> Record | None:
    """The record of a folder, None where it has none. Raises ConfigError."""
    path = folder / FILE
    if not path.exists():
        return None
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        quality = raw.pop("quality")
        if quality:
            quality["loss_95"] = tuple(quality["loss_95"])
        return Record(**raw, quality=Quality(**quality) if quality else None)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(f"{path}: not a record of `secondpass quantize` ({error})") from error


def write_record(folder: Path, record: Record) -> None:
    text = json.dumps(asdict(record), indent=2) + "\n"
    write_whole(folder / FILE, lambda part: part.write_text(text, encoding="utf-8"))


def allows(record: Record, folder: Path) -> bool:
    """Whether `auto` may take int8: measured on graded queries, on these weights, and good enough. A folder of ONNX
    graphs has no weights, so its record allows nothing.
    """
    good = record.quality is not None and record.quality.loss <= MAX_LOSS and record.quality.loss_bound <= MAX_BOUND
    return good and record.precision == "int8" and has_weights(folder) and record.weights == hash_weights(folder)
