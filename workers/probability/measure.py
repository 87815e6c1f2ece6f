"""How far probabilities are from what people said: Brier score, log loss, expected calibration error.

Rule: a calibration is judged on queries that it was not fitted to (cross-validation by query), and an interval is the
95 % percentile bootstrap over queries, whose documents are not independent of each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from connector.errors import ConfigError
from workers.probability.fit import Fit, Flags, Floats

FOLDS = 5
BINS = 10  # of equal width, as Guo et al. (2017) have it with 15; 600 pairs fill ten
DRAWS = 2_000
CERTAIN = 1e-7  # a probability nearer to 0 or 1 is taken for this: one wrong pair would otherwise cost infinitely much


@dataclass(frozen=True, slots=True)
class Compared:
    """A figure before and after calibrating, less is better; `low` and `high`: 95 % interval of after - before."""

    before: float
    after: float
    low: float
    high: float


def brier(probabilities: Floats, relevant: Flags) -> float:
    """Mean square error: 0 best; what always says the share p has p (1 - p)."""
    return float(np.mean((probabilities - relevant) ** 2))


def log_loss(probabilities: Floats, relevant: Flags) -> float:
    """Mean surprise in nats."""
    said = np.clip(probabilities, CERTAIN, 1 - CERTAIN)
    return float(-np.mean(np.where(relevant, np.log(said), np.log1p(-said))))


def calibration_error(probabilities: Floats, relevant: Flags) -> float:
    """Expected calibration error: |mean probability - share of relevant ones| of each bin, weighed by its pairs. Few
    pairs make it larger than it is.
    """
    bins = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    sums = np.bincount(bins, probabilities - relevant, BINS)
    return float(np.abs(sums).sum() / len(probabilities))


MEASURES = {"brier": brier, "log_loss": log_loss, "calibration_error": calibration_error}


def cross_validated(logits: Floats, relevant: Flags, queries: Sequence[str], fit: Fit) -> Floats:
    """Each pair's probability under a calibration that was fitted without its query. Raises ConfigError where some
    queries hold all documents of one kind.
    """
    from sklearn.model_selection import GroupKFold

    found = np.empty(len(logits))
    folds = GroupKFold(min(FOLDS, len(set(queries))))
    for known, held in folds.split(logits, relevant, list(queries)):
        if relevant[known].all() or not relevant[known].any():
            kind = "irrelevant" if relevant[known].all() else "relevant"
            raise ConfigError(
                f"all {kind} documents belong to a fifth of the queries, and a calibration is judged without each fifth"
                f" in turn: grade {kind} documents of more queries"
            )
        calibration = fit(logits[known], relevant[known])
        found[held] = [calibration.probability(float(logit)) for logit in logits[held]]
    return found


def compare(before: Floats, after: Floats, relevant: Flags, queries: Sequence[str]) -> Mapping[str, Compared]:
    """Every measure of both, with the interval of their difference."""
    names, member = np.unique(np.asarray(queries), return_inverse=True)
    rows = [np.flatnonzero(member == number) for number in range(len(names))]
    chance = np.random.default_rng(0)
    draws = [np.concatenate([rows[i] for i in chance.integers(0, len(rows), len(rows))]) for _ in range(DRAWS)]
    found = {}
    for name, measure in MEASURES.items():
        gaps = [measure(after[draw], relevant[draw]) - measure(before[draw], relevant[draw]) for draw in draws]
        low, high = np.percentile(gaps, [2.5, 97.5])
        found[name] = Compared(measure(before, relevant), measure(after, relevant), float(low), float(high))
    return found
