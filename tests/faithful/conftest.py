"""A shop before both real engines, asked straight and through the proxy; scores are the stub worker's."""

import asyncio
import json
import queue
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from connector.proxy.compose import run
from connector.settings import Settings, parse
from tests.connector.stage import stub_worker

MODEL = "faithful"
WORDS = [
    "rain",
    "jacket",
    "tent",
    "lamp",
    "warm",
    "light",
    "dry",
    "red",
    "blue",
    "hood",
    "steel",
    "small",
    "kids",
    "wool",
    "trail",
]
KEYWORD, TEXT = {"type": "keyword"}, {"type": "text", "store": True}
PROPERTIES: dict[str, Any] = {
    "name": TEXT,
    "text": {"type": "text"},
    "brand": KEYWORD,
    "colour": KEYWORD,
    "price": {"type": "double"},
    "stock": {"type": "integer"},
    "made": {"type": "date"},
    "variants": {"type": "nested", "properties": {"name": {"type": "text"}, "size": KEYWORD}},
}
POLICIES = [
    {"name": "shop", "indices": ["goods", "goods-*", "shelf", "logs-goods"], "fields": ["name", "text"]},
    {"name": "other", "indices": ["elsewhere"], "fields": ["name"]},
    {"name": "kept", "indices": ["keepers"], "fields": ["name"], "scores": "engine"},
    {
        "name": "kin",
        "indices": ["kindred"],
        "fields": ["name"],
        "agreement": 1.0,
        "agreement_field": "brand",
        "exclusion": 50.0,
    },
]
COUNT = 60


def document(number: int) -> dict[str, Any]:
    pick = random.Random(number)
    return {
        "name": " ".join(pick.sample(WORDS, 3)),
        "text": " ".join(pick.choices(WORDS, k=8)),
        "brand": pick.choice(["nord", "sued", "ost"]),
        "colour": pick.sample(["red", "blue", "green"], pick.randint(1, 2)),
        "price": round(pick.uniform(1, 200), 2),
        "stock": pick.randint(0, 9),
        "made": f"202{pick.randint(0, 5)}-0{pick.randint(1, 9)}-01",
        "variants": [{"name": pick.choice(WORDS), "size": size} for size in ("S", "L")],
        "@timestamp": "2026-01-01T00:00:00Z",
    }


@dataclass(frozen=True, slots=True)
class Pair:
    """The engine and the proxy before it."""

    dialect: str
    straight: httpx.Client
    ours: httpx.Client

    def both(self, method: str, path: str, **options: Any) -> tuple[httpx.Response, httpx.Response]:
        """The proxy's answer and the engine's."""
        return self.ours.request(method, path, **options), self.straight.request(method, path, **options)

    def search(self, body: Any, path: str = "/goods/_search") -> tuple[httpx.Response, httpx.Response]:
        return self.both("POST", path, json=body)


@pytest.fixture(scope="session", params=["opensearch", "elasticsearch"])
def pair(request: pytest.FixtureRequest, valkey_url: str, broker_url: str) -> Iterator[Pair]:
    engine_url = request.getfixturevalue(f"{request.param}_url")
    settings = parse(
        {
            "engine": {"url": [engine_url]},
            "redis": {"url": valkey_url, "cache_key": "of the tests", "page_ttl_s": 5},
            "broker": {"url": broker_url},
            "proxy": {"port": 0},
            "model": [{"name": MODEL, "source": "stub"}],
            "policy": [{"model": MODEL, "window": 50, "budget_ms": 20_000, **policy} for policy in POLICIES],
        }
    )
    with (
        httpx.Client(base_url=engine_url, timeout=180) as straight,
        stub_worker(broker_url, broker_url, MODEL),
        serving(settings) as address,
        httpx.Client(base_url=address, timeout=180) as ours,
    ):
        load(straight)
        if request.param == "opensearch":
            load_stream(straight)
        ready(lambda: ours.get("/_secondpass/ready?rerank=true").status_code == 200)
        yield Pair(request.param, straight, ours)
        clean(straight)


def load(client: httpx.Client) -> None:
    clean(client)
    settings = {"number_of_shards": 1, "number_of_replicas": 0}
    mappings = {"properties": PROPERTIES}
    for index in ("goods", "goods-two", "elsewhere", "keepers", "kindred", "unruled"):
        aliases = {"shelf": {}} if index.startswith("goods") else {}
        made = {"settings": settings, "mappings": mappings, "aliases": aliases}
        client.put(f"/{index}", json=made).raise_for_status()
        lines = [line for number in range(COUNT) for line in ({"index": {"_id": f"d{number}"}}, document(number))]
        bulk(client, index, lines)


def load_stream(client: httpx.Client) -> None:
    """A data stream, which only OpenSearch has here: the embedded Elasticsearch comes without that module."""
    template = {
        "index_patterns": ["logs-goods*"],
        "data_stream": {},
        "priority": 700,
        "template": {"mappings": {"properties": PROPERTIES}},
    }
    client.put("/_index_template/faithful", json=template).raise_for_status()
    bulk(client, "logs-goods", [line for n in range(20) for line in ({"create": {"_id": f"l{n}"}}, document(n))])


def bulk(client: httpx.Client, index: str, lines: list[Any]) -> None:
    content = "".join(json.dumps(line) + "\n" for line in lines)
    headers = {"Content-Type": "application/x-ndjson"}
    answer = client.post(f"/{index}/_bulk?refresh=true", content=content, headers=headers)
    assert answer.json()["errors"] is False, answer.text


def clean(client: httpx.Client) -> None:
    client.delete("/_data_stream/logs-goods")
    client.delete("/_index_template/faithful")
    client.delete("/goods,goods-two,elsewhere,keepers,kindred,unruled?ignore_unavailable=true")


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """The whole proxy on a thread of its own."""
    ports: queue.Queue[int | BaseException] = queue.Queue()
    stops: list[Callable[[], None]] = []

    async def main() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        stops.append(lambda: loop.call_soon_threadsafe(task.cancel))
        await run(settings, listening=ports.put)

    def thread() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:
            ports.put(error)

    worker = threading.Thread(target=thread, daemon=True)
    worker.start()
    port = ports.get(timeout=30)
    assert isinstance(port, int), port
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        stops[0]()
        worker.join(20)


def ready(done: Callable[[], bool], limit_s: float = 60) -> None:
    pause = threading.Event()
    for _ in range(int(limit_s / 0.1)):
        if done():
            return
        pause.wait(0.1)
    raise AssertionError(f"not within {limit_s} s")
