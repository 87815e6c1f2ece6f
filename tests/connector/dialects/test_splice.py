import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.dialects.splice import read_spans, splice

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)
KEYS = st.sampled_from(["from", "size", "fields", "ext", "a", 'q"uote', "back\\slash", "中", "}"])
OBJECTS = st.dictionaries(KEYS, JSON, max_size=6)
STYLES = st.sampled_from([{}, {"indent": 2}, {"separators": (",", ":")}, {"separators": (" , ", " : ")}])


@given(OBJECTS, STYLES, st.booleans(), st.dictionaries(KEYS, st.none() | JSON, max_size=4))
def test_splice_changes_what_it_is_told_and_nothing_else(
    value: dict[str, object], style: dict[str, object], escaped: bool, changes: dict[str, object]
) -> None:
    body = f" {json.dumps(value, ensure_ascii=escaped, **style)}\n".encode()  # type: ignore[arg-type]
    spans = read_spans(body)
    assert spans is not None
    assert list(spans) == list(value)
    assert {name: json.loads(body[span.start : span.end]) for name, span in spans.items()} == value

    removed = {name for name, change in changes.items() if change is None}
    out = splice(body, {name: None if name in removed else json.dumps(new).encode() for name, new in changes.items()})

    expected = {**value, **changes}
    assert json.loads(out) == {name: new for name, new in expected.items() if name not in removed}
    left = read_spans(out)
    assert left is not None
    for name in set(value) - set(changes):
        assert out[left[name].start : left[name].end] == body[spans[name].start : spans[name].end]


@given(OBJECTS, STYLES)
def test_no_change_is_no_change(value: dict[str, object], style: dict[str, object]) -> None:
    body = json.dumps(value, **style).encode()  # type: ignore[arg-type]
    assert splice(body, {}) == body
    same = {name: json.dumps(inner, **style).encode() for name, inner in value.items()}  # type: ignore[arg-type]
    if "indent" not in style:
        assert splice(body, same) == body


@pytest.mark.parametrize(
    ("body", "changes", "expected"),
    [
        (b'{"a":1,"b":2,"c":3}', {"a": None}, b'{"b":2,"c":3}'),
        (b'{"a":1,"b":2,"c":3}', {"b": None}, b'{"a":1,"c":3}'),
        (b'{"a":1,"b":2,"c":3}', {"c": None}, b'{"a":1,"b":2}'),
        (b'{"a":1,"b":2,"c":3}', {"a": None, "b": None, "c": None}, b"{}"),
        (b'{"a":1,"b":2,"c":3}', {"a": None, "c": None, "d": b"4"}, b'{"b":2,"d":4}'),
        (b'{ "a" : 1.0 ,\n "b":1e5 }', {"b": b"7"}, b'{ "a" : 1.0 ,\n "b":7 }'),
        (b"{ }", {"size": b"10"}, b'{"size":10 }'),
        (
            b'{"n": 9007199254740993, "s": "\\u00e9"}',
            {"size": b"1"},
            b'{"n": 9007199254740993, "s": "\\u00e9","size":1}',
        ),
    ],
)
def test_splice(body: bytes, changes: dict[str, bytes | None], expected: bytes) -> None:
    assert splice(body, changes) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"1",
        b"null",
        b'{"size":1,"size":2}',
        b'{"size":1,"size":1}',
        b'{"size":1,"\\u0073ize":1}',
        b'{"size":12,"b":3,"size":1}',
        b'{"a":1}{"b":2}',
        b'{"a":1} x',
        b'{"a":1,}',
        b'{"a":1 // comment\n}',
        b"{'a':1}",
        b"{a:1}",
        b'{"a":',
        b'\xef\xbb\xbf{"a":1}',
        b'{"\xff":1}',
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_what_the_engine_must_judge_is_left_alone(body: bytes) -> None:
    assert read_spans(body) is None
    with pytest.raises(ValueError, match="distinct keys"):
        splice(body, {"size": b"1"})
