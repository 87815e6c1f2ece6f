"""The way of a search under a fused policy, before an engine of a few documents that a test may let fail: pages, hits
that must be fetched again, and what is asked for. A worker with made-up scores and a real cache server stand behind.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from connector import search
from connector.dialects.request import SearchRequest
from connector.embedding import EmbedClient
from connector.engines.bodies import OpenSearchDialect
from connector.keys import DIGEST_BYTES
from connector.page import decode, encode
from connector.search import SecondPass
from connector.searches import Searches
from connector.settings import Settings
from connector.types import Answer, Call, Knn, PassThrough, Reason, Reply
from tests.connector.stage import make_settings, opened, stub_worker, until

MODEL = "model-search"
WINDOW = 10


class Embedder:
    """Gives a vector once it may."""

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.free.set()
        self.made = 0

    async def query_vector(self, text: str, wait_s: float) -> list[float]:
        await self.free.wait()
        self.made += 1
        return [1.0]


@dataclass
class Engine:
    """Documents in lexical order; the vector leg finds `near`. `refuses` says which requests fail, by a key in them."""

    documents: list[dict[str, Any]]
    near: list[dict[str, Any]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    refuses: dict[str, int] = field(default_factory=dict)
    besides: dict[str, Any] = field(default_factory=dict)  # members of its answers that are otherwise

    async def fetch(self, call: Call) -> Reply:
        asked = json.loads(call.body)
        self.asked.append(asked)
        text = call.body.decode()
        for sign, status in self.refuses.items():
            if sign in text:
                return Reply(status, b"No", [], b'{"error":{"type":"x"},"status":%d}' % status)
        found = self.near if '"knn"' in text else self.documents
        if '"ids"' in text:
            named = asked["query"]["bool"]["filter"][0]["bool"]["should"]
            wanted = {
                (one["bool"]["filter"][0]["term"]["_index"], name)
                for one in named
                for name in one["bool"]["filter"][1]["ids"]["values"]
            }
            found = [one for one in [*self.documents, *self.near] if (one["_index"], one["_id"]) in wanted]
        first, size = asked.get("from", 0), asked.get("size", 10)
        hits = [{**one, "_score": 50.0 - place} for place, one in enumerate(found)][first : first + size]
        for hit in hits:
            if "fields" in asked:
                hit["fields"] = {"name": [f"text of {hit['_id']}"]}
        inner = {"total": {"value": len(found), "relation": "eq"}, "max_score": 50.0, "hits": hits}
        shards = {"total": 1, "successful": 1, "skipped": 0, "failed": 0}
        body = {"took": 1, "timed_out": False, "_shards": shards, "hits": inner} | self.besides
        return Reply(200, b"OK", [(b"content-type", b"application/json")], json.dumps(body).encode())


def document(name: str, index: str = "shop", **members: str) -> dict[str, Any]:
    return {"_index": index, "_id": name, "_score": None, **members}


@dataclass
class Stage:
    engine: Engine
    embedder: Embedder
    searches: Searches
    words: str

    async def send(self, caller: str = "a", **body: Any) -> Answer | PassThrough:
        headers = [(b"Content-Type", b"application/json"), (b"Authorization", caller.encode())]
        data = json.dumps({"query": {"match": {"name": self.words}}, **body}).encode()
        return await self.searches.search(Call("POST", b"/shop/_search", headers, data), ("shop",))

    async def ask(self, caller: str = "a", **body: Any) -> Answer:
        answer = await self.send(caller, **body)
        assert isinstance(answer, Answer)
        return answer

    async def names(self, **body: Any) -> list[str]:
        return [hit["_id"] for hit in hits(await self.ask(**body))]


def hits(answer: Answer) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(answer.reply.body)["hits"]["hits"]
    return found


@pytest.fixture(scope="module")
def settings(broker_url: str, valkey_url: str) -> Iterator[Settings]:
    fused = {"candidates": "fused", "vector_field": "v", "window": WINDOW}
    with stub_worker(broker_url, broker_url, MODEL):
        yield make_settings(broker_url, valkey_url, MODEL, **fused)


@pytest.fixture
async def stage(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setattr(search, "KEPT_WAIT_S", 5.0)  # for a busy machine
    async with opened(settings, "score") as services:
        engine, embedder = Engine([document(str(number)) for number in range(40)]), Embedder()
        second = SecondPass(
            engine.fetch,
            OpenSearchDialect,
            services.rerank,
            cast(EmbedClient, embedder),
            services.orders,
            services.keys,
            60,
        )
        yield Stage(engine, embedder, Searches(settings, second), f"tent {time.time()}")
        await services.rerank.close()


async def test_where_an_order_is_kept_no_text_is_asked_for(stage: Stage) -> None:
    first, again = await stage.names(), await stage.names()
    assert first == again
    lexical = [asked for asked in stage.engine.asked if "knn" not in json.dumps(asked)]
    assert [asked.get("fields") for asked in lexical] == [["name"], None]
    detailed = hits(await stage.ask(ext={"secondpass": {"details": True}}))
    assert [hit["_id"] for hit in detailed] == first
    assert "fields" in stage.engine.asked[-1]


async def test_a_list_of_one_is_kept_for_nobody(stage: Stage) -> None:
    documents, stage.engine.documents = stage.engine.documents, []
    assert await stage.names() == []
    stage.engine.documents = documents
    answer = await stage.ask()
    assert answer.outcome is not None
    assert answer.outcome.state.value == "applied"


async def test_what_is_kept_but_is_no_order_is_computed_anew(stage: Stage) -> None:
    (name,) = [name for name in [await _kept_name(stage)] if name]
    await stage.searches.second.orders.store.ask(("SET", name, b"garbage"))
    assert decode(b"garbage") is None
    answer = await stage.ask()
    assert answer.outcome is not None
    assert answer.outcome.state.value == "applied"


async def test_a_default_pipeline_counts_for_what_is_fused_all_the_same(stage: Stage) -> None:
    class Always:
        async def apply_to(self, request: SearchRequest, names: tuple[str, ...]) -> bool:
            return True

    body = json.dumps({"query": {"match": {"name": stage.words}}}).encode()
    headers = [(b"Content-Type", b"application/json")]
    asked = stage.searches.ask(Call("POST", b"/shop/_search", headers, body), ("shop",))
    assert asked.planned is not None
    assert asked.planned.plan.knn is Knn.FUSED
    skipped = replace(asked.planned, plan=replace(asked.planned.plan, skip=Reason.LANGUAGE))
    searches = replace(stage.searches, pipelines=cast(Any, Always()))
    heeded = await searches._heed_pipelines(replace(asked, planned=skipped))
    assert heeded.planned is not None
    assert (heeded.planned.plan.skip, heeded.planned.plan.knn) == (Reason.PIPELINE, None)


@pytest.mark.parametrize("cut", [{"timed_out": True}, {"_shards": {"total": 2, "successful": 1, "failed": 1}}])
async def test_an_answer_that_was_cut_short_decides_for_nobody(stage: Stage, cut: dict[str, Any]) -> None:
    documents, stage.engine.documents = stage.engine.documents, stage.engine.documents[:3]
    stage.engine.besides = cut
    answer = await stage.ask()
    assert answer.outcome is not None
    assert (answer.outcome.state.value, answer.outcome.pages_unstable) == ("applied", True)
    stage.engine.documents, stage.engine.besides = documents, {}
    whole = await stage.ask()
    assert whole.outcome is not None
    assert (whole.outcome.window, whole.outcome.pages_unstable) == (WINDOW, False)


async def test_an_order_that_somebody_else_wrote_is_not_believed(stage: Stage) -> None:
    first = await stage.names()
    name = await _kept_name(stage)
    store = stage.searches.second.orders.store
    (value,) = await store.ask(("GET", name))
    assert isinstance(value, bytes)
    order = decode(value[DIGEST_BYTES:])
    assert order is not None
    for forged in (encode(order), bytes(DIGEST_BYTES) + encode(order), value[:DIGEST_BYTES] + encode(order)[:-1]):
        await store.ask(("SET", name, forged))
        answer = await stage.ask()
        assert answer.outcome is not None
        assert (answer.outcome.state.value, [hit["_id"] for hit in hits(answer)]) == ("applied", first)
        assert answer.outcome.pages_unstable  # what stands there cannot be kept for its pages
    await store.ask(("SET", name, value))
    assert await stage.names() == first


async def _kept_name(stage: Stage) -> bytes:
    loaded: list[bytes] = []
    orders = stage.searches.second.orders
    load = orders.load

    async def noted(key: bytes, wait_s: float) -> bytes | None:
        loaded.append(key)
        return await load(key, wait_s)

    orders.load = noted  # type: ignore[method-assign]
    await stage.ask()
    orders.load = load  # type: ignore[method-assign]
    return loaded[0]


async def test_pages_behind_the_window_repeat_nothing_that_the_vector_leg_found_further_down(stage: Stage) -> None:
    stage.engine.near = [stage.engine.documents[place] for place in (31, 22, 25, 38)]
    pages = [await stage.names(**{"from": first, "size": 10}) for first in range(0, 50, 10)]
    shown = [name for page in pages for name in page]
    assert len(shown) == len(set(shown)) == 40


async def test_hits_of_a_kept_order_are_fetched_from_their_own_index(stage: Stage) -> None:
    stage.engine.near = [document(name, index) for name in "abc" for index in ("shop-1", "shop-2", "shop-3")]
    first = await stage.ask(size=WINDOW)
    again = await stage.ask(size=WINDOW)
    assert [(hit["_index"], hit["_id"]) for hit in hits(again)] == [(hit["_index"], hit["_id"]) for hit in hits(first)]


async def test_equal_ids_behind_another_routing_are_two_documents(stage: Stage) -> None:
    stage.engine.documents = [document("1", _routing=shard) for shard in "abc"] + [document("2")]
    shown = hits(await stage.ask())
    assert sorted((hit["_id"], hit.get("_routing", "")) for hit in shown) == [
        ("1", "a"),
        ("1", "b"),
        ("1", "c"),
        ("2", ""),
    ]


@pytest.mark.parametrize("status", [429, 503])
async def test_what_cannot_be_fetched_leaves_the_lexical_order_and_is_said(stage: Stage, status: int) -> None:
    stage.engine.near = [document("far away")]
    await stage.ask(size=WINDOW)
    stage.engine.refuses = {'"ids"': status}
    answer = await stage.ask(size=WINDOW)
    assert answer.reply.status == 200
    assert answer.outcome is not None
    assert (answer.outcome.state.value, answer.outcome.reason) == ("failed", "error")
    assert answer.outcome.pages_unstable
    assert [hit["_id"] for hit in hits(answer)] == [str(number) for number in range(WINDOW)]


async def test_a_refused_vector_leg_is_called_off(stage: Stage) -> None:
    stage.engine.refuses = {'"knn"': 400}
    answer = await stage.ask()
    assert answer.outcome is not None
    assert answer.outcome.knn == "off"


async def test_a_vector_leg_that_is_late_asks_the_engine_nothing_more(stage: Stage) -> None:
    stage.embedder.free.clear()
    answer = await stage.ask()
    assert answer.outcome is not None
    assert answer.outcome.knn == "late"
    stage.embedder.free.set()
    await until(lambda: stage.embedder.made, 10)  # for the next search of the same words
    await asyncio.sleep(0.05)
    assert "knn" not in json.dumps(stage.engine.asked)


async def test_behind_the_window_no_text_is_asked_for(stage: Stage) -> None:
    await stage.ask(**{"from": 20, "size": 5})
    lexical = [asked for asked in stage.engine.asked if "knn" not in json.dumps(asked)]
    assert [asked.get("fields") for asked in lexical] == [["name"], None]


async def test_a_caller_who_leaves_takes_no_vector_from_those_who_stay(stage: Stage) -> None:
    stage.engine.near = [document("near")]
    stage.embedder.free.clear()
    second = stage.searches.second
    leaving = asyncio.create_task(stage.send())
    await until(lambda: second.computing, 10)
    staying = asyncio.create_task(stage.send())
    await asyncio.sleep(0.01)
    leaving.cancel()
    stage.embedder.free.set()
    answer = await staying
    assert isinstance(answer, Answer)
    assert answer.outcome is not None
    assert answer.outcome.knn == "fused"


async def test_the_order_is_kept_in_the_time_that_is_left(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def keep(key: bytes, value: bytes, ttl_s: int, wait_s: float) -> None:
        waits.append(wait_s)

    monkeypatch.setattr(stage.searches.second.orders, "keep", keep)
    monkeypatch.setattr(search, "KEPT_WAIT_S", 0.02)
    answer = await stage.ask()
    assert answer.outcome is not None
    assert answer.outcome.pages_unstable
    assert 0 < waits[0] < 1.0  # the policy's budget


@pytest.mark.parametrize(
    ("body", "reason"), [({"sort": ["price"]}, "sort"), ({"terminate_after": 3}, "terminate_after")]
)
async def test_details_are_told_of_skipped_searches_too(stage: Stage, body: dict[str, Any], reason: str) -> None:
    plain = await stage.send(**body)
    assert isinstance(plain, PassThrough)
    answer = await stage.ask(**body, **{"from": 2, "ext": {"secondpass": {"details": True}}})
    said = json.loads(answer.reply.body)
    assert said["ext"]["secondpass"]["state"] == "skipped"
    assert said["ext"]["secondpass"]["reason"] == reason
    told = {"rank": 3, "engine_rank": 3, "engine_score": 48.0, "logit": None, "score": None}
    assert said["hits"]["hits"][0]["_secondpass"] == told
    assert "secondpass" not in stage.engine.asked[-1].get("ext", {})
