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
        ("lights without batteries", "battery"),
        ("towel without stitches", "stitch"),
        ("cat food without dishes", "dish"),
        ("gift without boxes", "box"),
        ("mirror without glasses", "glass"),
        ("shirt without laces", "lace"),
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


@pytest.mark.parametrize(
    ("query", "text", "verdict"),
    [
        ("lights without batteries", "with battery included", -1),
        ("lights without battery", "2 batteries included", -1),
        ("lights without battery", "no batteries needed", 1),
        ("lights without batteries", "battery-free", 1),
        ("socks without toys", "a toy beside it", -1),
        ("plates without cookies", "one cookie", -1),
        ("cat food without dishes", "dish set", -1),
        ("gift without box", "in boxes", -1),
        ("lamp without cord", "no corduroy here, has a cord", -1),
        ("lamp without cord", "non-corded", 1),
    ],
)
def test_singular_and_plural_are_one_thing(query: str, text: str, verdict: int) -> None:
    assert verdicts(excluded(query), [text]) == [verdict]


@given(st.text(), st.lists(st.text(), max_size=3))
def test_nothing_that_is_typed_breaks_it(query: str, texts: list[str]) -> None:
    thing = excluded(f"lamp without {query}")
    assert all(verdict in (-1, 0, 1) for verdict in verdicts(thing or "x", texts))
