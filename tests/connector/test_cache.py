"""Scores, vectors and page orders on a real server of each make, and without one."""

import asyncio
import math
import os
import time
from array import array
from collections.abc import AsyncIterator

import pytest

from connector.cache import Score, ScoreCache, VectorCache
from connector.keys import Keys
from connector.orders import Orders
from connector.store import Store
from tests.connector.stage import own_server

FIELDS = [bytes([number]) * 16 for number in range(3)]


@pytest.fixture(params=["valkey_url", "redis_url"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    store = Store(request.getfixturevalue(request.param), wait_s=10)
    yield store
    await store.close()


@pytest.fixture
def keys() -> Keys:
    return Keys(os.urandom(32))


async def test_logits_keep_every_bit_of_float32(store: Store, keys: Keys) -> None:
    cache, key = ScoreCache(store, keys, 60), keys.scores("f", "", "off", b"q")
    assert await cache.read(key, FIELDS, 5) == {}
    scores = dict(zip(FIELDS, map(Score, array("f", [0.1, -7.25])), strict=False))
    await cache.write(key, scores)
    assert await cache.read(key, FIELDS, 5) == scores
    assert 0 < (await store.ask(("TTL", key)))[0] <= 60


async def test_the_best_passage_is_kept_beside_its_logit(store: Store, keys: Keys) -> None:
    cache, key = ScoreCache(store, keys, 60), keys.scores("f", "", "max", b"q")
    scores = {FIELDS[0]: Score(0.5, (0, 12)), FIELDS[1]: Score(-7.25, (100_000, 2**32 - 1))}
    await cache.write(key, scores)
    assert await cache.read(key, FIELDS, 5) == scores


async def test_an_unreadable_text_is_remembered_for_a_minute(
    store: Store, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, key = ScoreCache(store, keys, 600), keys.scores("f", "", "off", b"q")
    await cache.write(key, {FIELDS[0]: Score(math.nan, (0, 0)), FIELDS[1]: Score(1.0)})
    known = await cache.read(key, FIELDS, 5)
    assert math.isnan(known[FIELDS[0]].logit)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 61)
    assert await cache.read(key, FIELDS, 5) == {FIELDS[1]: Score(1.0)}


async def test_a_query_with_too_many_scores_begins_again(
    store: Store, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.cache.MOST_SCORES", 2)
    cache, key = ScoreCache(store, keys, 60), keys.scores("f", "", "off", b"q")
    await cache.write(key, {FIELDS[0]: Score(1.0), FIELDS[1]: Score(2.0)})
    assert len(await cache.read(key, FIELDS, 5)) == 2
    await cache.write(key, {FIELDS[2]: Score(3.0)})
    assert await cache.read(key, FIELDS, 5) == {}
    await cache.write(key, {FIELDS[0]: Score(4.0)})
    assert await cache.read(key, FIELDS, 5) == {FIELDS[0]: Score(4.0)}


async def test_what_is_no_logit_is_no_score(store: Store, keys: Keys) -> None:
    cache, key = ScoreCache(store, keys, 60), keys.scores("f", "", "off", b"q")
    await store.ask(("HSET", key, FIELDS[0], b"", FIELDS[1], b"12345"))
    assert await cache.read(key, FIELDS, 5) == {}


async def test_vectors(store: Store, keys: Keys) -> None:
    cache, key = VectorCache(store, keys, 60), keys.vector("f", b"q")
    assert await cache.read(key) is None
    await cache.write(key, array("f", [0.1, 2]))
    assert await cache.read(key) == array("f", [0.1, 2])


async def test_the_first_order_is_kept_for_everybody(store: Store, keys: Keys) -> None:
    orders, key = Orders(store), keys.vector("an order", b"q")
    assert await orders.load(key, 1) is None
    kept = await asyncio.gather(*(orders.keep(key, b"order %d" % number, 60, 1) for number in range(8)))
    assert len(set(kept)) == 1
    assert await orders.load(key, 1) == kept[0]
    assert 0 < (await store.ask(("TTL", key)))[0] <= 60


async def test_without_a_server_nothing_is_known_and_nothing_raised(keys: Keys) -> None:
    store = Store("redis://127.0.0.1:1")
    try:
        cache, key = ScoreCache(store, keys, 60), keys.scores("f", "", "off", b"q")
        for _ in range(5):
            assert await cache.read(key, FIELDS, 5) == {}
            await cache.write(key, {FIELDS[0]: Score(1.0)})
            assert await Orders(store).load(key, 1) is None
            assert await Orders(store).keep(key, b"order", 60, 1) is None
        assert store.breaker.open
    finally:
        await store.close()


async def test_who_has_little_time_says_nothing_about_the_server_until_it_is_silent(keys: Keys) -> None:
    with own_server() as server:
        store = Store(server.url)
        try:
            assert await store.ask(("PING",)) == [b"PONG"]
            server.child.freeze()
            for _ in range(10):
                assert await Orders(store).load(b"key", 0.001) is None
            assert not store.breaker.open
            limit = time.monotonic() + 20
            while not store.breaker.open:
                assert time.monotonic() < limit
                await asyncio.sleep(0.05)
                assert await Orders(store).load(b"key", 0.001) is None
        finally:
            await store.close()
