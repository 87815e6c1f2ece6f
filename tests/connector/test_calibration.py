"""A calibration never falls, whatever it is given, and is the same on both sides of the wire."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.calibration import Calibration, read_calibration, sigmoid

STEPS = Calibration(knots=((-2.0, 0.1), (0.0, 0.1), (1.0, 0.6), (3.0, 0.9)))
logits = st.floats(-1e6, 1e6)


def test_without_numbers_it_is_the_sigmoid() -> None:
    for logit in (-800.0, -3.2, 0.0, 1.5, 800.0):
        assert Calibration().probability(logit) == pytest.approx(sigmoid(logit))
    assert math.isnan(STEPS.probability(math.nan))


@pytest.mark.parametrize(
    ("logit", "probability"), [(-9, 0.1), (-2, 0.1), (-1, 0.1), (0.5, 0.35), (1, 0.6), (2, 0.75), (3, 0.9), (9, 0.9)]
)
def test_between_knots_it_is_the_line_and_level_beyond_the_ends(logit: float, probability: float) -> None:
    assert STEPS.probability(logit) == pytest.approx(probability)


@given(st.floats(0, 100), st.floats(-100, 100), st.lists(st.tuples(logits, st.floats(0, 1))), logits, logits)
def test_it_never_falls(
    slope: float, intercept: float, points: list[tuple[float, float]], one: float, other: float
) -> None:
    rising = zip(sorted({logit for logit, _ in points}), sorted(share for _, share in points), strict=False)
    for found in (Calibration(slope, intercept), Calibration(knots=tuple(rising))):
        low, high = (found.probability(logit) for logit in sorted((one, other)))
        assert 0 <= low <= high <= 1


@pytest.mark.parametrize("calibration", [Calibration(0.37, 1.55), STEPS])
def test_what_is_announced_is_what_is_read(calibration: Calibration) -> None:
    assert read_calibration(json.loads(json.dumps(calibration.as_json()))) == calibration


@pytest.mark.parametrize(
    "said",
    [
        None,
        {},
        {"slope": -1.0, "intercept": 0.0},
        {"slope": math.inf, "intercept": 0.0},
        {"slope": "steep", "intercept": 0},
        {"slope": 1.0},
        {"knots": [[0.0, 0.5], [1.0, 0.4]]},
        {"knots": [[0.0, 0.5], [-1.0, 0.6]]},
        {"knots": [[0.0, 1.5]]},
        {"knots": [[0.0]]},
        {"knots": 7},
        ["knots"],
    ],
)
def test_what_is_no_calibration_shows_no_probability(said: object) -> None:
    assert read_calibration(said) is None  # type: ignore[arg-type]
