"""What an answer is known by, and what a running proxy is asked for: no engine and no worker is needed for either."""

import asyncio
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from connector.client import AsyncClient
from connector.contract import Announcement
from connector.embedding import MODEL
from connector.engines.bodies import OpenSearchDialect
from connector.engines.http import HttpEngine
from connector.engines.memory import MemoryEngine
from connector.errors import ConfigError, EngineRefused
from connector.evaluation.judgments import Query
from connector.evaluation.roads import Here, Road, There, index_state
from connector.evaluation.systems import System, parse_system
from connector.types import EngineInfo
from tests.connector.evaluation.cases import SETTINGS, SHOP, system

QUERY = Query("q", "rain jacket", {"a": 1})
STATE = ["mapping", "uuid", 8]
SYSTEMS = {by: system(by) for by in ("bm25", "knn", "fused", "reranked")}


class Living:
    """The workers that a broker knows: the fingerprint of each role."""

    def __init__(self, **fingerprints: str) -> None:
        self.fingerprints = fingerprints

    def live(self, role: str, model: str) -> list[Announcement]:
        assert model == (MODEL if role == "embed" else SHOP.model)
        known = [self.fingerprints[role]] if role in self.fingerprints else []
        return [Announcement("w", role, model, one, "queue", "stub", "fp32", 256) for one in known]

    def longest_query(self, model: str) -> int:
        return 60


def keys(state: Sequence[Any] = STATE, url: str = "", **fingerprints: str) -> dict[str, str]:
    """The key of each kind of answer."""
    services: Any = SimpleNamespace(live=Living(**fingerprints))
    searches: Any = {"reranked": SimpleNamespace(settings=SETTINGS)}
    unasked: Any = None
    reranked = There("shop", url, unasked) if url else Here("shop", services, (), searches)
    road = Road("shop", MemoryEngine(), services, reranked, state)
    return {by: road.key(one, QUERY) for by, one in SYSTEMS.items()}


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    return [by for by in before if before[by] != after[by]]


@pytest.mark.parametrize("url", ["", "http://proxy:9280"])
def test_what_is_asked_anew(url: str) -> None:
    before = keys(url=url, embed="e1", score="s1")
    assert changed(before, keys(url=url, embed="e1", score="s1")) == []
    assert changed(before, keys(url=url, embed="e2", score="s1")) == ["knn", "fused", "reranked"]
    assert changed(before, keys(url=url, embed="e1", score="s2")) == ["reranked"]
    assert changed(before, keys(url=url)) == ["knn", "fused", "reranked"]
    assert changed(before, keys(["mapping", "uuid of another", 8], url, embed="e1", score="s1")) == list(SYSTEMS)


def test_another_proxy_is_asked_anew() -> None:
    assert changed(keys(url="http://a:9280"), keys(url="http://b:9280")) == ["reranked"]


class Canned(HttpEngine):
    """An engine that answers by target; the indices of an alias have these uuids."""

    def __init__(self, **uuids: str) -> None:
        super().__init__(EngineInfo("opensearch", "canned", tested=True), OpenSearchDialect())
        self.uuids = uuids

    async def request(self, method: str, target: str, body: bytes | None = None, *, lines: bool = False) -> Any:
        if not self.uuids:
            raise EngineRefused("no such index", 404)
        return {
            "/shop/_mapping": {name: {"mappings": {}} for name in self.uuids},
            "/shop/_settings/index.uuid": {
                name: {"settings": {"index": {"uuid": uuid}}} for name, uuid in self.uuids.items()
            },
            "/shop/_count": {"count": 8},
        }[target]

    async def close(self) -> None:
        """Nothing to give back."""


def test_an_index_that_is_made_again_is_another() -> None:
    first, again = (asyncio.run(index_state(Canned(shop_1=uuid, shop_2="b"), "shop")) for uuid in "ac")
    assert first == [{"shop_1": {}, "shop_2": {}}, {"shop_1": "a", "shop_2": "b"}, 8]
    assert again != first
    with pytest.raises(ConfigError, match="make it with `secondpass index`"):
        asyncio.run(index_state(Canned(), "shop"))


@pytest.mark.parametrize("budget_ms", [300, 600_000])
def test_a_running_proxy_is_told_the_budget(budget_ms: int) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"total": 0, "took_ms": 1.0, "hits": [], "rerank": {"state": "applied"}})

    async def ask(one: System) -> None:
        async with AsyncClient("http://proxy:9280", transport=httpx.MockTransport(answer)) as client:
            await There("shop", "http://proxy:9280", client).search(one, QUERY)

    asyncio.run(ask(parse_system("reranked", SHOP, SETTINGS, budget_ms)))
    assert seen[0].headers["secondpass"] == f"budget={budget_ms}, window=100"
