"""Method and raw target alone decide whose a request is."""

import pytest

from connector.proxy.content import is_json
from connector.proxy.routes import ENGINE, Route, is_slow, opens_scroll, read

SEARCHES = {
    b"/_search": (),
    b"/_search?q=a": (),
    b"/products/_search": ("products",),
    b"/products/_search/?x#/y/z": ("products",),
    b"/a,b,,c/_search": ("a", "b", "c"),
    b"/a%2Cb/_search": ("a", "b"),
    b"/a/%5fsearch": ("a",),
    b"/%3Clogs-%7Bnow%2Fd%7D%3E/_search": ("<logs-{now/d}>",),
    b"/remote:a,-b*/_search": ("remote:a", "-b*"),
    b"/_all/_search": ("_all",),
    "/日本/_search".encode(): ("日本",),
    b"/a+b/_search": ("a+b",),
}


@pytest.mark.parametrize("target", SEARCHES)
def test_searches(target: bytes):
    for method in ("GET", "POST"):
        assert read(method, target) == Route(search="search", names=SEARCHES[target])
    for method in ("HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "SEARCH"):
        assert read(method, target) is ENGINE


@pytest.mark.parametrize(
    "target",
    [
        b"/",
        b"*",
        b"",
        b"/a",
        b"/a/_doc/_search/1",
        b"/a/b/_search",
        b"/_search/scroll",
        b"/_search/template/x",
        b"/a/b/_search/template",
        b"/_render/template",
        b"/a/_async_search",
        b"/a/_search_shards",
        b"/a/_count?q=/_search",
        b"/a?x=/_search",
        b"http://other/a/_search",
        b"/a/_search%2F",
        b"/%ff/_search",
        b"//a/_search",
        b"/_secondpassing",
        b"/a/_secondpass/health",
        b"/rerank/",
        b"/v3/rerank",
    ],
)
def test_everything_else_is_the_engines(target: bytes):
    assert read("POST", target) is ENGINE


def test_ours():
    assert read("GET", b"/_secondpass/health?x") == Route("health", ours=True)
    assert read("HEAD", b"/_secondpass/ready") == Route("ready", ours=True)
    assert read("POST", b"/_secondpass/search") == Route("search", ours=True)
    assert read("POST", b"/_secondpass/health") == Route(ours=True, methods=("GET",))
    assert read("GET", b"/_secondpass/none") == Route(ours=True)
    assert read("GET", b"/_secondpass") == Route(ours=True)


@pytest.mark.parametrize(
    ("method", "target", "slow"),
    [
        ("POST", b"/a/_forcemerge", True),
        ("POST", b"/_bulk?refresh", True),
        ("POST", b"/a/_update_by_query", True),
        ("PUT", b"/a", True),
        ("PUT", b"/a/_doc/1?refresh=wait_for", True),
        ("PUT", b"/a/_create/_search", True),
        ("POST", b"/a/_doc", True),
        ("POST", b"/a/_update/_search", True),
        ("POST", b"/a/_flush", True),
        ("PUT", b"/_enrich/policy/p/_execute", True),
        ("DELETE", b"/_search/scroll", True),
        ("GET", b"/_refresh", True),
        ("GET", b"/_snapshot/r/s", True),
        ("GET", b"/_cluster/health?wait_for_status=green", True),
        ("POST", b"/a/_search?timeout=90s", True),
        ("GET", b"/a/_search?request_timeout=1", True),
        ("GET", b"/a/_search", False),
        ("POST", b"/a/_search", False),
        ("POST", b"/_search?x", False),
        ("POST", b"/a,b/_msearch/template", False),
        ("POST", b"/_search/scroll", False),
        ("POST", b"/_render/template", False),
        ("POST", b"/a/_count", False),
        ("POST", b"/_mget", False),
        ("GET", b"/a/_doc/1", False),
        ("HEAD", b"/a", False),
    ],
)
def test_what_may_take_long(method: str, target: bytes, slow: bool):
    assert is_slow(method, target) is slow


def test_what_opens_a_scroll():
    assert opens_scroll(b"/a/_search?scroll=5m")
    assert opens_scroll(b"/a/_search?size=1;scroll=5m")
    assert opens_scroll(b"/a/_search?x&s%63roll=1m")
    assert not opens_scroll(b"/scroll=/_search?scrolled=1")


@pytest.mark.parametrize(
    ("target", "headers", "json"),
    [
        (b"/_search", [], True),
        (b"/_search", [(b"content-type", b"application/json; charset=UTF-8"), (b"Accept", b"*/*")], True),
        (b"/_search", [(b"Content-Type", b"application/vnd.elasticsearch+json; compatible-with=9")], True),
        (b"/_search", [(b"Accept", b"application/vnd.elasticsearch+json;compatible-with=8,text/plain")], True),
        (b"/_search", [(b"CONTENT-TYPE", b"application/yaml")], False),
        (b"/_search", [(b"Content-Type", b"application/cbor")], False),
        (b"/_search", [(b"Content-Type", b"application/vnd.elasticsearch+cbor;compatible-with=8")], False),
        (b"/_search", [(b"Content-Type", b"application/x-ndjson")], False),
        (b"/_search", [(b"Accept", b"application/smile")], False),
        (b"/_search?format=yaml", [], False),
        (b"/_search?pretty&format=JSON", [], True),
    ],
)
def test_what_is_json(target: bytes, headers: list[tuple[bytes, bytes]], json: bool):
    assert is_json(target, headers) is json
