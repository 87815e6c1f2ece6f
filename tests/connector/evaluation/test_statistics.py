import random
from itertools import product

import pytest

from connector.evaluation.statistics import difference, randomisation


def test_the_test_agrees_with_all_signs_counted() -> None:
    """Twelve queries have 4,096 choices of signs; the drawn share may miss the true one by chance alone."""
    chance = random.Random(3)
    gains = [chance.gauss(0.05, 0.1) for _ in range(12)]
    observed = abs(sum(gains))
    signs = list(product((-1, 1), repeat=12))
    exact = sum(abs(sum(s * g for s, g in zip(row, gains, strict=True))) >= observed - 1e-9 for row in signs) / len(
        signs
    )
    assert randomisation(gains) == pytest.approx(exact, abs=0.015)


def test_no_difference_is_chance_and_a_large_one_is_not() -> None:
    assert randomisation([0.0] * 30) == 1.0
    assert randomisation([0.1] * 30) == pytest.approx(1 / 10_001, abs=1e-3)


def test_under_chance_alone_one_in_twenty_is_below_a_twentieth() -> None:
    chance = random.Random(5)
    found = [randomisation([chance.gauss(0, 1) for _ in range(20)]) for _ in range(60)]
    assert sum(p < 0.05 for p in found) <= 8  # more has probability 0.003
    assert sum(p < 0.5 for p in found) in range(15, 46)


def test_wins_losses_and_ties() -> None:
    found = difference([0.2, 0.0, -0.1, 1e-12])
    assert (found.wins, found.losses, found.ties) == (1, 1, 2)
    assert found.p is not None
    assert not found.significant
