import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.settings import Model, Policy
from connector.texts import document_text, text_limit

FIELDS = ["name", "brand", "description", "features", "price", "variants.name"]


def policy(template: str = "", passages: str = "off") -> Policy:
    return Policy(name="p", indices=["p"], fields=FIELDS, template=template, passages=passages)


@pytest.mark.parametrize(
    ("template", "fields", "expected"),
    [
        ("", {"name": ["Jacket"], "description": ["Warm"]}, "Jacket. Warm"),
        ("", {"description": ["Warm"], "name": ["Jacket"]}, "Jacket. Warm"),
        ("", {}, ""),
        ("", {"other": ["x"]}, ""),
        ("", {"name": ["  "], "brand": []}, ""),
        (
            "",
            {"features": ["light", "blue", 3, 1.5, True, None, {"nested": "x"}, ["deep"]]},
            "light, blue, 3, 1.5, true, deep",
        ),
        ("", {"name": ["two\n  lines\t and\u00a0more "]}, "two lines and more"),
        ("", {"name": "plain", "price": 12}, "plain. 12"),
        ("", {"variants": [{"name": ["red"], "size": ["S"]}, {"size": ["M"]}, {"name": ["blue"]}]}, "red, blue"),
        ("", {"variants.name": ["red", "blue"]}, "red, blue"),
        ("", {"variants": {"name": "red"}}, "red"),
        ("", {"name": {"obj": 1}}, ""),
        (
            "{name}. {description}. {features}",
            {"name": ["A"], "description": ["B"], "features": ["c", "d"]},
            "A. B. c, d",
        ),
        ("{name}. {description}. {features}", {"name": ["A"], "features": ["c"]}, "A. c"),
        ("{name}. {description}. {features}", {"features": ["c"]}, "c"),
        ("{name}. {description}. {features}", {"name": ["A"]}, "A"),
        ("{name}. {description}. {features}", {}, ""),
        ("{name} by {brand} ({features}), {price} EUR", {"name": ["A"], "price": [5]}, "A, 5 EUR"),
        (
            "{name} by {brand} ({features}), {price} EUR",
            {"name": ["A"], "brand": ["B"], "features": ["f"]},
            "A by B (f)",
        ),
        ("{name} by {brand} ({features})", {"name": ["A"], "features": ["f"]}, "A (f)"),
        ("{name} by {brand}", {"brand": ["B"]}, "by B"),
        ("Name: {name}. Brand: {brand}.", {"name": ["A"], "brand": ["B"]}, "Name: A. Brand: B."),
        ("Name: {name}. Brand: {brand}.", {"brand": ["B"]}, "Brand: B."),
        (
            "{name}: {variants.name}",
            {"name": ["A"], "variants": [{"name": ["red"]}, {"name": ["blue"]}]},
            "A: red, blue",
        ),
        ("{name}: {variants.name}", {"name": ["A"], "variants.name": ["red", "blue"]}, "A: red, blue"),
        ("{name}: {variants.name}", {"name": ["A"], "variants": [{"size": ["S"]}]}, "A"),
        ("{name}, {price} EUR", {"name": ["A"], "price": [0]}, "A, 0 EUR"),
        ("{name}, {price} EUR", {"name": ["A"], "price": [12.5, 9]}, "A, 12.5, 9 EUR"),
        ("{name}, {price} EUR", {"name": ["A"], "price": [None, ""]}, "A"),
        (
            "{name} ({features}) ({brand})",
            {"name": ["A"], "features": [[], ["b", ["c"]]], "brand": [False]},
            "A (b, c) (false)",
        ),
        ("{name}. {name}", {"name": ["A"]}, "A. A"),
        ("{name}. {description}", {"name": ["{brand}"], "brand": ["B"]}, "{brand}"),
        ("{name}。{description}", {"description": ["防水"]}, "防水"),
    ],
)
def test_text(template: str, fields: dict[str, object], expected: str) -> None:
    assert document_text(fields, policy(template)) == expected


def test_length_is_bounded() -> None:
    assert document_text({"name": ["x" * 10_000]}, policy(), 100) == "x" * 100
    model = Model(name="m", source="bundled:m", max_tokens=256)
    assert text_limit(policy(), model) == 4096
    assert text_limit(policy(passages="max"), model) == 6 * 256 * 64 * 3 // 4


def test_ten_megabytes_cost_little() -> None:
    huge = {"name": ["two\n words  " * 1_000_000]}
    began = time.process_time()
    assert document_text(huge, policy(), 100).startswith("two words two")
    assert time.process_time() - began < 0.05


def test_a_long_list_is_read_as_far_as_its_text_is() -> None:
    class Counted(list[object]):
        read = 0

        def __iter__(self) -> Iterator[object]:
            for one in super().__iter__():
                Counted.read += 1
                yield one

    assert document_text({"name": Counted([1] * 100_000)}, policy(), 10) == "1, 1, 1, 1,"[:10].rstrip()
    assert Counted.read < 50


VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5)


@given(st.dictionaries(st.sampled_from(FIELDS), VALUES | st.dictionaries(st.text(), st.text())), st.integers(1, 50))
def test_any_document_has_a_text_or_none(fields: dict[str, object], limit: int) -> None:
    for template in ("", "{name} ({brand}): {description} - {features}"):
        text = document_text(fields, policy(template), limit)
        assert len(text) <= limit
        assert text == " ".join(text.split())
