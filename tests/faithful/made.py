"""Queries as people write them, made at random, each with what must be found in it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from tests.faithful.conftest import COUNT, WORDS

Query = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Made:
    """`texts`: the user's words in scoring places; `readable`: nothing there that could hold others."""

    query: Query
    texts: tuple[str, ...] = ()
    readable: bool = True


def joined(query: Query, scoring: list[Made]) -> Made:
    texts = tuple(text for made in scoring for text in made.texts)
    return Made(query, texts, all(made.readable for made in scoring))


TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3, unique=True).map(" ".join)
FIELDS = st.sampled_from(["name", "text"])

WORDED: list[Callable[[str, str], Query]] = [
    lambda field, text: {"match": {field: text}},
    lambda field, text: {"match": {field: {"query": text, "operator": "and", "boost": 2}}},
    lambda field, text: {"match": {field: {"query": text, "fuzziness": "AUTO", "minimum_should_match": "50%"}}},
    lambda field, text: {"match_phrase": {field: {"query": text, "slop": 5}}},
    lambda field, text: {"match_phrase_prefix": {field: text}},
    lambda field, text: {"match_bool_prefix": {field: text}},
    lambda field, text: {"multi_match": {"query": text, "fields": ["name^3", "text"], "type": "most_fields"}},
    lambda field, text: {"multi_match": {"query": text, "fields": [field], "type": "phrase_prefix"}},
    lambda field, text: {"multi_match": {"query": text, "fields": ["name", "text"], "type": "cross_fields"}},
    lambda field, text: {"combined_fields": {"query": text, "fields": ["name", "text"]}},
    lambda field, text: {"query_string": {"query": text, "default_field": field}},
    lambda field, text: {"query_string": {"query": f'"{text}"', "fields": [field]}},
    lambda field, text: {"query_string": {"query": text.replace(" ", " AND "), "default_field": field}},
    lambda field, text: {"simple_query_string": {"query": text, "fields": [field]}},
    lambda field, text: {"simple_query_string": {"query": f"+{text}", "fields": [field]}},
]
CLOSED: list[Callable[[str, str], Query]] = [  # words there may be, but which are the user's is not plain
    lambda field, text: {"query_string": {"query": f"{field}:({text})"}},
    lambda field, text: {"query_string": {"query": f"{text} OR snow", "default_field": field}},
    lambda field, text: {"simple_query_string": {"query": f"{text} -snow", "fields": [field]}},
    lambda field, text: {"more_like_this": {"fields": [field], "like": text, "min_term_freq": 1, "min_doc_freq": 1}},
    lambda field, text: {"intervals": {field: {"match": {"query": text}}}},
    lambda field, text: {"span_term": {field: text.split()[0]}},
    lambda field, text: {"wrapper": {"query": "eyJtYXRjaF9hbGwiOnt9fQ=="}},
]
WORDLESS: list[Query] = [
    {"match_all": {}},
    {"term": {"brand": "nord"}},
    {"terms": {"colour": ["red", "blue"]}},
    {"range": {"price": {"gte": 20, "lt": 150}}},
    {"exists": {"field": "stock"}},
    {"ids": {"values": [f"d{number}" for number in range(0, COUNT, 2)]}},
    {"prefix": {"name": "ra"}},
    {"wildcard": {"name": "j*t"}},
    {"match": {"stock": 3}},
]

WITHOUT = st.sampled_from(WORDLESS).map(Made)


def leaves(text: st.SearchStrategy[str]) -> st.SearchStrategy[Made]:
    worded = st.builds(
        lambda make, field, said: Made(make(field, said), (said,)), st.sampled_from(WORDED), FIELDS, text
    )
    closed = st.builds(
        lambda make, field, said: Made(make(field, said), readable=False), st.sampled_from(CLOSED), FIELDS, text
    )
    variants = st.builds(
        lambda said: Made({"nested": {"path": "variants", "query": {"match": {"variants.name": said}}}}, (said,)), text
    )
    return st.one_of(worded, worded, worded, variants, closed, WITHOUT)


def wrapped(inner: st.SearchStrategy[Made]) -> st.SearchStrategy[Made]:
    several = st.lists(inner, min_size=1, max_size=2)
    return st.one_of(
        st.builds(_bool, must=several, should=st.lists(inner, max_size=1), aside=st.lists(inner, max_size=1)),
        st.builds(lambda made: joined({"dis_max": {"queries": [m.query for m in made]}}, made), several),
        inner.map(lambda made: replace(made, query={"constant_score": {"filter": made.query}})),
        inner.map(
            lambda made: replace(
                made,
                query={
                    "function_score": {
                        "query": made.query,
                        "functions": [{"filter": {"match": {"name": "dry"}}, "weight": 2}],
                    }
                },
            )
        ),
        st.builds(
            lambda made, aside: replace(
                made, query={"boosting": {"positive": made.query, "negative": aside.query, "negative_boost": 0.5}}
            ),
            inner,
            inner,
        ),
    )


def _bool(must: list[Made], should: list[Made], aside: list[Made]) -> Made:
    """`aside` is under `filter`: no place for a user's words."""
    body: dict[str, Any] = {"must": [made.query for made in must]}
    if should:
        body["should"] = [made.query for made in should]
    if aside:
        body["filter"] = [made.query for made in aside]
    return joined({"bool": body}, [*must, *should])


@st.composite
def queries(draw: st.DrawFn) -> Made:
    """Mostly one text, as applications repeat what the user typed; sometimes several."""
    one = draw(TEXTS)
    text = draw(st.sampled_from([st.just(one), st.just(one), st.one_of(st.just(one), TEXTS)]))
    return draw(st.recursive(leaves(text), wrapped, max_leaves=4))


EXTRAS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "from": st.integers(0, 30),
        "size": st.integers(0, 30),
        "sort": st.sampled_from([["price"], [{"_score": "desc"}], ["_score"], [{"price": "desc"}, "_score"]]),
        "aggs": st.just({"brands": {"terms": {"field": "brand"}}}),
        "post_filter": st.just({"term": {"brand": "nord"}}),
        "track_total_hits": st.sampled_from([True, 7]),
        "_source": st.sampled_from([False, ["price"]]),
        "min_score": st.sampled_from([0.1, 1.0]),
        "highlight": st.just({"fields": {"name": {}}}),
    },
)
