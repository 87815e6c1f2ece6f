"""What the second pass does to logged queries, without grades: how much it moves, and how long it takes.

Overlap@10 is the share of the first ten that both lists have. Displacement is the mean number of places that the
documents of the old first ten have moved; one that the new list does not hold has moved to the place behind its end.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from connector.evaluation.answers import Answered
from connector.evaluation.judgments import Query

TOP = 10
CHANGED = 10  # queries that are shown
REFUSED = "refused"  # the state of what the engine did not answer


@dataclass(frozen=True, slots=True)
class Moved:
    """One query: how alike both first tens are (0 to 1), how far documents moved, and both lists' first three."""

    query: str
    overlap: float
    displacement: float
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Replay:
    """Of queries whose answers were `applied`; `outcomes` counts all of them. Milliseconds: of the whole answer, and
    what reranking added to it.
    """

    queries: int
    outcomes: Mapping[str, int]
    overlap: float
    displacement: float
    p50_ms: float
    p95_ms: float
    added_p50_ms: float
    added_p95_ms: float
    most_changed: tuple[Moved, ...]


def compare(queries: Sequence[Query], old: Mapping[str, Answered], new: Mapping[str, Answered]) -> Replay:
    """`old` is the order without the model, `new` the reranked one."""
    moved = [
        _moved(query.text, old[query.id], new[query.id])
        for query in queries
        if new[query.id].state == "applied" and old[query.id].ids
    ]
    took = sorted(answered.took_ms for answered in new.values() if answered.state != REFUSED)
    added = sorted(answered.ms for answered in new.values() if answered.state == "applied")
    return Replay(
        queries=len(queries),
        outcomes=dict(Counter(answered.outcome for answered in new.values())),
        overlap=fmean(one.overlap for one in moved) if moved else 1.0,
        displacement=fmean(one.displacement for one in moved) if moved else 0.0,
        p50_ms=_quantile(took, 0.5),
        p95_ms=_quantile(took, 0.95),
        added_p50_ms=_quantile(added, 0.5),
        added_p95_ms=_quantile(added, 0.95),
        most_changed=tuple(sorted(moved, key=lambda one: (one.overlap, -one.displacement))[:CHANGED]),
    )


def _moved(text: str, old: Answered, new: Answered) -> Moved:
    before, after = old.ids[:TOP], new.ids[:TOP]
    places = {key: place for place, key in enumerate(new.ids)}
    shifts = [abs(places.get(key, len(new.ids)) - place) for place, key in enumerate(before)]
    overlap = len(set(before) & set(after)) / max(len(before), len(after))
    return Moved(text, overlap, fmean(shifts), _labels(old), _labels(new))


def _labels(answered: Answered) -> tuple[str, ...]:
    return tuple(answered.labels.get(key, key) for key in answered.ids[:3])


def _quantile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the sorted values lie; 0 where there are none."""
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0
