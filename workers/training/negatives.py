"""Hard negatives from the live engine: documents that a first stage ranks high and that are no answers.

Rule: a document with a grade or label of its own is never taken, and one that a teacher scores nearly as high as the
query's best known answer is taken for an unmarked answer, not for a negative.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.errors import ConfigError
from workers.training.engine import Hit
from workers.training.measure import fuse

if TYPE_CHECKING:
    from workers.training.embedding import Embed
    from workers.training.mining import Neighbours

SOURCES = ("bm25", "knn", "fused")

Teacher = Callable[[Sequence[tuple[str, str]]], list[float]]  # (query, document text) pairs -> relevance, 0 to 1


@dataclass(frozen=True, slots=True)
class Negatives:
    """Where hard negatives come from: a list, the ranks `first` to `last` of it, how many a query.

    `guard` drops a candidate whose teacher score is above this share of the best score among the query's positives:
    0.95 keeps what is clearly below (de Souza et al. 2024 found 0.95 best for embedders).
    """

    source: str = "fused"
    first: int = 1
    last: int = 100
    count: int = 16
    guard: float = 0.95

    def check(self) -> None:
        """Raise ConfigError for an unknown list or band."""
        if self.source not in SOURCES:
            raise ConfigError(f"negatives from {self.source!r}: one of {', '.join(SOURCES)}")
        if not 1 <= self.first <= self.last:
            raise ConfigError(f"ranks {self.first} to {self.last}: the first is at least 1, and the last not before it")


def candidates(how: Negatives, queries: Sequence[str], engine: Neighbours, embed: Embed) -> list[list[str]]:
    """Return the ids of each query's list within the band of ranks. Raises ConfigError for an unknown list or band."""
    how.check()
    nothing: list[list[Hit]] = [[] for _ in queries]
    lexical = nothing if how.source == "knn" else engine.lexical(queries, how.last)
    nearest = nothing if how.source == "bm25" else engine.nearest(embed(queries).tolist(), how.last)
    return [fuse(one, other, how.last)[how.first - 1 :] for one, other in zip(lexical, nearest, strict=True)]


def draw(
    how: Negatives,
    query: str,
    found: Sequence[str],
    known: Mapping[str, float],
    texts: Mapping[str, str],
    rng: random.Random,
    teacher: Teacher | None = None,
) -> list[str]:
    """Return up to `how.count` of the candidates `found` as negatives of a query whose labels are `known`."""
    unknown = [key for key in found if key not in known and key in texts]
    positives = [key for key in known if key in texts and known[key] >= max(known.values())]
    if teacher and positives and unknown:
        scores = teacher([(query, texts[key]) for key in [*positives, *unknown]])
        bar = how.guard * max(scores[: len(positives)])
        unknown = [key for key, score in zip(unknown, scores[len(positives) :], strict=True) if score <= bar]
    return rng.sample(unknown, min(how.count, len(unknown)))
