"""How good ranked lists are against graded judgements: nDCG@10, RR, AP, R@100, with intervals and paired differences.

Measures are those of ir-measures by their own names (trec_eval gains; a document that was not judged counts as 0; a
query without results counts as 0). R@100 and RR take every grade from 1 on as relevant. Intervals are 95 % percentile
bootstrap intervals over queries, with a fixed seed: the same lists always give the same interval.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ir_measures
import numpy as np
from numpy.typing import NDArray

Run = Mapping[str, Sequence[str]]
"""Query id -> document ids, best first."""
Grades = Mapping[str, Mapping[str, int]]
"""Query id -> document id -> grade, 0 and up."""

MEASURES = ("nDCG@10", "RR", "AP", "R@100")
RESAMPLES = 10_000  # the interval's ends then move by less than 0.001 from seed to seed (60 queries, deviation 0.3)
SEED = 20_090_719
EQUAL = 1e-9  # a query whose measures differ by less than this was neither won nor lost


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over `n` queries and its 95 % interval."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Of two runs over the same queries: the mean of new - old, its interval, and the queries won and lost."""

    mean: Mean
    wins: int
    losses: int

    @property
    def ties(self) -> int:
        return self.mean.n - self.wins - self.losses

    @property
    def significant(self) -> bool:
        """The interval does not hold 0."""
        return self.mean.low > 0 or self.mean.high < 0


def per_query(run: Run, grades: Grades, measure: str = "nDCG@10") -> dict[str, float]:
    """The measure of every graded query, in the grades' order. Raises ValueError for a list that names a document
    twice, NameError for an unknown measure.
    """
    rows = {}
    for query in grades:
        documents = run.get(query, ())
        if len(set(documents)) != len(documents):
            raise ValueError(f"the list of query {query!r} names a document twice")
        rows[query] = {key: float(-rank) for rank, key in enumerate(documents)}
    judged = {query: dict(known) for query, known in grades.items()}
    found = {
        m.query_id: float(m.value) for m in ir_measures.iter_calc([ir_measures.parse_measure(measure)], judged, rows)
    }
    return {query: found.get(query, 0.0) for query in grades}


def mean(values: Sequence[float]) -> Mean:
    """The mean with its interval. Raises ValueError where there are no values."""
    if not values:
        raise ValueError("no queries to average over")
    sample = np.asarray(values, dtype=np.float64)
    low, high = np.percentile(_resampled(sample), [2.5, 97.5])
    return Mean(float(sample.mean()), float(low), float(high), len(values))


def summarise(run: Run, grades: Grades, measures: Sequence[str] = MEASURES) -> dict[str, Mean]:
    """Each measure over all graded queries."""
    return {measure: mean(list(per_query(run, grades, measure).values())) for measure in measures}


def compare(old: Run, new: Run, grades: Grades, measure: str = "nDCG@10") -> Difference:
    """What `new` gains over `old`, query by query (a paired bootstrap)."""
    before, after = per_query(old, grades, measure), per_query(new, grades, measure)
    gains = [after[query] - before[query] for query in grades]
    return Difference(mean(gains), sum(gain > EQUAL for gain in gains), sum(gain < -EQUAL for gain in gains))


def _resampled(sample: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of `RESAMPLES` samples drawn with replacement."""
    draws = np.random.default_rng(SEED).integers(0, len(sample), size=(RESAMPLES, len(sample)))
    means: NDArray[np.float64] = sample[draws].mean(axis=1)
    return means
