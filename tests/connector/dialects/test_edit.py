import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.dialects.edit import knn_call, plain_call, plain_lines, window_call
from connector.dialects.request import SearchRequest, read_request
from connector.dialects.splice import read_spans
from connector.types import Call
from tests.connector.dialects.samples import call, planned, read

FIELDS = ("name", "brand")
QUERY = b'{"match" : {"name":"rain \\u00e9 jacket", "boost": 1.0}}'


def window(body: bytes | None, target: str = "/p/_search", first: int = 0, size: int = 100, **headers: str) -> Call:
    request = read(body, target, **headers)
    return window_call(request.call, request, planned(request, *FIELDS), first, size)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"query":Q}', b'{"query":Q,"size":100,"fields":["name","brand"]}'),
        (b'{ "size" : 10 , "query":Q}', b'{ "size" : 100 , "query":Q,"fields":["name","brand"]}'),
        (b'{"from":30,"query":Q,"size":5}', b'{"from":0,"query":Q,"size":100,"fields":["name","brand"]}'),
        (b'{"query":Q,"fields":["colour"]}', b'{"query":Q,"fields":["colour","name","brand"],"size":100}'),
        (
            b'{"query":Q,"fields":[ {"field":"date","format":"yyyy"} ]}',
            b'{"query":Q,"fields":[ {"field":"date","format":"yyyy"},"name","brand"],"size":100}',
        ),
        (b'{"query":Q,"fields":[]}', b'{"query":Q,"fields":["name","brand"],"size":100}'),
        (b'{"query":Q,"fields":["*"]}', b'{"query":Q,"fields":["*"],"size":100}'),
        (b'{"query":Q,"fields":["na*"]}', b'{"query":Q,"fields":["na*","brand"],"size":100}'),
        (
            b'{"query":Q,"docvalue_fields":["brand"]}',
            b'{"query":Q,"docvalue_fields":["brand"],"size":100,"fields":["name"]}',
        ),
        (
            b'{"query":Q,"collapse":{"field":"brand"}}',
            b'{"query":Q,"collapse":{"field":"brand"},"size":100,"fields":["name"]}',
        ),
        (b'{"ext":{"secondpass":{"window":9}},"query":Q}', b'{"query":Q,"size":100,"fields":["name","brand"]}'),
        (
            b'{"query":Q,"ext":{"a":1.0,"secondpass":{"window":9}}}',
            b'{"query":Q,"ext":{"a":1.0},"size":100,"fields":["name","brand"]}',
        ),
    ],
)
def test_the_window_call_changes_only_what_it_must(body: bytes, expected: bytes) -> None:
    assert window(body.replace(b"Q", QUERY)).body == expected.replace(b"Q", QUERY)


def test_from_and_size_are_changed_where_the_caller_wrote_them() -> None:
    made = window(b'{"size": 3}', "/a%2Cb/_search?from=20&q=x+y&size=10&preference=_local")
    assert made.target == b"/a%2Cb/_search?from=0&q=x+y&size=100&preference=_local"
    assert made.body == b'{"size": 3,"fields":["name","brand"]}'


def test_a_search_without_a_body_gets_one() -> None:
    made = window(None, "/p/_search?q=rain", Accept="*/*")
    assert made == Call(
        "GET",
        b"/p/_search?q=rain",
        [(b"Accept", b"*/*"), (b"Content-Type", b"application/json")],
        b'{"size":100,"fields":["name","brand"]}',
    )
    vendor = "application/vnd.elasticsearch+json; compatible-with=9"
    assert (b"Content-Type", vendor.encode()) in window(None, "/p/_search?q=rain", Accept=vendor).headers


def test_a_source_parameter_moves_to_the_body() -> None:
    made = window(None, f"/p/_search?source={quote(QUERY.decode())}&pretty&source_content_type=application/json")
    assert made.target == b"/p/_search?pretty"
    assert made.body == QUERY[:-1] + b',"size":100,"fields":["name","brand"]}'


def test_headers_keep_order_and_spelling() -> None:
    one = call(b"{}")
    fields = [
        (b"HOST", b"x"),
        (b"authorization", b"Basic eDp5"),
        (b"X-Opaque-Id", b"7"),
        (b"secondpass", b"on"),
        (b"accept-encoding", b"gzip"),
        (b"Content-Length", b"2"),
        (b"Expect", b"100-continue"),
        (b"content-type", b"application/json"),
        (b"X-Opaque-Id", b"8"),
    ]
    request = read_request(Call("POST", b"/p/_search", fields, b"{}"))
    assert request is not None
    assert window_call(one, request, planned(request, *FIELDS), 0, 10).headers == [
        (b"HOST", b"x"),
        (b"authorization", b"Basic eDp5"),
        (b"X-Opaque-Id", b"7"),
        (b"accept-encoding", b"gzip"),
        (b"content-type", b"application/json"),
        (b"X-Opaque-Id", b"8"),
    ]


def test_stored_fields_where_source_is_off() -> None:
    def made(body: bytes) -> object:
        request = read(body)
        return json.loads(window_call(request.call, request, planned(request, *FIELDS), 0, 10, stored=True).body)

    assert made(b"{}") == {"stored_fields": ["name", "brand"], "_source": True}
    assert made(b'{"_source":false}') == {"_source": False, "stored_fields": ["name", "brand"]}
    assert made(b'{"stored_fields":["a"]}') == {"stored_fields": ["a", "name", "brand"]}


def test_a_skipped_search_is_the_callers_bytes() -> None:
    one = call(b'{"size" : 0}', **{"Accept-Encoding": "gzip", "Secondpass": "off"})
    plain = plain_call(one, read_request(one))
    assert (plain.method, plain.target, plain.body) == (one.method, one.target, one.body)
    assert plain.headers == [field for field in one.headers if field[0] != b"Secondpass"]
    broken = call(b'{"size":0,"size":1}', Secondpass="off")
    assert plain_call(broken, None).body == broken.body
    asked = call(b'{"size" : 0, "ext":{"secondpass":{}}}', **{"Accept-Encoding": "gzip"})
    assert plain_call(asked, read_request(asked)).body == b'{"size" : 0}'
    assert (b"Accept-Encoding", b"gzip") in plain_call(asked, read_request(asked)).headers


def test_our_part_of_ext_is_cut_where_a_request_is_not_read() -> None:
    ids = json.dumps([f"{number:010}" for number in range(200_000)]).encode()
    wide = b'{"query":{"terms":{"sku":' + ids + b'}},"ext":{"secondpass":{"budget_ms":300}}}'
    asked = call(wide, Secondpass="on", X_A="1")
    assert read_request(asked) is None
    plain = plain_call(asked, None)
    assert plain.body == b'{"query":{"terms":{"sku":' + ids + b"}}}"
    assert plain.headers == [field for field in asked.headers if field[0] != b"Secondpass"]
    deep = b"[" * 300 + b"]" * 300
    assert plain_call(call(b'{"ext":{"secondpass":{}, "a":1},"b":' + deep + b"}"), None).body == (
        b'{"ext":{"a":1},"b":' + deep + b"}"
    )
    for body in (
        b'{"ext":{"a":{}}}',
        b'{"ext":1}',
        b'{"ext":{"secondpass":{}}',
        b'{"ext":{"secondpass":1,"secondpass":2}}',
    ):
        assert plain_call(call(body), None).body == body
        assert plain_call(call(body), read_request(call(body))).body == body


def test_our_part_of_ext_is_cut_from_a_source_parameter() -> None:
    source = quote('{"size":1,"ext":{"secondpass":{}}}')
    made = plain_call(call(None, f"/p/_search?a&source={source}&source_content_type=application/json"), None)
    assert (made.target, made.body) == (b"/p/_search?a", b'{"size":1}')


def test_our_part_of_ext_is_cut_from_the_lines_of_an_msearch() -> None:
    lines = b'{}\n{"size":1,"ext":{"secondpass":{}}}\n\n{"ext":{"secondpass":1},"from":2}\r\n{"index":"a"}\n{}\n'
    made = plain_lines(call(lines, "/_msearch", Secondpass="on"))
    assert made.body == b'{}\n{"size":1}\n\n{"from":2}\r\n{"index":"a"}\n{}\n'
    assert not any(name == b"Secondpass" for name, _ in made.headers)


def test_the_vector_leg_keeps_what_shapes_a_hit() -> None:
    body = (
        b'{"query":{"match":{"name":"x"}},"from":10,"size":5,"_source":["a", "b"],"aggs":{"x":{}},"suggest":{},'
        b'"highlight":{"fields":{"name":{}}},"version":true,"collapse":{"field":"group"},"min_score":1,'
        b'"post_filter":{},"track_total_hits":true,"sort":["_score"],"ext":{"secondpass":{}},"profile":true}'
    )
    target = "/p/_search?routing=7&q=x&size=3&ignore_unavailable=true&track_total_hits=true&_source_includes=z"
    request = read(body, target, Authorization="Basic eDp5", Secondpass="on")
    made = knn_call(
        request.call, request, planned(request, *FIELDS), {"query": {"knn": {"e": {"vector": [0.5], "k": 50}}}}, 50
    )
    assert made.target == b"/p/_search?routing=7&ignore_unavailable=true&_source_includes=z"
    assert (b"Authorization", b"Basic eDp5") in made.headers
    assert all(name.lower() != b"secondpass" for name, _ in made.headers)
    assert json.loads(made.body) == {
        "_source": ["a", "b"],
        "collapse": {"field": "group"},
        "highlight": {"fields": {"name": {}}},
        "version": True,
        "fields": ["name", "brand"],
        "query": {"knn": {"e": {"vector": [0.5], "k": 50}}},
        "size": 50,
    }
    assert b'"_source":["a", "b"]' in made.body


BODIES = st.dictionaries(
    st.sampled_from(["query", "from", "size", "aggs", "fields", "ext", "_source", "highlight", "collapse"]),
    st.none()
    | st.lists(st.text(max_size=4), max_size=2)
    | st.dictionaries(st.text(max_size=4), st.integers(), max_size=2),
)


@given(BODIES, st.integers(0, 50), st.integers(1, 500), st.sampled_from([None, 1]))
def test_every_other_key_keeps_its_bytes(body: dict[str, Any], first: int, size: int, indent: int | None) -> None:
    unread = [key for key in ("from", "size") if key in body]  # what stands in them here, no engine takes
    unread += [key for key in ("fields",) if not isinstance(body.get(key, []), list)]
    body = {key: value for key, value in body.items() if key not in unread}
    raw = json.dumps(body, indent=indent).encode()
    request: SearchRequest = read(raw)
    made = window_call(request.call, request, planned(request, *FIELDS), first, size)
    before, after = read_spans(raw), read_spans(made.body)
    assert before is not None
    assert after is not None
    for key in set(before) - {"fields"}:
        assert made.body[after[key].start : after[key].end] == raw[before[key].start : before[key].end]
    said = json.loads(made.body)
    assert (said.get("from", 0), said.get("size", 10)) == (first, size)
    assert set(said) - set(body) <= {"from", "size", "fields"}
