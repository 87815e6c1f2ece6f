"""Category paths, and how well those of a list's documents agree."""

import math
from itertools import takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.agreement import DEEPEST, SHARPNESS, Path, agreements, path


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (["Pet", "Cat", "Food"], ("Pet", "Cat", "Food")),
        (["Pet > Cat > Food"], ("Pet", "Cat", "Food")),
        ("Pet|Cat", ("Pet", "Cat")),
        ("Pet / Cat", ("Pet", "Cat")),
        ("Mac/PC", ("Mac/PC",)),
        ([" Home & Kitchen "], ("Home & Kitchen",)),
        ([3, {"name": "Pet"}], ()),
        (None, ()),
        ([], ()),
        (["a"] * 99, ("a",) * DEEPEST),
        ("Pet" + " " * 8000 + "> Cat" + " > x" * 8000, ("Pet",)),  # read in time in proportion to its beginning
        ("Pet  >  Cat |Food", ("Pet", "Cat", "Food")),
    ],
)
def test_a_path_from_what_a_field_holds(value: object, found: Path) -> None:
    assert path(value) == found


def common(one: Path, other: Path) -> float:
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    return shared / max(len(one), len(other), 1)


@given(st.lists(st.tuples(st.floats(0, 1), st.lists(st.sampled_from("abc"), max_size=3)), min_size=1, max_size=12))
def test_it_is_the_weighted_mean_over_the_list(documents: list[tuple[float, list[str]]]) -> None:
    values, paths = [value for value, _ in documents], [tuple(one) for _, one in documents]
    weights = [math.exp(SHARPNESS * value) for value in values]
    for one, agreement in zip(paths, agreements(values, paths), strict=True):
        shares = [common(one, other) * weight for other, weight in zip(paths, weights, strict=True)]
        assert agreement == pytest.approx(sum(shares) / sum(weights))


def test_the_best_ones_decide() -> None:
    first, second = agreements([0.9, 0.9, 0.1, 0.1], [("thing",), ("thing",), ("case",), ("case",)])[1:3]
    assert first > 0.99
    assert second < 0.01


def test_ten_thousand_categories_of_the_largest_window() -> None:
    paths = [(f"a{n}", f"b{n}", f"c{n % 7}") for n in range(10_000)]
    assert max(agreements([0.5] * len(paths), paths)) == pytest.approx(1 / len(paths))
