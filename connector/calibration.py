"""From a logit to a probability: how often people call documents with such a logit relevant.

Rule: it never falls where the logit rises, so that no order can depend on it; what would fall is not a calibration.
Standard library only: proxies and workers both read it, in the form in which a worker announces it.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any


@dataclass(frozen=True, slots=True)
class Calibration:
    """`sigmoid(slope * logit + intercept)` (Platt); with `knots` (logit, probability) the line through these, level
    beyond both ends (isotonic). Raises ValueError for one that falls, or that no JSON could hold.
    """

    slope: float = 1.0
    intercept: float = 0.0
    knots: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        numbers = [self.slope, self.intercept, *(number for knot in self.knots for number in knot)]
        if not all(map(math.isfinite, numbers)):
            raise ValueError("a calibration of numbers that are not finite")
        if self.slope < 0 or list(self.knots) != sorted(self.knots) or _falls([p for _, p in self.knots]):
            raise ValueError("a calibration that falls where the logit rises")
        if any(not 0 <= probability <= 1 for _, probability in self.knots):
            raise ValueError("a calibration beyond 0 and 1")

    def probability(self, logit: float) -> float:
        """0 to 1; NaN for NaN."""
        if math.isnan(logit):
            return logit
        if not self.knots:
            return sigmoid(self.slope * logit + self.intercept)
        behind = bisect_right(self.knots, (logit, math.inf))
        if behind in (0, len(self.knots)):
            return self.knots[min(behind, len(self.knots) - 1)][1]
        (left, low), (right, high) = self.knots[behind - 1 : behind + 1]
        return low + (high - low) * (logit - left) / (right - left)

    def as_json(self) -> dict[str, object]:
        """What `read_calibration` reads."""
        return {"knots": self.knots} if self.knots else {"slope": self.slope, "intercept": self.intercept}


def read_calibration(said: Mapping[str, Any] | None) -> Calibration | None:
    """None where nothing was said, or nothing that is a calibration: a probability is then not shown."""
    try:
        if said and said.get("knots"):
            return Calibration(knots=tuple((float(logit), float(probability)) for logit, probability in said["knots"]))
        return Calibration(float(said["slope"]), float(said["intercept"])) if said else None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None


def _falls(values: list[float]) -> bool:
    return any(later < earlier for earlier, later in pairwise(values))


def sigmoid(value: float) -> float:
    """Without overflow for any float."""
    power = math.exp(-abs(value))
    return (1.0 if value >= 0 else power) / (1.0 + power)
