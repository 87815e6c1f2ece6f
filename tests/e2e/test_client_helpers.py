"""The official clients' own helpers, straight and through the proxy: same results, same errors, nothing lost.

Through a proxy that reads nothing, and through one that reranks the very indices the helpers work on: none of them
sends a search whose order is ours to change.
"""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from connector.settings import parse
from tests.connector.proxy.running import running_proxy
from tests.connector.stage import stub_worker
from tests.e2e.clients import LIBRARIES, MATCH, ONE_SHARD, PROPERTIES, Library, comparable, document
from tests.faithful.conftest import ready, serving

DOCUMENTS = 120
MODEL = "helpers"


@dataclass(frozen=True, slots=True)
class Case:
    """A library, the engine it is for, and a proxy before that; `packed`: bodies go compressed, both ways."""

    library: Library
    straight: str
    through: str
    packed: bool


@pytest.fixture(scope="module", params=LIBRARIES)
def engine(request: pytest.FixtureRequest) -> tuple[Library, str]:
    return LIBRARIES[request.param], request.getfixturevalue(f"{request.param}_url")


@pytest.fixture(scope="module", params=["passed_through", "reranked"])
def case(
    request: pytest.FixtureRequest, engine: tuple[Library, str], valkey_url: str, broker_url: str
) -> Iterator[Case]:
    library, straight = engine
    if request.param == "passed_through":
        with running_proxy(straight) as url:
            yield Case(library, straight, url, packed=False)
        return
    policy = {"name": "all", "indices": ["test-*"], "fields": ["name"], "model": MODEL, "budget_ms": 20_000}
    servers = {"engine": {"url": [straight]}, "redis": {"url": valkey_url}, "broker": {"url": broker_url}}
    settings = {**servers, "proxy": {"port": 0}, "model": [{"name": MODEL, "source": "stub"}], "policy": [policy]}
    with stub_worker(broker_url, broker_url, MODEL), serving(parse(settings)) as url:
        ready(lambda: httpx.get(f"{url}/_secondpass/ready?rerank=true", timeout=60).status_code == 200)
        yield Case(library, straight, url, packed=True)


def attempt(deed: Callable[[], Any], library: Library) -> Any:
    """What comes of it, an error of the library's too."""
    try:
        return deed()
    except (library.error, library.helpers.BulkIndexError) as error:
        return error


async def attempt_later(deed: Awaitable[Any], library: Library) -> Any:
    try:
        return await deed
    except (library.error, library.helpers.BulkIndexError) as error:
        return error


def lines(index: str) -> Iterator[dict[str, Any]]:
    """Documents with and without `_source` around them, as `expand_action` takes them."""
    for number in range(DOCUMENTS):
        meta = {"_index": index, "_id": str(number)}
        yield meta | ({"_source": document(number)} if number % 2 else document(number))


def mixed(index: str) -> Iterator[dict[str, Any]]:
    """Every kind of action, and one of each kind that is refused."""
    yield {"_op_type": "create", "_index": index, "_id": "new", "_source": document(1)}
    yield {"_op_type": "create", "_index": index, "_id": "0", "_source": document(1)}
    yield {"_op_type": "update", "_index": index, "_id": "1", "doc": {"price": -1}}
    yield {"_op_type": "update", "_index": index, "_id": "none", "doc": {"price": -1}}
    yield {"_op_type": "update", "_index": index, "_id": "made", "doc": {"price": 5}, "doc_as_upsert": True}
    yield {"_op_type": "delete", "_index": index, "_id": "2"}
    yield {"_op_type": "delete", "_index": index, "_id": "none"}
    yield {"_index": index, "_id": "wrong", "price": "many"}
    yield {"_index": index, "_id": "routed", "routing": "r", **document(7)}


def bulk(library: Library, client: Any, index: str) -> list[Any]:
    helpers = library.helpers
    stored = [helpers.bulk(client, lines(index), chunk_size=50, refresh=True)]
    stored.append(helpers.bulk(client, mixed(index), stats_only=True, raise_on_error=False, refresh=True))
    stored.append(helpers.bulk(client, mixed(index), raise_on_error=False, refresh=True))
    stored.append(attempt(lambda: helpers.bulk(client, mixed(index)), library))
    stored.append(attempt(lambda: helpers.bulk(client, mixed(index), ignore_status=(400, 404, 409)), library))
    return [*stored, exported(library, client, index)]


def streaming_bulk(library: Library, client: Any, index: str) -> list[Any]:
    helpers = library.helpers
    small = list(helpers.streaming_bulk(client, lines(index), max_chunk_bytes=2000, chunk_size=1000))
    told = list(helpers.streaming_bulk(client, mixed(index), raise_on_error=False, yield_ok=False, refresh=True))
    texts = (json.dumps(document(number)) for number in range(4))
    typed = list(helpers.streaming_bulk(client, texts, index=index, refresh=True))
    assert all(done for done, _ in [*small, *typed])
    return [small, told, len(typed), client.count(index=index)]


def parallel_bulk(library: Library, client: Any, index: str) -> list[Any]:
    done = list(library.helpers.parallel_bulk(client, lines(index), thread_count=3, chunk_size=20, refresh=True))
    told = library.helpers.parallel_bulk(client, mixed(index), raise_on_error=False, refresh=True)
    return [sorted(item["index"]["_id"] for ok, item in done if ok), list(told), exported(library, client, index)]


def scan(library: Library, client: Any, index: str) -> list[Any]:
    helpers = library.helpers
    helpers.bulk(client, lines(index), refresh=True)
    by_price = {"query": MATCH, "sort": [{"price": "desc"}], "_source": ["price"]}
    ranked = list(helpers.scan(client, index=index, query={"query": MATCH}, preserve_order=True, size=50))
    ordered = list(helpers.scan(client, index=index, query=by_price, preserve_order=True, size=7))
    plain = {hit["_id"] for hit in helpers.scan(client, index=index, size=33, clear_scroll=False)}
    assert len(ranked) == len(ordered) == len(plain) == DOCUMENTS
    return [ranked, ordered, attempt(lambda: list(helpers.scan(client, index=index + "-none")), library)]


def reindex(library: Library, client: Any, index: str) -> list[Any]:
    """On Elasticsearch it asks for data streams first, whose module the embedded one lacks: the error is the answer."""
    library.helpers.bulk(client, lines(index), refresh=True)
    asked = client, index, f"{index}-r", {"query": {"term": {"kind": "wool"}}}
    done = attempt(lambda: library.helpers.reindex(*asked, chunk_size=30, bulk_kwargs={"refresh": True}), library)
    return [done, attempt(lambda: exported(library, client, f"{index}-r"), library)]


def small_talk(library: Library, client: Any, index: str) -> list[Any]:
    """`ping`, `info`, refusals that are taken as answers, and languages that an engine may not have."""
    patient, options = library.ignoring(client)
    asks = [
        client.ping,
        client.info,
        lambda: patient.get(index=index, id="none", **options),
        lambda: patient.indices.delete(index=index + "-none", **options),
        lambda: client.get(index=index, id="none"),
        lambda: client.create(index=index, id="one", body=document(1), refresh=True),
        lambda: client.create(index=index, id="one", body=document(1)),
        lambda: client.indices.exists(index=index + "-none"),
        lambda: perform(client, "/_query", {"query": f"FROM {index} | LIMIT 1"}),
        lambda: perform(client, "/_sql", {"query": f"SELECT * FROM {index}"}),
        lambda: perform(client, "/_plugins/_sql", {"query": f"SELECT * FROM {index}"}),
    ]
    return [attempt(one, library) for one in asks]


def perform(client: Any, path: str, body: Any) -> Any:
    kind = {"content-type": "application/json", "accept": "application/json"}
    by = client if hasattr(client, "perform_request") else client.transport
    return by.perform_request("POST", path, headers=kind, body=body)


def dsl(library: Library, client: Any, index: str) -> list[Any]:
    """The libraries' own query language, which speaks to the same addresses."""
    library.helpers.bulk(client, lines(index), refresh=True)
    search = library.search(using=client, index=index).query("match", name="wool")
    search.aggs.bucket("kinds", "terms", field="kind")
    page = search.sort("-price").params(preference="_local", typed_keys=True)[3:9].execute()
    return [page.to_dict(), search.count(), sorted(hit.price for hit in search.source(["price"]).scan())]


def exported(library: Library, client: Any, index: str) -> list[tuple[str, Any]]:
    return sorted((hit["_id"], hit["_source"]) for hit in library.helpers.scan(client, index=index, size=50))


DEEDS = (bulk, streaming_bulk, parallel_bulk, scan, reindex, small_talk, dsl)


@contextmanager
def fresh(case: Case, url: str, index: str) -> Iterator[Any]:
    """A client, with an empty index that goes again."""
    with case.library.open(url, http_compress=case.packed) as client:
        client.indices.create(index=index, body={"settings": ONE_SHARD, "mappings": PROPERTIES})
        try:
            yield client
        finally:
            client.indices.delete(index=f"{index},{index}-r", ignore_unavailable=True)


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.__name__)
def test_as_straight(case: Case, deed: Callable[[Library, Any, str], Any], unique_index: str) -> None:
    results = []
    for url, suffix in ((case.straight, "s"), (case.through, "p")):
        with fresh(case, url, unique_index + suffix) as client:
            results.append(comparable(deed(case.library, client, unique_index + suffix)))
    assert results[0] == results[1]


async def later(case: Case, url: str, index: str) -> list[Any]:
    """All helpers for asyncio, with generators of both kinds."""
    library, helpers = case.library, case.library.helpers

    async def slowly() -> AsyncIterator[dict[str, Any]]:
        for line in lines(index):
            yield line
            await asyncio.sleep(0)

    async with library.open_later(url, http_compress=case.packed) as client:
        stored = await helpers.async_bulk(client, slowly(), chunk_size=40, refresh=True)
        told = helpers.async_streaming_bulk(client, mixed(index), raise_on_error=False, refresh=True)
        mixture = [one async for one in told]
        with pytest.raises(helpers.BulkIndexError) as wrong:
            await helpers.async_bulk(client, mixed(index))
        ranked = helpers.async_scan(client, index=index, query={"query": MATCH}, preserve_order=True, size=25)
        walked = [hit async for hit in ranked]
        asked = client, index, f"{index}-r", {"query": {"term": {"kind": "rain"}}}
        copied = attempt_later(helpers.async_reindex(*asked, bulk_kwargs={"refresh": True}), library)
        counts = [attempt_later(client.count(index=f"{index}{end}"), library) for end in ("", "-r")]
        return [stored, mixture, wrong.value, walked, await copied, *await asyncio.gather(*counts)]


async def test_as_straight_with_asyncio(case: Case, unique_index: str) -> None:
    results = []
    for url, suffix in ((case.straight, "s"), (case.through, "p")):
        with fresh(case, url, unique_index + suffix):
            results.append(comparable(await later(case, url, unique_index + suffix)))
    assert results[0] == results[1]


class Busy(BaseHTTPRequestHandler):
    """An engine that refuses the first bulk whole and every other document of the second, then takes all."""

    protocol_version = "HTTP/1.1"
    bulks = 0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).bulks += 1
        refused = {"type": "es_rejected_execution_exception", "reason": "full"}
        if self.bulks == 1:
            self._say(429, {"error": {"root_cause": [refused], **refused}, "status": 429})
            return
        items = []
        for number, line in enumerate(body.splitlines()[::2]):
            name = json.loads(line)["index"]["_id"]
            busy = self.bulks == 2 and number % 2 == 0
            items.append({"index": {"_id": name, **({"status": 429, "error": refused} if busy else {"status": 201})}})
        self._say(200, {"took": 1, "errors": self.bulks == 2, "items": items})

    def do_GET(self) -> None:
        self._say(200, {"version": {"number": "9.5.3"}})

    do_PUT, do_HEAD = do_POST, do_GET

    def _say(self, status: int, told: Any) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Type", self.headers.get("Accept", "*/*").replace("*/*", "application/json"))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.mark.parametrize("library", LIBRARIES.values(), ids=LIBRARIES)
def test_a_busy_engine_is_asked_again(library: Library) -> None:
    results = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Busy) as upstream:
        upstream.daemon_threads = True
        threading.Thread(target=upstream.serve_forever, daemon=True).start()
        straight = f"http://127.0.0.1:{upstream.server_address[1]}"
        with running_proxy(straight) as through:
            for url in (straight, through):
                Busy.bulks = 0
                with library.open(url) as client:
                    again = {"raise_on_error": False, "max_retries": 3, "initial_backoff": 0.01, "chunk_size": 1000}
                    done = list(library.helpers.streaming_bulk(client, lines("any"), **again))
                results.append((Busy.bulks, sorted(item["index"]["_id"] for ok, item in done if ok)))
        upstream.shutdown()
    assert results[0] == results[1]
    assert results[0][0] == 3
    assert len(results[0][1]) == DOCUMENTS
