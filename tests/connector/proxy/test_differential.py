"""The same request straight and through the proxy, on real engines: nothing end-to-end may differ.

Each way has an index of its own, of a name of the same length, so that writes can be compared too. `searches` runs
each case again with every index under a policy whose search hands the engine's answer on: then only our own header
may be more.
"""

import gzip
import json
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from connector.proxy.wire import HOP_BY_HOP, Chunks
from tests.connector.proxy.running import running_proxy

JSON = b"Content-Type: application/json\r\n"
NDJSON = b"Content-Type: application/x-ndjson\r\n"
MATCH = b'{"query": {"match": {"name": "rain jacket"}}}'


def ask(method: str, target: str, body: bytes = b"", headers: bytes = JSON, *, chunks: int = 0) -> bytes:
    """A request as bytes; INDEX stands for the index."""
    if not body:
        framed = b"\r\n" if method in ("GET", "HEAD", "DELETE", "OPTIONS") else b"Content-Length: 0\r\n\r\n"
        headers = headers if headers != JSON else b""
    elif chunks:
        pieces = [body[at : at + chunks] for at in range(0, len(body), chunks)]
        framed = b"Transfer-Encoding: chunked\r\n\r\n"
        framed += b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    else:
        framed = b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    return b"%b %b HTTP/1.1\r\nHost: localhost\r\n%b%b" % (method.encode(), target.encode(), headers, framed)


BULK = b"".join(
    b'{"index": {"_index": "INDEX", "_id": "b%d"}}\n{"name": "bulk jacket %d", "price": %d}\n' % (n, n, n)
    for n in range(9)
)
LINES = b'{"index": {}}\n{"name": "packed jacket"}\n' * 3
SEARCH = "/INDEX/_search"

CASES = {
    "search": ask("POST", SEARCH, MATCH),
    "search by GET with a body": ask("GET", SEARCH, MATCH),
    "search without a body": ask("GET", SEARCH),
    "uri search": ask("GET", SEARCH + "?q=name:rain+jacket&pretty&size=2&_source=name&filter_path=hits.hits._id"),
    "blank and repeated parameters": ask("GET", SEARCH + "?pretty&pretty&q=rain&human&error_trace"),
    "source parameter": ask(
        "GET",
        SEARCH + "?source=%7B%22query%22%3A%7B%22match_all%22%3A%7B%7D%7D%7D&source_content_type=application/json",
    ),
    "typed keys, total as int": ask(
        "POST",
        SEARCH + "?typed_keys&rest_total_hits_as_int=true",
        b'{"size": 0, "aggs": {"p": {"avg": {"field": "price"}},'
        b' "b": {"histogram": {"field": "price", "interval": 2}}}}',
    ),
    "highlight, explain, version": ask(
        "POST", SEARCH, MATCH[:-1] + b', "highlight": {"fields": {"name": {}}}, "explain": true, "version": true}'
    ),
    "suggest": ask("POST", SEARCH, b'{"suggest": {"s": {"text": "jaket", "term": {"field": "name"}}}}'),
    "encoded comma": ask("GET", "/INDEX%2CINDEX/_count"),
    "comma and wildcard": ask("GET", "/INDEX,IND*-none*/_search?ignore_unavailable=true"),
    "encoded path": ask("GET", "/INDEX/%5Fsearch?q=name%3Arain"),
    "slash at the end": ask("GET", SEARCH + "/?size=1"),
    "two slashes": ask("GET", "//INDEX/_search"),
    "date math name": ask("GET", "/%3CINDEX-%7Bnow%2Fd%7D%3E/_search"),
    "bad percent": ask("GET", "/INDEX/_doc/%zz"),
    "duplicate keys": ask("POST", SEARCH, b'{"size": 1, "size": 2}'),
    "trailing JSON": ask("POST", SEARCH, MATCH + b"{}"),
    "malformed JSON": ask("POST", SEARCH, b'{"query": '),
    "invalid UTF-8": ask("POST", SEARCH, b'{"query": {"match": {"name": "\xff\xfe"}}}'),
    "no content type": ask("POST", SEARCH, MATCH, b""),
    "wrong content type": ask("POST", SEARCH, MATCH, b"Content-Type: text/plain\r\n"),
    "vendor type": ask(
        "POST",
        SEARCH,
        MATCH,
        b"Content-Type: application/vnd.elasticsearch+json; compatible-with=9\r\n"
        b"Accept: application/vnd.elasticsearch+json; compatible-with=9\r\n",
    ),
    "wrong vendor version": ask(
        "POST", SEARCH, MATCH, b"Content-Type: application/vnd.elasticsearch+json; compatible-with=2\r\n"
    ),
    "yaml asked": ask("GET", SEARCH + "?format=yaml&size=1&filter_path=hits"),
    "yaml sent": ask(
        "POST", SEARCH + "?filter_path=hits", b"query:\n  match_all: {}\n", b"Content-Type: application/yaml\r\n"
    ),
    "cbor asked": ask("GET", SEARCH + "?size=1&filter_path=hits", headers=b"Accept: application/cbor\r\n"),
    "smile asked": ask("GET", SEARCH + "?size=1&filter_path=hits", headers=b"Accept: application/smile\r\n"),
    "gzip body": ask("POST", SEARCH, gzip.compress(MATCH, mtime=0), JSON + b"Content-Encoding: gzip\r\n"),
    "gzip that is none": ask("POST", SEARCH, MATCH, JSON + b"Content-Encoding: gzip\r\n"),
    "gzip answer": ask("POST", SEARCH, MATCH, JSON + b"Accept-Encoding: gzip, deflate\r\n"),
    "chunked body": ask("POST", SEARCH, MATCH, chunks=7),
    "expect continue": ask("POST", SEARCH, MATCH, JSON + b"Expect: 100-continue\r\n"),
    "opaque id and trace": ask(
        "GET", "/INDEX/_count", headers=b"X-Opaque-Id: me-1\r\ntraceparent: 00-%b-%b-01\r\n" % (b"1" * 32, b"2" * 16)
    ),
    "head of an index": ask("HEAD", "/INDEX"),
    "head of no index": ask("HEAD", "/INDEX-no"),
    "head of a document": ask("HEAD", "/INDEX/_doc/1"),
    "head of search": ask("HEAD", SEARCH),
    "options": ask("OPTIONS", "/INDEX"),
    "patch": ask("PATCH", "/INDEX/_doc/1", b"{}"),
    "unknown method": ask("FOO", "/INDEX"),
    "options of everything": ask("OPTIONS", "*"),
    "msearch": ask("POST", "/INDEX/_msearch", b"{}\n" + MATCH + b'\n{}\n{"size": 0}\n', NDJSON),
    "msearch without its last newline": ask("POST", "/INDEX/_msearch", b"{}\n" + MATCH, NDJSON),
    "msearch as json": ask("POST", "/_msearch?typed_keys", b'{"index": "INDEX"}\n' + MATCH + b"\n"),
    "mget": ask("GET", "/INDEX/_mget", b'{"ids": ["1", "2", "none"]}'),
    "count": ask("POST", "/INDEX/_count", MATCH),
    "explain": ask("GET", "/INDEX/_explain/1", MATCH),
    "field caps": ask("GET", "/INDEX/_field_caps?fields=*"),
    "analyze": ask("POST", "/INDEX/_analyze", b'{"text": "Rain jackets"}'),
    "validate": ask("GET", "/INDEX/_validate/query?explain", MATCH),
    "mapping": ask("GET", "/INDEX/_mapping"),
    "missing index": ask("GET", "/INDEX-no/_search"),
    "missing id": ask("GET", "/INDEX/_doc/none?pretty=true"),
    "unknown address": ask("GET", "/_nothing/here"),
    "unknown parameter": ask("GET", SEARCH + "?nonsense=1"),
    "window too large": ask("POST", SEARCH, b'{"from": 9999, "size": 10000}'),
    "cat": ask("GET", "/_cat/count/INDEX?h=count"),
    "cat as json": ask("GET", "/_cat/indices/INDEX?format=json&h=index,docs.count,health"),
    "cat help": ask("GET", "/_cat/indices?help"),
    "bad scroll id": ask("POST", "/_search/scroll", b'{"scroll": "1m", "scroll_id": "bm9uZQ=="}'),
    "root": ask("GET", "/"),
    "root with credentials": ask(
        "GET", "/_cluster/health?filter_path=status", headers=b"Authorization: Basic YTpi\r\n"
    ),
    "close": ask("GET", "/INDEX/_count", headers=b"Connection: close\r\n"),
    "long head": ask("GET", "/INDEX/_count", headers=b"X-Long: " + b"x" * 20_000 + b"\r\n"),
    "long line": ask("GET", SEARCH + "?q=" + "x" * 5000),
    "many bytes": ask("POST", SEARCH, b'{"query": {"match": {"name": "' + b"rain " * 200_000 + b'"}}}'),
    "null query": ask("POST", SEARCH, b"null"),
    "search template": ask(
        "POST",
        "/INDEX/_search/template",
        b'{"source": {"query": {"match": {"name": "{{q}}"}}}, "params": {"q": "rain"}}',
    ),
    "rank eval": ask(
        "POST",
        "/INDEX/_rank_eval",
        b'{"requests": [{"id": "q", "request": %b, "ratings": [{"_index": "INDEX", "_id": "1", "rating": 1}]}],'
        b' "metric": {"precision": {"k": 2}}}' % MATCH,
    ),
    # writes last, and what reads them: scores stay comparable
    "escaped slash in an id": ask(
        "PUT", "/INDEX/_doc/a%2Fb%20c?refresh=true", b'{"name": "slash", "n": 1.0, "e": 1e5}'
    ),
    "unicode id": ask("PUT", "/INDEX/_doc/%E6%97%A5", '{"name": "日本"}'.encode()),
    "index a document": ask("POST", "/INDEX/_doc?refresh=true", b'{"name": "new"}'),
    "create twice": ask("PUT", "/INDEX/_create/1", b"{}"),
    "update": ask("POST", "/INDEX/_update/2?refresh", b'{"doc": {"price": 12345678901234567}}'),
    "delete": ask("DELETE", "/INDEX/_doc/3?refresh=true"),
    "delete again": ask("DELETE", "/INDEX/_doc/3"),
    "bulk": ask("POST", "/_bulk?refresh=true", BULK, NDJSON),
    "bulk chunked": ask("POST", "/INDEX/_bulk?refresh=true", BULK, NDJSON, chunks=100),
    "bulk without its last newline": ask("POST", "/_bulk", BULK[:-1], NDJSON),
    "bulk gzip": ask(
        "POST", "/INDEX/_bulk?refresh", gzip.compress(LINES, mtime=0), NDJSON + b"Content-Encoding: gzip\r\n"
    ),
    "plus in a name": ask("GET", "/INDEX/_doc/a+b"),
    "get by escaped id": ask("GET", "/INDEX/_doc/a%2Fb%20c"),
    "raw utf-8 target": ask("GET", "/INDEX/_doc/日"),
}


@dataclass
class Reply:
    status: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes
    interim: list[bytes]


class Way:
    """One way to the engine. A connection a request: after some errors the engine closes without having said so."""

    def __init__(self, url: str, index: str) -> None:
        self._address = (urlsplit(url).hostname, urlsplit(url).port)
        self._index = index.encode()
        self._socket = socket.socket()

    def send(self, raw: bytes) -> Reply | None:
        """None where the connection ended without an answer."""
        raw = raw.replace(b"INDEX", self._index)  # as long as the word, so lengths and chunks stay right
        with socket.create_connection(self._address, timeout=30) as self._socket:
            try:
                self._socket.sendall(raw)
                return self._reply(bodiless=raw.startswith(b"HEAD"))
            except ConnectionError:
                return None

    def _reply(self, bodiless: bool) -> Reply:
        interim = []
        head, buffer = self._head(b"")
        while head.split()[1][:1] == b"1":
            interim.append(head)
            head, buffer = self._head(buffer)
        status, *lines = head[:-4].split(b"\r\n")
        headers = [(name, value.strip()) for name, _, value in (line.partition(b":") for line in lines)]
        lower = {name.lower(): value for name, value in headers}
        body = b"" if bodiless else self._body(lower, buffer)
        kept = [
            (name, value.replace(self._index, b"INDEX")) for name, value in headers if name.lower() not in HOP_BY_HOP
        ]
        return Reply(status.partition(b" ")[2], kept, body, interim)

    def _head(self, buffer: bytes) -> tuple[bytes, bytes]:
        while b"\r\n\r\n" not in buffer:
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionResetError("closed before an answer")
            buffer += data
        head, _, rest = buffer.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n", rest

    def _body(self, lower: dict[bytes, bytes], buffer: bytes) -> bytes:
        if b"transfer-encoding" in lower:
            framing, body, rest = Chunks(), b"", None
            while rest is None:
                piece, rest = framing.feed(buffer)
                body += piece
                buffer = b"" if rest is not None else self._socket.recv(65536)
            return body
        size = int(lower.get(b"content-length", b"0"))
        while len(buffer) < size:
            buffer += self._socket.recv(65536)
        assert len(buffer) == size
        return buffer


VOLATILE = re.compile(rb'"(took|uuid|index_uuid|creation_date|timestamp|_id)" ?: ?("[^"]{19,40}"|\d+)')


Comparable = tuple[bytes, list[tuple[bytes, bytes]], bytes, list[bytes]]


def comparable(reply: Reply, index: str) -> Comparable:
    """The reply without what no two answers share: the time it took and identifiers that were made for it."""
    headers = list(reply.headers)
    body = reply.body
    if (b"content-encoding", b"gzip") in [(name.lower(), value) for name, value in headers]:
        body = gzip.decompress(body)
    plain = VOLATILE.sub(rb'"\1":0', body.replace(index.encode(), b"INDEX"))
    if plain != body:
        headers = [(name, value) for name, value in headers if name.lower() not in (b"content-length", b"location")]
    return reply.status, headers, plain, reply.interim


@pytest.fixture(scope="module", params=["opensearch_url", "elasticsearch_url"])
def engine(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def ways(engine: str) -> Iterator[tuple[Way, Way, Way]]:
    """Straight; through the proxy; through the proxy with all indices under a policy. Same documents in each."""
    with running_proxy(engine) as plain, running_proxy(engine, matches=lambda names: True) as policy:
        made = (Way(engine, "difs0"), Way(plain, "difp0"), Way(policy, "dify0"))
        for way in made:
            way.send(ask("DELETE", "/INDEX?ignore_unavailable=true"))
            way.send(
                ask(
                    "PUT",
                    "/INDEX",
                    b'{"settings": {"number_of_shards": 1, "number_of_replicas": 0}, "mappings": {"properties": '
                    b'{"name": {"type": "text"}, "price": {"type": "long"}}}}',
                )
            )
            lines = [
                b'{"index": {"_id": "%d"}}\n{"name": "%b jacket %d", "price": %d}\n'
                % (n, b"rain" if n % 3 else b"wool", n, n)
                for n in range(1, 8)
            ]
            reply = way.send(ask("POST", "/INDEX/_bulk?refresh=true", b"".join(lines), NDJSON))
            assert json.loads(reply.body)["errors"] is False
        yield made
        for way in made:
            way.send(ask("DELETE", "/INDEX"))


@pytest.mark.parametrize("case", CASES)
def test_nothing_differs(ways: tuple[Way, Way, Way], case: str):
    straight, plain, policy = (way.send(CASES[case]) for way in ways)
    assert plain is not None
    assert policy is not None
    if straight is None:  # where the engine just hangs up we say that it did
        assert plain.status == policy.status == b"502 Bad Gateway"
        return
    want = comparable(straight, "difs0")
    assert comparable(plain, "difp0") == want
    said, policy.headers = split(policy.headers, b"secondpass-rerank")
    got = comparable(policy, "dify0")
    if said:  # a search that was read: its answer is sent plain and whole
        want = (want[0], split(want[1], b"content-length", b"content-encoding")[1], *want[2:])
        got = (got[0], split(got[1], b"content-length")[1], *got[2:])
    assert got == want
    assert bool(said) == (CASES[case].split()[0] in (b"GET", b"POST") and is_search(CASES[case].split()[1]))


def is_search(target: bytes) -> bool:
    return target.partition(b"?")[0].rstrip(b"/").endswith((b"/_search", b"/%5Fsearch")) and target[:2] != b"//"


def split(fields: list[tuple[bytes, bytes]], *names: bytes) -> tuple[list, list]:
    """The fields of these names, and the others."""
    return [f for f in fields if f[0].lower() in names], [f for f in fields if f[0].lower() not in names]
