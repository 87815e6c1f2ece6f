"""What every real engine makes of our edited requests: the same answer as without us, once our fields are cut again."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from connector.dialects.answer import read_answer, render_hit, write_answer
from connector.dialects.asked import aggregations
from connector.dialects.edit import knn_call, plain_call, window_call
from connector.dialects.request import read_request
from connector.plan import plan
from connector.settings import Model, Policy
from connector.texts import document_text
from connector.types import Call, Controls

MODEL = Model(name="m", source="bundled:m")
POLICY = Policy(name="shop", indices=["*"], fields=["name", "brand", "variants.name"])
KEYWORD, TEXT = {"type": "keyword"}, {"type": "text", "store": True}
BRAND = {"type": "keyword", "ignore_above": 10}
PROPERTIES = {
    "name": TEXT,
    "brand": BRAND,
    "words": {"type": "completion"},
    "colour": KEYWORD,
    "price": {"type": "double"},
    "group": KEYWORD,
    "variants": {"type": "nested", "properties": {"name": {"type": "text"}, "size": KEYWORD}},
}
DOCUMENTS: list[dict[str, Any]] = [
    {"name": "Rain jacket", "brand": "Nord", "colour": ["red", "blue"], "price": 80.0, "group": "a", "words": "rain"},
    {"name": "Rain jacket for kids", "brand": "Nord", "colour": "green", "price": 30, "group": "a"},
    {
        "name": "Rain trousers \u00e9",
        "brand": "longer than it may be",
        "words": "rainy",
        "price": 1e2,
        "group": "b",
        "variants": [{"name": "long", "size": "L"}, {"size": "M"}],
    },
    {"name": "Umbrella against rain", "brand": "Süd", "group": "c", "variants": {"name": "mini"}},
    {"colour": "grey", "price": 1, "group": "b", "brand": "rain"},
]
MATCH = {"match": {"name": "rain"}}
BOTH = {"dis_max": {"queries": [MATCH, {"match": {"brand": "rain"}}]}}

TOP = {"size": 3, "_source": False}

BODIES: dict[str, dict[str, Any]] = {
    "plain": {"query": BOTH},
    "page": {"query": BOTH, "from": 1, "size": 2},
    "source off": {"query": MATCH, "_source": False},
    "source includes": {"query": MATCH, "_source": ["price"]},
    "fields": {"query": BOTH, "fields": ["price", "col*"]},
    "all fields": {"query": BOTH, "fields": ["*"], "_source": False},
    "nested fields": {"query": BOTH, "fields": ["variants.size", {"field": "price"}]},
    "nested root": {"query": BOTH, "fields": ["variants.*"]},
    "docvalue fields": {"query": MATCH, "docvalue_fields": ["brand", {"field": "price"}]},
    "stored fields": {"query": MATCH, "stored_fields": ["name"]},
    "collapse": {"query": MATCH, "collapse": {"field": "brand", "inner_hits": {"name": "more", "size": 2}}},
    "highlight": {"query": MATCH, "highlight": {"fields": {"name": {}}}, "explain": True, "version": True},
    "aggregations": {"query": MATCH, "aggs": {"c": {"terms": {"field": "colour"}}}, "track_total_hits": False},
    "ignored values": {"query": MATCH, "_source": False, "fields": ["price"]},
    "ignored values asked for": {"query": MATCH, "fields": ["brand"]},
    "top hits": {
        "query": MATCH,
        "aggs": {
            "plain": {"top_hits": TOP},
            "docvalue": {"top_hits": TOP | {"docvalue_fields": ["brand"]}},
            "stored": {"top_hits": TOP | {"stored_fields": ["name"]}},
            "own": {"top_hits": TOP | {"fields": ["brand", "price"]}},
            "groups": {
                "terms": {"field": "group"},
                "aggs": {"plain": {"top_hits": TOP | {"docvalue_fields": ["brand"]}}},
            },
            "variants": {"nested": {"path": "variants"}, "aggs": {"best": {"top_hits": TOP}}},
        },
    },
    "suggestions": {"query": MATCH, "suggest": {"s": {"prefix": "rain", "completion": {"field": "words"}}}},
    "named": {"query": {"bool": {"must": [{"match": {"name": {"query": "rain", "_name": "n"}}}]}}},
    "nested": {
        "query": {"nested": {"path": "variants", "query": {"match": {"variants.name": "long"}}, "inner_hits": {}}}
    },
    "score sort": {"query": BOTH, "sort": ["_score"], "post_filter": {"term": {"group": "a"}}},
    "nothing": {"query": {"match": {"name": "absent"}}},
}
PARAMETERS = [
    "q=name",
    "q=rain&df=name&size=2&from=1&pretty",
    "q=rain&_source_includes=price&typed_keys&rest_total_hits_as_int=true",
    "q=rain&_source=false&stored_fields=name&docvalue_fields=brand",
    "q=rain&filter_path=took,hits",
    "q=rain&filter_path=hits.hits&human",
    f"source={quote(json.dumps({'query': BOTH, 'size': 3}))}&source_content_type=application%2Fjson",
]


def prepared(url: str) -> Iterator[httpx.Client]:
    """The engine, with the documents in the index `dialect` and in one without `_source`."""
    with httpx.Client(base_url=url, timeout=60) as client:
        settings = {"number_of_shards": 1, "number_of_replicas": 0}
        for index, source in (("dialect", True), ("sourceless", False)):
            client.delete(f"/{index}")
            mappings = {"_source": {"enabled": source}, "properties": PROPERTIES}
            client.put(f"/{index}", json={"settings": settings, "mappings": mappings}).raise_for_status()
            for number, document in enumerate(DOCUMENTS):
                client.put(f"/{index}/_doc/{number}", json=document).raise_for_status()
            client.post(f"/{index}/_refresh").raise_for_status()
        yield client
        for index in ("dialect", "sourceless"):
            client.delete(f"/{index}")


class DialectContract:
    @pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
    def test_bodies(self, client: httpx.Client, body: dict[str, Any]) -> None:
        headers = [(b"Content-Type", b"application/json")]
        same_answer(client, Call("POST", b"/dialect/_search", headers, json.dumps(body).encode()))

    @pytest.mark.parametrize("parameters", PARAMETERS)
    def test_parameters(self, client: httpx.Client, parameters: str) -> None:
        same_answer(client, Call("GET", f"/dialect/_search?{parameters}".encode(), [(b"Accept", b"*/*")]))

    def test_vendor_media_type(self, client: httpx.Client) -> None:
        same_answer(client, Call("GET", b"/dialect/_search?q=rain", [(b"Accept", b"application/json")]))

    def test_stored_fields_where_source_is_off(self, client: httpx.Client) -> None:
        body = json.dumps({"query": MATCH}).encode()
        call = Call("POST", b"/sourceless/_search", [(b"Content-Type", b"application/json")], body)
        texts = same_answer(client, call, stored=True)
        assert "Rain jacket" in texts

    def test_the_text_comes_whatever_the_answer_shows(self, client: httpx.Client) -> None:
        for body in ({"query": MATCH, "_source": False}, {"query": MATCH, "stored_fields": []}, {"query": MATCH}):
            headers = [(b"Content-Type", b"application/json")]
            texts = same_answer(client, Call("POST", b"/dialect/_search", headers, json.dumps(body).encode()))
            assert set(texts) == {
                "Rain jacket. Nord",
                "Rain jacket for kids. Nord",
                "Rain trousers é. long",
                "Umbrella against rain. Süd. mini",
            }

    def test_the_other_leg_gives_hits_of_the_same_shape(self, client: httpx.Client) -> None:
        body = {"query": MATCH, "_source": ["price"], "version": True, "fields": ["colour"], "from": 1, "size": 2}
        call = Call("POST", b"/dialect/_search", [(b"Content-Type", b"application/json")], json.dumps(body).encode())
        request = read_request(call)
        assert request is not None
        planned = plan(request, Controls(), POLICY, MODEL)
        filters = {"query": {"bool": {"must": {"match": {"name": "rain"}}}}}
        window, leg = (
            send(client, window_call(call, request, planned, 0, 10)),
            send(client, knn_call(call, request, planned, filters, 10)),
        )
        lexical, other = (read_answer(reply.content) for reply in (window, leg))
        assert lexical is not None
        assert other is not None
        assert [one.raw for one in other.candidates] == [one.raw for one in lexical.candidates]
        assert len(other.candidates) == 4


def send(client: httpx.Client, call: Call) -> httpx.Response:
    return client.request(call.method, call.target.decode(), headers=list(call.headers), content=call.body or None)


def same_answer(client: httpx.Client, call: Call, *, stored: bool = False) -> list[str]:
    """The engine's answer to the window call, rendered without a change of order, is its answer to the caller's own.
    Gives the texts that the model would have read."""
    request = read_request(call)
    assert request is not None
    planned = plan(request, Controls(), POLICY, MODEL)
    own = send(client, plain_call(call, request))
    reply = send(client, window_call(call, request, planned, 0, 10, stored=stored))
    assert (own.status_code, reply.status_code) == (200, 200), reply.text
    found = read_answer(reply.content)
    assert found is not None
    page = found.candidates[request.first : request.first + request.size]
    hits, defined = [render_hit(one, planned.added) for one in page], aggregations(request.body)
    out = write_answer(reply.content, found, hits, added=planned.added, defined=defined)
    assert without_took(out) == without_took(own.content)
    return [document_text(json.loads(one.fields or b"{}"), POLICY) for one in found.candidates]


def without_took(body: bytes) -> Any:
    answer = json.loads(body)
    answer.pop("took", None)
    return answer
