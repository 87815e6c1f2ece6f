"""What a query excludes, and what texts say of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.exclusion import READ_CHARACTERS, excluded, verdicts


@pytest.mark.parametrize(
    ("query", "thing"),
    [
        ("wall lamp without a cord", "cord"),
        ("swim trunks without mesh liners", "liner"),
        ("wireless thermostat without c wire", "wire"),
        ("Rug WITHOUT Fringes", "fringe"),
        ("belt w/o buckle", "buckle"),
        ("bag with no handles for women", "handle"),
        ("pan without any lid and handle", "lid"),
        ("vase without glass", "glass"),
        ("gluten free bread", ""),
        ("no show socks", ""),
        ("doctors without", ""),
        ("lamp without with cord", ""),
        ("", ""),
    ],
)
def test_the_thing_is_the_last_word_of_what_is_excluded(query: str, thing: str) -> None:
    assert excluded(query) == thing


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("Lamp with Cord", -1),
        ("Lamp, two cords, corded", -1),
        ("Lamp without cord", 1),
        ("Lamp, no power cord needed", 1),
        ("Cordless lamp", 1),
        ("Cord-free lamp with a cord-like arm", 1),
        ("Lamp of accordion paper", 0),
        ("", 0),
        ("x" * READ_CHARACTERS + " cord", 0),
    ],
)
def test_what_a_text_says(text: str, verdict: int) -> None:
    assert verdicts("cord", [text]) == [verdict]


@given(st.text(), st.lists(st.text(), max_size=3))
def test_nothing_that_is_typed_breaks_it(query: str, texts: list[str]) -> None:
    thing = excluded(f"lamp without {query}")
    assert all(verdict in (-1, 0, 1) for verdict in verdicts(thing or "x", texts))
