"""Two first-stage lists become one: reciprocal rank, min-max or z-score fusion, with weights. Pure.

Ties go to the engine's lexical order, then to the id, so that the same two lists always give the same list.
"""

from collections.abc import Callable, Sequence
from statistics import fmean, pstdev

from msgspec.structs import replace

from connector.types import Candidate, Key

RRF_K = 60  # Cormack, Clarke, Buettcher 2009 (SIGIR): the constant that both engines use by default too

Scale = Callable[[Sequence[float]], list[float]]


def fuse(
    lexical: Sequence[Candidate], vector: Sequence[Candidate], method: str, weights: Sequence[float]
) -> list[Candidate]:
    """All candidates of both lists, best first, each once; one that both found carries both ranks and scores.

    `weights` are those of the lexical and of the vector list. The hit that is shown is the lexical one where there
    are two: it alone carries the highlights and inner hits of the caller's query.
    """
    if not vector:
        return list(lexical)
    merged = {candidate.key: candidate for candidate in lexical}
    for candidate in vector:
        known = merged.get(candidate.key)
        merged[candidate.key] = (
            replace(known, knn_rank=candidate.knn_rank, knn_score=candidate.knn_score) if known else candidate
        )
    fused: dict[Key, float] = dict.fromkeys(merged, 0.0)
    for leg, weight, ranks, scores in (
        (lexical, weights[0], [c.engine_rank for c in lexical], [c.engine_score for c in lexical]),
        (vector, weights[1], [c.knn_rank for c in vector], [c.knn_score for c in vector]),
    ):
        if method == "rrf":
            parts = [1.0 / (RRF_K + (rank or 0)) for rank in ranks]
        else:
            parts = SCALES[method]([score or 0.0 for score in scores])
        for candidate, part in zip(leg, parts, strict=True):
            fused[candidate.key] += weight * part
    last = len(merged) + 1
    return sorted(merged.values(), key=lambda c: (-fused[c.key], c.engine_rank or last, c.id))


def min_max(scores: Sequence[float]) -> list[float]:
    """To 0..1 within the list; a list of equal scores is all 1."""
    low, high = min(scores, default=0.0), max(scores, default=0.0)
    if high == low:
        return [1.0] * len(scores)
    return [(score - low) / (high - low) for score in scores]


def z_score(scores: Sequence[float]) -> list[float]:
    """Standard deviations above the list's worst, so that being found never counts less than not being found."""
    deviation = pstdev(scores) if scores else 0.0
    if deviation == 0.0:
        return [1.0] * len(scores)
    mean = fmean(scores)
    scaled = [(score - mean) / deviation for score in scores]
    return [value - min(scaled) for value in scaled]


SCALES: dict[str, Scale] = {"min_max": min_max, "z_score": z_score}
