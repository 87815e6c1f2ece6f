"""A fully cached rerank stage of 100 texts, with the page order's load and keep: three round trips to a real server.

    python -m bench.cached REDIS_URL [--texts 100] [--seconds 5] [--out FILE]

No worker runs: its announcement is written by hand, and the cache is filled by hand.
"""

import argparse
import asyncio
import statistics
import time
from pathlib import Path

import orjson
import redis

from bench.queue import WORDS, make_settings
from bench.queue_worker import MODEL
from bench.record import record
from connector.cache import Score
from connector.contract import Announcement, workers_key
from connector.search import KEPT_WAIT_S
from connector.services import Services
from connector.types import State


def announce(url: str) -> None:
    worker = Announcement("bench", "score", MODEL, "0" * 32, "queue", "stub", "fp32", 1)
    with redis.Redis.from_url(url) as client:
        client.zadd(workers_key("score", MODEL), {orjson.dumps(worker.as_dict()): time.time() + 3600})


async def measure(url: str, count: int, seconds: float) -> dict[str, object]:
    settings = make_settings(url, url, 256)
    policy, model = settings.policy[0], settings.model[0]
    texts = [f"{number} {WORDS * 5}" for number in range(count)]
    services = await Services.open(settings)
    key = services.keys.scores("0" * 32, policy.template, policy.passages, b"rain jacket")
    await services.rerank.cache.write(key, dict.fromkeys(services.keys.texts(map(str.encode, texts)), Score(1.5)))
    stage, whole = [], []
    end = time.perf_counter() + seconds
    number = 0
    while time.perf_counter() < end:
        number += 1
        began = time.perf_counter()
        order = b"bench:order:%d" % number
        assert await services.orders.load(order, KEPT_WAIT_S) is None
        scores = await services.rerank.rerank("rain jacket", texts, policy, model, budget_s=1)
        assert (scores.state, scores.cached) == (State.APPLIED, count)
        await services.orders.keep(order, b"x" * 4000, 10, KEPT_WAIT_S)
        whole.append(1000 * (time.perf_counter() - began))
        stage.append(scores.ms)
    await services.close()
    return {
        "texts": count,
        "characters_a_text": len(texts[0]),
        "searches": number,
        "rerank_p50_ms": round(statistics.median(stage), 3),
        "rerank_p95_ms": round(statistics.quantiles(stage, n=20)[-1], 3),
        "with_page_order_p50_ms": round(statistics.median(whole), 3),
        "with_page_order_p95_ms": round(statistics.quantiles(whole, n=20)[-1], 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("redis")
    parser.add_argument("--texts", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    announce(options.redis)
    record("cached", asyncio.run(measure(options.redis, options.texts, options.seconds)), options.out)


if __name__ == "__main__":
    main()
