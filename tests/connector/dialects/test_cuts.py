"""The quick ways against the general ones: the same parts are found, the same bytes are written."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.dialects.answer import Found, read_answer, render_hit, write_answer
from connector.dialects.cuts import Cuts, cut_answer, cut_hit
from connector.dialects.layout import _read_any, _read_plain, read_layout
from tests.connector.dialects.samples import planned, read

PLAN = planned(read(), "name", "brand")

HITS = st.lists(
    st.fixed_dictionaries(
        {"_index": st.sampled_from(["p-1", "größe"]), "_id": st.text(max_size=5), "_score": st.floats(0, 99)},
        optional={
            "_source": st.dictionaries(st.sampled_from(["hits", "fields", "x"]), st.text(max_size=5), max_size=2),
            "sort": st.lists(st.integers(), max_size=2),
            "fields": st.dictionaries(st.sampled_from(["name", "brand", "price"]), st.lists(st.text(max_size=3))),
        },
    ),
    max_size=5,
)


def answer(hits: list[dict[str, Any]], took: int = 7, more: Mapping[str, object] | None = None) -> bytes:
    inner = {"total": {"value": 9, "relation": "eq"}, "max_score": 3.5, "hits": hits}
    whole = {"took": took, "timed_out": False, "_shards": {"total": 1, "failed": 0}, "hits": inner, **(more or {})}
    return json.dumps(whole, separators=(",", ":"), ensure_ascii=False).encode()


def found(body: bytes) -> Found:
    known = read_answer(body)
    assert known is not None
    return known


def cut(body: bytes, order: list[int], score: float | None = 1.5) -> Cuts | None:
    known = found(body)
    hits = [(at, cut_hit(known.candidates[at], frozenset(PLAN.added), score)) for at in order]
    whole = [(at, hit) for at, hit in hits if hit is not None]
    return cut_answer(known.layout, whole, 1.75) if len(whole) == len(hits) else None


@given(HITS, st.randoms())
def test_cuts_make_what_the_general_way_writes(hits: list[dict[str, Any]], pick: Any) -> None:
    body = answer(hits)
    order = pick.sample(range(len(hits)), pick.randint(0, len(hits)))
    cuts = cut(body, order)
    if cuts is None:
        return
    known = found(body)
    page = [render_hit(known.candidates[at], PLAN.added, 1.5, members={"_none": None}) for at in order]
    expected = write_answer(body, known, page, 1.75, 2.6)
    assert cuts.of(body, 2.6) == expected
    assert cuts.of(answer(hits, took=12345), 0) == expected.replace(b'"took":10,', b'"took":12345,', 1)


def test_a_plain_answer_can_be_cut() -> None:
    hits = [{"_index": "p", "_id": str(n), "_score": 9.0 - n, "fields": {"name": [n]}} for n in range(3)]
    cuts = cut(answer(hits), [2, 0])
    assert cuts is not None
    assert json.loads(cuts.of(answer(hits), 1))["hits"]["hits"] == [
        {"_index": "p", "_id": "2", "_score": 1.5},
        {"_index": "p", "_id": "0", "_score": 1.5},
    ]
    own = cut(answer(hits), [1], score=None)
    assert own is not None
    assert json.loads(own.of(answer(hits), 1))["hits"]["hits"][0]["_score"] == 8.0


@given(HITS)
def test_both_ways_find_the_same_parts(hits: list[dict[str, Any]]) -> None:
    body = answer(hits)
    plain, any_form = _read_plain(body), _read_any(body)
    assert plain is not None
    assert any_form is not None
    assert plain.plain
    assert [bytes(raw) for raw in plain.raws] == [bytes(raw) for raw in any_form.raws]
    assert list(plain.starts) == list(any_form.starts)
    for one, other in ((plain.spans, any_form.spans), (plain.inner, any_form.inner)):
        assert {name: (span.start, span.end) for name, span in one.items()} == {
            name: (span.start, span.end) for name, span in other.items()
        }


@pytest.mark.parametrize("more", [{"aggregations": {"a": {"hits": {"hits": []}}}}, {"profile": {}}, {"status": 200}])
def test_an_answer_with_more_in_it_goes_the_general_way(more: Mapping[str, object]) -> None:
    layout = read_layout(answer([], more=more))
    assert layout is not None
    assert not layout.plain


def test_an_answer_in_another_form_goes_the_general_way() -> None:
    body = answer([{"_index": "p", "_id": "1", "_score": 1.0}] * 2)
    spaced = read_layout(json.dumps(json.loads(body)).encode())
    assert spaced is not None
    assert not spaced.plain
    assert read_layout(body[:-1] + b',"hits":{"hits":[]}}') is None
