"""Searches asked again, before an engine that a test writes the answers of: what is known is used, and only where it is
true. A worker with made-up scores and a real cache server stand behind.
"""

import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from connector import render, search
from connector.asked import Asked, request_key
from connector.engines.bodies import OpenSearchDialect
from connector.keys import Keys
from connector.search import SecondPass
from connector.searches import Searches
from connector.settings import Policy, Settings
from connector.types import Answer, Call, Outcome, Reply, State
from tests.connector.stage import make_settings, opened, stub_worker, until

MODEL = "model-searches"
COUNT = 12


@dataclass
class Engine:
    """Gives the documents in their order; each text is its number and what a test makes of it."""

    texts: list[str] = field(default_factory=lambda: [f"text {number}" for number in range(COUNT)])
    took: int = 3
    asked: int = 0

    async def fetch(self, call: Call) -> Reply:
        self.asked += 1
        self.took += 1
        hits = [
            {"_index": "shop", "_id": str(n), "_score": 20.0 - n, "fields": {"name": [text]}}
            for n, text in enumerate(self.texts)
        ]
        inner = {"total": {"value": len(hits), "relation": "eq"}, "max_score": 20.0, "hits": hits}
        shards = {"total": 1, "successful": 1, "skipped": 0, "failed": 0}
        body = {"took": self.took, "timed_out": False, "_shards": shards, "hits": inner}
        headers = [(b"content-type", b"application/json")]
        return Reply(200, b"OK", headers, json.dumps(body, separators=(",", ":")).encode())


@dataclass
class Stage:
    engine: Engine
    searches: Searches
    second: SecondPass
    words: str

    async def ask(
        self, caller: str = "a", index: str = "shop", first: int = 0, size: int = 5, **body: object
    ) -> Answer:
        query = {"from": first, "size": size, "query": {"match": {"name": self.words}}, **body}
        headers = [(b"Content-Type", b"application/json"), (b"Authorization", caller.encode())]
        call = Call("POST", f"/{index}/_search".encode(), headers, json.dumps(query).encode())
        answer = await self.searches.search(call, (index,))
        assert isinstance(answer, Answer)
        await self.second.rerank.close()  # what was scored is in the cache
        return answer

    async def learn(self, **options: Any) -> None:
        """Until all scores come from the cache, and the page of another caller from what was arranged for this one."""
        for caller in ("first", "second"):
            await self.ask(caller, **options)
        assert self.second.memory.size


@pytest.fixture(scope="module")
def settings(broker_url: str, valkey_url: str) -> Iterator[Settings]:
    settings = make_settings(broker_url, valkey_url, MODEL)
    near = settings.policy[0].model_copy(
        update={
            "name": "near",
            "indices": ["near"],
            "blend": settings.policy[0].blend.model_copy(update={"lexical": 100.0}),
        }
    )
    with stub_worker(broker_url, broker_url, MODEL):
        yield settings.model_copy(update={"policy": [settings.policy[0], near]})


@asynccontextmanager
async def searching(settings: Settings, ttl_s: int = 60) -> AsyncIterator[Stage]:
    async with opened(settings, "score") as services:
        engine = Engine()
        second = SecondPass(
            engine.fetch, OpenSearchDialect, services.rerank, services.embedder, services.orders, services.keys, ttl_s
        )
        yield Stage(engine, Searches(settings, second), second, f"tent {time.time()}")


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the cache server, for a busy machine."""
    monkeypatch.setattr(search, "KEPT_WAIT_S", 5.0)


@pytest.fixture
async def stage(settings: Settings) -> AsyncIterator[Stage]:
    async with searching(settings) as stage:
        yield stage


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often an answer had to be put together anew."""
    times: list[int] = []

    def counted(*arguments: Any) -> Any:
        times.append(1)
        return render.render(*arguments)

    monkeypatch.setattr(search, "render", counted)
    return times


def outcome(answer: Answer) -> Outcome:
    assert answer.outcome is not None
    assert answer.outcome.state is State.APPLIED
    return answer.outcome


def hits(answer: Answer) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(answer.reply.body)["hits"]["hits"]
    return found


async def test_the_same_answer_of_the_engine_goes_to_the_same_places_unread(stage: Stage, unread: list[int]) -> None:
    first = await stage.ask()
    kept = await stage.ask()
    again = await stage.ask()
    assert [outcome(one).cached for one in (first, kept, again)] == [0, COUNT, COUNT]
    assert len(unread) == 1
    assert hits(first) == hits(kept) == hits(again)
    assert stage.engine.asked == 3  # the engine is asked each time
    assert json.loads(again.reply.body)["took"] >= stage.engine.took
    assert not outcome(again).pages_unstable
    assert "fields" not in hits(again)[0]


async def test_another_caller_is_given_the_same_only_for_the_same_answer(stage: Stage, unread: list[int]) -> None:
    await stage.learn()
    before = len(unread)
    third = await stage.ask("third")
    assert (len(unread), outcome(third).cached) == (before, COUNT)
    stage.engine.texts = stage.engine.texts[:-2]  # what a caller with fewer rights is shown
    fewer = await stage.ask("fourth")
    assert len(unread) == before + 1
    assert outcome(fewer).window == COUNT - 2


async def test_after_one_document_changes_exactly_that_one_is_scored_again(stage: Stage) -> None:
    await stage.learn()
    stage.engine.texts[4] = "another text"
    changed = await stage.ask("third")
    assert (outcome(changed).scored, outcome(changed).cached) == (COUNT, COUNT - 1)
    assert outcome(await stage.ask("fourth")).cached == COUNT


async def test_another_policy_arranges_by_itself(stage: Stage, unread: list[int]) -> None:
    await stage.learn()
    before = len(unread)
    near = await stage.ask("third", "near")
    assert len(unread) == before + 1
    assert [one["_id"] for one in hits(near)] == ["0", "1", "2", "3", "4"]  # by a blend that the engine's scores rule
    assert hits(near) != hits(await stage.ask("third"))


async def test_each_page_is_arranged_by_itself(stage: Stage, unread: list[int]) -> None:
    await stage.learn()
    whole = [one["_id"] for one in hits(await stage.ask("third", size=COUNT))]
    pages = [await stage.ask("third", first=first) for _ in range(3) for first in (0, 5)]
    assert [one["_id"] for page in pages[-2:] for one in hits(page)] == whole[:10]
    before = len(unread)
    await stage.ask("third", first=5)
    assert len(unread) == before


async def test_details_and_passages_are_never_taken_from_it(stage: Stage, unread: list[int]) -> None:
    await stage.learn()
    before = len(unread)
    for _ in range(3):
        assert "_secondpass" in hits(await stage.ask("third", ext={"secondpass": {"details": True}}))[0]
    assert len(unread) == before + 3


async def test_another_model_scores_everything_again(broker_url: str, valkey_url: str) -> None:
    name = "model-searches-retrained"
    settings = make_settings(broker_url, valkey_url, name)
    with stub_worker(broker_url, broker_url, name):
        async with searching(settings) as stage:
            await stage.learn()
            fingerprint, live = "2" * 32, stage.second.rerank.live
            with stub_worker(broker_url, broker_url, name, fingerprint=fingerprint):
                await until(lambda: live.live("score", name)[0].fingerprint == fingerprint, 60)
                assert outcome(await stage.ask("third")).cached == 0


async def test_without_kept_pages_it_says_so(settings: Settings, unread: list[int]) -> None:
    async with searching(settings, ttl_s=0) as stage:
        await stage.learn()
        before = len(unread)
        assert outcome(await stage.ask("third")).pages_unstable
        assert len(unread) == before


async def test_the_cache_server_goes_and_what_is_arranged_stays_but_is_not_called_stable(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.learn()
    monkeypatch.setattr(stage.second.orders.store.breaker, "open", True)
    gone = outcome(await stage.ask("third"))
    assert (gone.cached, gone.pages_unstable) == (COUNT, True)


async def test_a_request_is_read_once_whoever_asks(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await stage.ask("a")
    monkeypatch.setattr(Searches, "_read", lambda *_: pytest.fail("read again"))
    assert hits(await stage.ask("b")) == hits(first)
    for header in ((b"Secondpass", b"off"), (b"Accept", b"application/yaml")):
        call = Call("POST", b"/shop/_search", [(b"Content-Type", b"application/json"), header], b"{}")
        with pytest.raises(pytest.fail.Exception):
            await stage.searches.search(call, ("shop",))
    assert not any(b"Authorization" in repr(one).encode() for one in stage.searches.recent._known.values())


def test_policies_that_read_a_header_heed_it(settings: Settings) -> None:
    policy = Policy(name="p", indices=["p"], fields=["f"], query_path="header:X-Words", model=MODEL)
    searches = Searches(settings.model_copy(update={"policy": [policy]}), second=None)  # type: ignore[arg-type]
    assert b"x-words" in searches.heeded


def test_what_is_remembered_of_requests_is_bounded(settings: Settings) -> None:
    searches = Searches(settings, second=None)  # type: ignore[arg-type]
    for number in range(3000):
        searches.matches((f"index-{number}",))
        searches.matches((f"{number}" * 1000,))
        searches.recent.keep(b"%d" % number, Asked(Call("POST", b"/_search", [], b"{}")))
    assert len(searches.matched) <= 1000
    assert max(len(name) for (name,) in searches.matched) < 1000
    assert len(searches.recent._known) <= 256
    long = Call("POST", b"/_search", [], b" " * 5000)
    assert request_key(Keys(b"secret"), long, ("shop",), frozenset(), []) == b""
