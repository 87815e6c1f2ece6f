"""Who a student learns from: cross-encoders, bi-encoders, and blends of them.

Rule: a teacher gives a number a pair, higher for better; a blend brings all of them to one scale first (mean 0,
deviation 1 over the pairs at hand) and gives the result the scale of its first cross-encoder, so that a sigmoid of it
still means something.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev

from connector.errors import ConfigError
from connector.settings import Embedder
from workers.checkpoint import read_config, read_weights
from workers.embedder import KINDS
from workers.reranker import Reranker
from workers.sources import locate
from workers.training.embedding import NONE, load_embedder
from workers.training.encoder import has_bf16

BI_ENCODER = "embed:"
"""Prefix of a bi-encoder's source: its score is the cosine of query and document."""

COSINE_SPREAD = 3.0
"""Deviation of the labels where no cross-encoder takes part: then most lie between the logits -6 and 6."""

PART = 1024
"""Pairs scored between two looks at the progress."""

Pair = tuple[str, str]

SETTINGS = Embedder()


@dataclass(frozen=True, slots=True)
class Teacher:
    """A model that scores (query, document) pairs; `logits` says that its scores are a cross-encoder's.

    `size` says the megabytes of its weights.
    """

    name: str
    score: Callable[[Sequence[Pair]], list[float]]
    logits: bool
    size: str


def open_teacher(source: str, device: str = "cpu", told: Embedder = SETTINGS) -> Teacher:
    """Open `embed:` and a bi-encoder, or a cross-encoder of one logit: bundled:NAME, folder, Hub id.

    A bi-encoder reads what `told` puts before a query and a document, if it is that embedder (an index's, mostly).
    A cross-encoder is run as a worker would run it here, in bf16 or fp32: on a CPU 1.6 times faster than in torch.
    Raises ConfigError where there is none, or where it has several labels.
    """
    if source.startswith(BI_ENCODER):
        name = source.removeprefix(BI_ENCODER)
        if name == NONE:
            raise ConfigError(f"teacher {source!r} is no embedder; write embed:NAME, NAME a name, folder or Hub id")
        embedder = load_embedder(name, told, device)

        def cosines(pairs: Sequence[Pair]) -> list[float]:
            sides = [list(dict.fromkeys(pair[side] for pair in pairs)) for side, _ in enumerate(KINDS)]
            queries, documents = (
                dict(zip(texts, embedder(texts, kind), strict=True)) for texts, kind in zip(sides, KINDS, strict=True)
            )
            return [float(queries[query] @ documents[document]) for query, document in pairs]

        return Teacher(source, cosines, logits=False, size=embedder.size)
    folder = locate(source)
    config = read_config(folder)
    if not config.classifier or len(config.labels) != 1:
        raise ConfigError(f"teacher {source!r} is no cross-encoder with one logit; write embed:NAME for an embedder")
    halves = 2 * sum(weight.size for weight in read_weights(folder).values()) / 1e6
    model = Reranker(source, device=device, precision="bf16" if device != "cpu" or has_bf16() else "fp32")
    return Teacher(source, lambda pairs: model.score(pairs, progress=False).tolist(), True, f"{halves:.1f} MB in fp16")


def check_weights(weights: Sequence[float], teachers: int) -> None:
    """Raise ConfigError where weights and the number of teachers do not match."""
    if len(weights) != teachers or not teachers or min(weights) < 0 or sum(weights) <= 0:
        raise ConfigError(f"{teachers} teachers and the weights {list(weights)}: give each one, above 0 in all")


def blend(
    teachers: Sequence[Teacher],
    weights: Sequence[float],
    pairs: Sequence[Pair],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[float]:
    """Return the blended score of each pair; a single cross-encoder's logits stay as they are. `progress` gets the
    pairs done, of how many, over all teachers.

    Raises ConfigError where weights and teachers do not match.
    """
    check_weights(weights, len(teachers))
    found: list[list[float]] = []
    for number, teacher in enumerate(teachers):
        values: list[float] = []
        for start in range(0, len(pairs), PART):
            values += teacher.score(pairs[start : start + PART])
            progress(number * len(pairs) + len(values), len(teachers) * len(pairs))
        found.append(values)
    first = next((values for teacher, values in zip(teachers, found, strict=True) if teacher.logits), None)
    if len(teachers) == 1 and first is not None:
        return first
    mixed = [0.0] * len(pairs)
    for weight, values in zip(weights, found, strict=True):
        mixed = [total + weight * value for total, value in zip(mixed, _standard(values), strict=True)]
    middle, width = (0.0, COSINE_SPREAD) if first is None else (fmean(first), pstdev(first))
    return [middle + width * value for value in _standard(mixed)]


def _standard(values: Sequence[float]) -> list[float]:
    middle, width = fmean(values), pstdev(values) or 1.0
    return [(value - middle) / width for value in values]
