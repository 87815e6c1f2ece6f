"""When a window's top is settled."""

from math import nan

import pytest

from connector.depth import settled

TOP = [9.0] * 10


@pytest.mark.parametrize(
    ("logits", "margin", "is_settled"),
    [
        ([*TOP, *([-5.0, -6.0] * 8)], 0.75, True),  # the last 16: mean -5.5, deviation 0.5, the tenth is 9.0
        ([*TOP, *([-5.0, -6.0] * 8)], 29.1, False),  # 9.0 lies 29 deviations above
        ([*TOP, *([-5.0, -6.0] * 8)], 28.9, True),
        ([float(n) for n in range(32)], 0.75, False),  # what comes last is best
        ([9.0] * 32, 0.75, False),  # nothing tells them apart
        ([9.0, 8.0, *([-5.0] * 7)], 0.75, False),  # not ten yet
        ([*TOP, nan, nan, *([-5.0, -6.0] * 8)], 0.75, True),
        ([nan] * 32, 0.75, False),
        ([], 0.75, False),
    ],
)
def test_the_tenth_best_against_what_came_last(logits: list[float], margin: float, is_settled: bool) -> None:
    assert settled(logits, margin) is is_settled
