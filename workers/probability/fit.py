"""Fitting a calibration to graded logits: Platt's two numbers, or isotonic steps.

Rule: more of the right documents can only mean a higher probability; logits of which that is not true are refused.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from connector.calibration import Calibration
from connector.errors import ConfigError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Fit = Callable[[Floats, Flags], Calibration]

FREE = 1e12  # scikit-learn's inverse of regularisation: none in effect
DIGITS = 5  # of numbers that are written down
LARGE = 100.0  # logits above this are fitted in a larger unit: at 1e6 the solver ends where it begins


def targets(relevant: Flags) -> tuple[float, float]:
    """What Platt (1999) fits to in place of 0 and 1, (n0 + 1) / (n + 2) in the spirit of Laplace: an end of the scale
    is never certain, and data without errors do not drive the slope to infinity.
    """
    right = int(relevant.sum())
    return 1 / (len(relevant) - right + 2), (right + 1) / (right + 2)


def platt(logits: Floats, relevant: Flags) -> Calibration:
    """Logistic regression on the logit, to Platt's targets: each pair counts for both answers, by their shares. Raises
    ConfigError where relevant documents do not have the higher logits.
    """
    from sklearn.linear_model import LogisticRegression

    _refuse_one_kind(relevant)
    low, high = targets(relevant)
    share = np.where(relevant, high, low)
    answers = np.repeat([True, False], len(logits))
    unit = max(1.0, float(np.abs(logits).max()) / LARGE)
    found = LogisticRegression(C=FREE, tol=1e-8, max_iter=1000).fit(
        np.tile(logits / unit, 2)[:, None], answers, sample_weight=np.concatenate([share, 1 - share])
    )
    slope, intercept = float(found.coef_[0, 0]) / unit, float(found.intercept_[0])
    if slope <= 0:
        raise ConfigError("relevant documents do not have the higher logits here: there is nothing to calibrate")
    return Calibration(_written(slope), _written(intercept))


def _written(value: float) -> float:
    """Five digits behind the point, and of what begins further behind its first five: the slope of large logits."""
    return round(value, DIGITS) if abs(value) >= 0.1 else float(f"{value:.{DIGITS}g}")


def isotonic(logits: Floats, relevant: Flags) -> Calibration:
    """The rising steps nearest to the grades, between Platt's targets at the ends. Wants hundreds of pairs. Raises
    ConfigError as `platt` does.
    """
    from sklearn.isotonic import IsotonicRegression

    _refuse_one_kind(relevant)
    low, high = targets(relevant)
    found = IsotonicRegression(y_min=low, y_max=high, out_of_bounds="clip").fit(logits, relevant.astype(float))
    knots = zip(found.X_thresholds_, found.y_thresholds_, strict=True)
    rounded = {round(float(logit), DIGITS): round(float(share), DIGITS) for logit, share in knots}
    if len(set(rounded.values())) < 2:
        raise ConfigError("relevant documents do not have the higher logits here: there is nothing to calibrate")
    return Calibration(knots=tuple(sorted(rounded.items())))


def _refuse_one_kind(relevant: Flags) -> None:
    if relevant.all() or not relevant.any():
        raise ConfigError("calibrating needs documents that are relevant and documents that are not")


METHODS: dict[str, Fit] = {"platt": platt, "isotonic": isotonic}
