import gzip
import json
import zlib
from urllib.parse import quote

import pytest

from connector.dialects.request import read_request
from connector.types import Call
from tests.connector.dialects.samples import call, read


@pytest.mark.parametrize(
    ("body", "target", "first", "size"),
    [
        (None, "/p/_search", 0, 10),
        ({"from": 20, "size": 5}, "/p/_search", 20, 5),
        ({"from": 20, "size": 5}, "/p/_search?from=1", 1, 5),
        ({"size": "7"}, "/p/_search", 0, 7),
        ({"size": "+7"}, "/p/_search", 0, 7),
        (None, "/p/_search?size=%2B7", 0, 7),
        ({"size": 7.0}, "/p/_search", 0, 7),
        ({"size": 0}, "/p/_search", 0, 0),
        (None, "/p/_search?size=3&from=4", 4, 3),
        ({"size": 100_000}, "/p/_search", 0, 100_000),
    ],
)
def test_the_page(body: object, target: str, first: int, size: int) -> None:
    request = read(body, target)
    assert (request.first, request.size) == (first, size)


@pytest.mark.parametrize(
    "one",
    [
        call(b'{"query":{"match":{"name":"x"}},"query":{}}'),
        call(b'{"size":1'),
        call(b'{"size":1} {}'),
        call(b"[]"),
        call(b'{"a":"\\ud800"}'),
        call(b'{"a":"\xff"}'),
        call({"size": -1}),
        call({"size": "many"}),
        call({"size": True}),
        call({"size": [1]}),
        call({"size": 1.5}),
        call({"size": 10**40}),
        call({"size": None}),
        call({"from": None}),
        call({"size": None}, "/p/_search?size=3"),
        call({"size": "1_0"}),
        call({"size": " 1"}),
        call({"size": "\u0661"}),
        call({"fields": None}),
        call({"fields": "colour"}),
        call({"fields": {"field": "colour"}}),
        call(None, "/p/_search?size=1_0"),
        call(None, "/p/_search?size=+10"),
        call(None, "/p/_search?from="),
        call(None, "/p/_search?size=x"),
        call(None, "/p/_search?size=1&size=2"),
        call(b"---\nquery: {}", Content_Type="application/yaml"),
        call(b"\xa1\x64size\x01", Content_Type="application/cbor"),
        call({"size": 1}, "/p/_search?source=%7B%7D&source_content_type=application/json"),
        call(None, "/p/_search?source=%7B%7D"),
        call(b"not gzip", Content_Encoding="gzip"),
        call(b"x", Content_Encoding="br"),
        call(gzip.compress(b'{"size":1}')[:-6], Content_Encoding="gzip"),
    ],
)
def test_what_the_engine_judges_is_none(one: Call) -> None:
    assert read_request(one) is None


def test_source_parameter_is_a_body() -> None:
    body = json.dumps({"query": {"match": {"name": "rain & snow"}}, "size": 2})
    request = read(None, f"/p/_search?source={quote(body)}&source_content_type=application/json")
    assert request.from_source
    assert request.size == 2
    assert request.query == {"match": {"name": "rain & snow"}}


@pytest.mark.parametrize(("encoding", "squeeze"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_compressed_bodies(encoding: str, squeeze: object) -> None:
    packed = squeeze(b'{"size": 3}')  # type: ignore[operator]
    assert read(packed, Content_Encoding=encoding, Content_Type="application/json").raw == b'{"size": 3}'


def test_what_is_too_long_to_read_goes_on_as_it_is() -> None:
    bomb = gzip.compress(b'{"size":' + b" " * 5_000_000 + b"1}")
    assert read_request(call(bomb, Content_Encoding="gzip", Content_Type="application/json")) is None
    assert read_request(call(b'{"size":' + b" " * 5_000_000 + b"1}")) is None


def test_uri_query_and_sort_count() -> None:
    request = read({"query": {"match_all": {}}, "sort": ["_score"]}, "/p/_search?q=boots&sort=price:asc,_score")
    assert request.query == {"query_string": {"query": "boots"}}
    assert request.sort == ["_score", "price:asc", "_score"]


def test_media_types_with_versions_are_json() -> None:
    media = "application/vnd.elasticsearch+json; compatible-with=9"
    assert read(b'{"size":4}', Content_Type=media).size == 4
