"""Fits against what defines them, figures against hand-computed cases and scikit-learn's."""

import math

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as reference_log_loss

from connector.calibration import Calibration
from connector.errors import ConfigError
from workers.probability.fit import METHODS, isotonic, platt, targets
from workers.probability.graded import Graded, calibrate
from workers.probability.measure import brier, calibration_error, compare, cross_validated, log_loss
from workers.probability.thresholds import choose


@pytest.fixture
def noisy() -> tuple[np.ndarray, np.ndarray, list[str]]:
    """600 pairs of 20 queries whose true probability is sigmoid(0.5 z + 1)."""
    chance = np.random.default_rng(3)
    logits = chance.normal(0, 2, 600)
    relevant = chance.random(600) < 1 / (1 + np.exp(-(0.5 * logits + 1)))
    return logits, relevant, [f"q{number % 20}" for number in range(600)]


def test_platt_is_where_its_likelihood_is_flat(noisy) -> None:
    logits, relevant, _ = noisy
    found = platt(logits, relevant)
    low, high = targets(relevant)
    gap = np.array([found.probability(float(z)) for z in logits]) - np.where(relevant, high, low)
    assert abs(gap.mean()) < 1e-4
    assert abs((gap * logits).mean()) < 1e-4
    assert found.slope == pytest.approx(0.5, abs=0.1)
    assert found.intercept == pytest.approx(1.0, abs=0.2)


def test_data_without_errors_do_not_make_it_certain() -> None:
    logits, relevant = np.array([-2.0, -1.0, 1.0, 2.0]), np.array([False, False, True, True])
    found = platt(logits, relevant)
    assert 0.6 < found.probability(2.0) < 0.95
    steps = isotonic(logits, relevant)
    assert steps.probability(-9) == pytest.approx(1 / 4)
    assert steps.probability(9) == pytest.approx(3 / 4)


def test_large_logits_are_fitted_as_small_ones_are(noisy) -> None:
    logits, relevant, _ = noisy
    small, large = platt(logits, relevant), platt(logits * 1e6, relevant)
    assert large.slope == pytest.approx(small.slope / 1e6, rel=1e-4)
    assert large.intercept == pytest.approx(small.intercept, abs=1e-4)


def test_isotonic_pools_what_falls() -> None:
    logits = np.arange(6.0)
    found = isotonic(logits, np.array([False, True, False, True, True, True]))
    assert found.probability(1.0) == found.probability(2.0) == pytest.approx(0.5)
    assert found.probability(0.0) == pytest.approx(1 / 4)
    assert found.probability(5.0) == pytest.approx(5 / 6, abs=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_logits_that_say_nothing_or_the_contrary_are_refused(method: str) -> None:
    fit, flags = METHODS[method], np.array([True, True, False, False] * 5)
    with pytest.raises(ConfigError, match="higher logits"):
        fit(np.array([-1.0, -2.0, 1.0, 2.0] * 5), flags)
    with pytest.raises(ConfigError, match="relevant and documents that are not"):
        fit(np.arange(20.0), np.ones(20, bool))


def test_figures_are_the_references(noisy) -> None:
    logits, relevant, _ = noisy
    said = 1 / (1 + np.exp(-logits))
    assert brier(said, relevant) == pytest.approx(brier_score_loss(relevant, said))
    assert log_loss(said, relevant) == pytest.approx(reference_log_loss(relevant, said))
    assert log_loss(np.array([0.0, 1.0]), np.array([False, True])) == pytest.approx(0, abs=1e-6)
    # bins 0.0-0.1 and 0.9-1.0: |0.05 - 0.5| of two pairs, |0.95 - 1| of two
    four = np.array([0.05, 0.05, 0.95, 0.95])
    assert calibration_error(four, np.array([True, False, True, True])) == pytest.approx(0.25)
    assert calibration_error(np.array([1.0]), np.array([True])) == 0


def test_a_query_is_never_judged_by_a_fit_to_itself(noisy) -> None:
    logits, relevant, queries = noisy
    seen: list[int] = []

    def fit(some: np.ndarray, flags: np.ndarray) -> Calibration:
        seen.append(len(some))
        return platt(some, flags)

    found = cross_validated(logits, relevant, queries, fit)
    assert seen == [480] * 5
    assert np.isfinite(found).all()
    said = compare(1 / (1 + np.exp(-logits)), found, relevant, queries)
    assert said["brier"].after < said["brier"].before
    assert said["brier"].high < 0
    assert said["calibration_error"].after < 0.08


def test_thresholds_reach_what_they_promise(noisy) -> None:
    logits, relevant, _ = noisy
    found = choose(logits, relevant, platt(logits, relevant), (0.8, 0.9, 1.01))
    assert [one.wanted for one in found] == ["F1", "precision 0.8", "precision 0.9"]
    for one in found[1:]:
        kept = logits >= one.logit - 1e-4
        assert relevant[kept].mean() == pytest.approx(one.precision, abs=0.01)
        assert relevant[kept].sum() / relevant.sum() == pytest.approx(one.recall, abs=0.01)
        assert one.precision >= float(one.wanted.split()[1])
    assert found[1].recall > found[2].recall


def test_half_of_the_highest_grade_counts_unless_told(noisy) -> None:
    logits, relevant, queries = noisy
    pairs = [("a query", "a text")] * 600
    graded = Graded("some", pairs, [3 if one else 1 for one in relevant], queries)
    found = calibrate(graded, logits.tolist())
    assert (found.relevant, found.queries, found.pairs) == (2, 20, 600)
    assert found.share == pytest.approx(relevant.mean(), abs=1e-4)
    assert calibrate(graded, logits.tolist(), "isotonic", 3).calibration.knots
    binary = Graded("some", pairs, [int(one) for one in relevant], queries)
    assert calibrate(binary, [math.nan, *logits.tolist()[1:]]).pairs == 599
    one = Graded("some", pairs[:60], [0 if place < 3 else 3 for place in range(60)], [f"q{n // 6}" for n in range(60)])
    with pytest.raises(ConfigError, match="grade irrelevant documents of more queries"):
        calibrate(one, [float(place) for place in range(60)])
    with pytest.raises(ConfigError, match="5 graded queries, there are 1"):
        calibrate(Graded("one", pairs, binary.grades, ["q"] * 600), logits.tolist())
    with pytest.raises(ConfigError, match="platt, isotonic"):
        calibrate(graded, logits.tolist(), "magic")
