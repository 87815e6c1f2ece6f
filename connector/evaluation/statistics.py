"""What differences are worth: means with intervals, paired differences, and how likely chance alone is.

Intervals are 95 % percentile bootstrap intervals over queries. The test is the paired randomisation test (Smucker,
Allan, Carterette 2007): how often a random choice of sign for each query's difference gives a mean at least as far from
0. Both draw with a fixed seed: the same lists always give the same figures. Nothing is corrected for many comparisons.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from connector.evaluation.measures import MEASURES, Grades, Run, per_query

RESAMPLES = 10_000  # the interval's ends then move by less than 0.001 from seed to seed (60 queries, deviation 0.3)
BLOCK = 1_000  # resamples at a time: 4,000 queries then take 32 MB
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
    """Of two runs over the same queries: the mean of new - old, its interval, the queries won and lost, and the `p` of
    the randomisation test (None where none was made).
    """

    mean: Mean
    wins: int
    losses: int
    p: float | None = None

    @property
    def ties(self) -> int:
        return self.mean.n - self.wins - self.losses

    @property
    def significant(self) -> bool:
        """The interval does not hold 0."""
        return self.mean.low > 0 or self.mean.high < 0


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
    """What `new` gains over `old`, query by query."""
    before, after = per_query(old, grades, measure), per_query(new, grades, measure)
    return difference([after[query] - before[query] for query in grades])


def difference(gains: Sequence[float]) -> Difference:
    """Of each query's gain. Raises ValueError where there are none."""
    won, lost = sum(gain > EQUAL for gain in gains), sum(gain < -EQUAL for gain in gains)
    return Difference(mean(gains), won, lost, randomisation(gains))


def randomisation(gains: Sequence[float]) -> float:
    """Two-sided p of the mean gain under random signs; the observed ones count as a draw, so it is never 0."""
    sample = np.asarray(gains, dtype=np.float64)
    observed = abs(float(sample.mean())) - EQUAL
    chance = np.random.default_rng(SEED)
    as_far = 0
    for _ in range(RESAMPLES // BLOCK):
        signs = chance.integers(0, 2, size=(BLOCK, len(sample)), dtype=np.int8) * 2 - 1
        as_far += int((np.abs((signs * sample).mean(axis=1)) >= observed).sum())
    return (1 + as_far) / (1 + RESAMPLES)


def _resampled(sample: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of `RESAMPLES` samples drawn with replacement."""
    chance = np.random.default_rng(SEED)
    means = [
        sample[chance.integers(0, len(sample), size=(BLOCK, len(sample)))].mean(axis=1)
        for _ in range(RESAMPLES // BLOCK)
    ]
    return np.concatenate(means)
