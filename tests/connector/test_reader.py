"""A mark stands for a text: equal values have equal marks, and equal marks are equal texts."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.keys import Keys
from connector.reader import Reader
from connector.settings import Model, Policy

KEYS, MODEL = Keys(b"secret"), Model(name="m", source="bundled:m")


def reader(*fields: str, **policy: object) -> Reader:
    return Reader.of(Policy(name="p", indices=["i"], fields=list(fields), **policy), MODEL, KEYS)


def write(fields: object) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode()


def test_only_the_fields_that_are_read_count() -> None:
    read = reader("name", "text")
    one, same, other = read.marks(
        [
            b'{"name":["Tent"],"text":["dry"]}',
            b'{"price":[3.5],"text":["dry"],"name":["Tent"]}',
            b'{"name":["Tent"],"text":["Dry"]}',
        ]
    )
    assert one == same != other
    assert read.text(b'{"price":[3.5],"text":["dry"],"name":["Tent"]}') == "Tent. dry"


def test_values_do_not_run_together() -> None:
    left, right = reader("a", "b").marks([b'{"a":["x"]}', b'{"b":["x"]}'])
    assert left != right


@pytest.mark.parametrize("fields", [b"", b"{}"])
def test_a_hit_without_fields_has_no_mark_and_no_text(fields: bytes) -> None:
    assert reader("a").marks([fields]) == [b""]
    assert reader("a").text(fields) == ""


def test_fields_within_objects_in_the_form_of_each_engine() -> None:
    read = reader("parts.name")
    inside, changed = b'{"parts":[{"name":["peg"]}]}', b'{"parts":[{"name":["pole"]}]}'
    assert [read.text(one) for one in (inside, changed, b'{"parts.name":["peg"]}')] == ["peg", "pole", "peg"]
    first, second = read.marks([inside, changed])
    assert first != second


def test_the_rule_is_another_where_the_same_values_give_another_text() -> None:
    rules = [
        reader("a", "b").rule,
        reader("b", "a").rule,
        reader("a").rule,
        Reader.of(Policy(name="p", indices=["i"], fields=["a"]), MODEL.model_copy(update={"max_tokens": 8}), KEYS).rule,
    ]
    assert len(set(rules)) == len(rules)


VALUES = st.lists(st.text(max_size=6) | st.integers() | st.booleans() | st.none(), max_size=3)
FIELDS = st.dictionaries(st.sampled_from(["a", "b.c", "b", "other"]), VALUES, max_size=4)


@given(FIELDS, FIELDS)
def test_equal_marks_are_equal_texts(one: dict[str, list[object]], other: dict[str, list[object]]) -> None:
    read = reader("a", "b.c", template="{a}: {b.c}")
    first, second = read.marks([write(one), write(other)])
    if first == second:
        assert read.text(write(one)) == read.text(write(other))
