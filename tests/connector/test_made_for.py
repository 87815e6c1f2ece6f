"""What a model was made for, as its workers announce it: the newest one counts, and nobody's word is no limit."""

import json
import time
from collections.abc import Callable
from typing import Any

import redis

from connector.calibration import Calibration
from connector.contract import Announcement, score_queue, workers_key
from connector.live import Live

MODEL = "made-for"


def announce(server: redis.Redis, fingerprint: str, started: float, model: str = MODEL, **said: Any) -> None:
    name, queue = f"{model}-{fingerprint}-{started}", score_queue(model, fingerprint)
    one = Announcement(name, "score", model, fingerprint, queue, "stub", "fp32", 128, started=started, **said)
    server.zadd(workers_key("score", model), {json.dumps(one.as_dict()): time.time()})


async def test_the_newest_workers_word_counts(valkey_url: str, flush: Callable[[str], None]) -> None:
    flush(valkey_url)
    live = Live(valkey_url, [("score", MODEL)])
    with redis.Redis.from_url(valkey_url) as server:
        await live.poll()
        assert (live.longest_query(MODEL), live.calibration(MODEL)) == (0, None)
        announce(server, "a", 2.0, max_query_chars=60, calibration=Calibration(0.4, 1.5).as_json())
        announce(server, "a", 1.0, max_query_chars=200)  # the same weights under an older secondpass.json
        announce(server, "b", 0.5, max_query_chars=10)
        await live.poll()
        assert live.longest_query(MODEL) == 60
        assert live.calibration(MODEL) == Calibration(0.4, 1.5)
        newer = Announcement("d", "score", MODEL, "d", "q", "stub", "fp32", 128, started=2.5, max_query_chars=70)
        said = json.dumps({**newer.as_dict(), "key of a later version": 1})
        wrong = json.dumps({**newer.as_dict(), "started": None})
        members = [said, wrong, "[]", "{}", "7", "[" * 100_000]
        server.zadd(workers_key("score", MODEL), dict.fromkeys(members, time.time()))
        await live.poll()
        assert live.longest_query(MODEL) == 70
        announce(server, "c", 3.0, calibration={"slope": -1.0, "intercept": 0.0})
        await live.poll()
        assert (live.longest_query(MODEL), live.calibration(MODEL)) == (0, None)
    await live.close()


async def test_workers_are_counted_by_their_queue(valkey_url: str, flush: Callable[[str], None]) -> None:
    flush(valkey_url)
    live = Live(valkey_url, [("score", "one"), ("score", "two")])
    with redis.Redis.from_url(valkey_url) as server:
        for model, started in (("one", 1.0), ("two", 1.0), ("two", 2.0)):  # the same weights under two names
            announce(server, "a", started, model)
        await live.poll()
    assert [live.count(score_queue(model, "a")) for model in ("one", "two", "none")] == [1, 2, 0]
    await live.close()
