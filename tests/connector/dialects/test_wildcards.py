import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.dialects.wildcards import matches


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("name", "name", True),
        ("name", "names", False),
        ("*", "", True),
        ("na*e", "name", True),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("n.me", "name", False),
        ("*" * 5_000 + "x", "description", False),
    ],
)
def test_matches(pattern: str, name: str, expected: bool) -> None:
    assert matches(pattern, name) is expected


@given(st.text("ab*", max_size=6), st.text("ab", max_size=8))
def test_as_an_expression_would(pattern: str, name: str) -> None:
    assert matches(pattern, name) is bool(re.fullmatch(pattern.replace("*", ".*"), name))
