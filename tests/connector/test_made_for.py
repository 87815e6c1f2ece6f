"""What a model was made for, as its workers announce it: the newest one counts, and nobody's word is no limit."""

import json
import time
from collections.abc import Callable
from typing import Any

import redis

from connector.calibration import Calibration
from connector.contract import Announcement, workers_key
from connector.live import Live

MODEL = "made-for"


def announce(server: redis.Redis, fingerprint: str, started: float, **said: Any) -> None:
    one = Announcement(
        f"{fingerprint}-{started}", "score", MODEL, fingerprint, "q", "stub", "fp32", 128, started=started, **said
    )
    server.zadd(workers_key("score", MODEL), {json.dumps(one.as_dict()): time.time()})


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
        server.zadd(
            workers_key("score", MODEL), {said: time.time(), "[]": time.time(), "{}": time.time(), "7": time.time()}
        )
        await live.poll()
        assert live.longest_query(MODEL) == 70
        announce(server, "c", 3.0, calibration={"slope": -1.0, "intercept": 0.0})
        await live.poll()
        assert (live.longest_query(MODEL), live.calibration(MODEL)) == (0, None)
    await live.close()
