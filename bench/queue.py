"""Our queue path against Celery's `delay().get()` with a task per request; both workers compute nothing.

    python -m bench.queue BROKER_URL REDIS_URL [--rounds 5] [--seconds 2] [--texts 100] [--pairs 3200] [--out FILE]

A request is a query with `texts` texts of about 140 characters in chunks of 32; its answer is as many scores. Rounds of
both ways alternate in one run, so that the machine's moods meet both. `pairs` is `broker.task_max_pairs`: at 3200 one
task can carry what 32 clients wait for, at the default of 256 it carries two and a half requests of 100.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from bench.queue_worker import MODEL, plain_app
from bench.record import record
from connector.services import Services
from connector.settings import Settings, parse

WORDS = "waterproof rain jacket with hood for hiking " * 3
CLIENTS = 32


def make_settings(broker: str, redis: str, pairs: int) -> Settings:
    policy = {"name": "p", "indices": ["p"], "fields": ["name"], "model": MODEL}
    return parse(
        {
            "redis": {"url": redis, "cache_key": "bench"},
            "broker": {"url": broker, "task_max_pairs": pairs},
            "model": [{"name": MODEL, "source": "noop"}],
            "policy": [policy],
        }
    )


T = TypeVar("T")


class Ours:
    """The dispatcher, on the event loop of a thread of its own: what a proxy does between cache and worker."""

    def __init__(self, broker: str, redis: str, pairs: int, texts: list[str]) -> None:
        self.chunks = [(at // 32, texts[at : at + 32]) for at in range(0, len(texts), 32)]
        self.loop = uvloop.new_event_loop()  # as the proxy has
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.services = self.run(Services.open(make_settings(broker, redis, pairs)))
        while not self.services.live.live("score", MODEL):
            time.sleep(0.1)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    async def ask(self) -> None:
        worker = self.services.live.live("score", MODEL)[0]
        work = await self.services.dispatcher.score(worker, "rain jacket", self.chunks, time.monotonic() + 30)
        assert len(work.logits) == len(self.chunks), work.finished.result()

    def one_client(self, seconds: float) -> list[float]:
        async def go() -> list[float]:
            times, end = [], time.perf_counter() + seconds
            while (began := time.perf_counter()) < end:
                await self.ask()
                times.append(time.perf_counter() - began)
            return times

        return self.run(go())

    def many_clients(self, seconds: float) -> float:
        async def client(end: float) -> int:
            count = 0
            while time.perf_counter() < end:
                await self.ask()
                count += 1
            return count

        async def go() -> float:
            began = time.perf_counter()
            counts = await asyncio.gather(*(client(began + seconds) for _ in range(CLIENTS)))
            return sum(counts) / (time.perf_counter() - began)

        return self.run(go())


class Plain:
    """`delay().get()`, in threads where there are many clients."""

    def __init__(self, broker: str, redis: str, texts: list[str]) -> None:
        self.task, self.texts = plain_app(broker, redis).tasks["rerank"], texts
        assert self.task.delay("rain jacket", texts).get(timeout=60) == [0.0] * len(texts)

    def one_client(self, seconds: float) -> list[float]:
        times, end = [], time.perf_counter() + seconds
        while (began := time.perf_counter()) < end:
            self.task.delay("rain jacket", self.texts).get(timeout=60)
            times.append(time.perf_counter() - began)
        return times

    def many_clients(self, seconds: float) -> float:
        counts: list[int] = []
        began = time.perf_counter()
        threads = [
            threading.Thread(target=lambda: counts.append(len(self.one_client(seconds)))) for _ in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(counts) / (time.perf_counter() - began)


def compare(
    name: str, ours: Callable[[], float], plain: Callable[[], float], rounds: int, faster: int
) -> dict[str, Any]:
    """`faster` 1: more is better, -1: less is."""
    pairs = [(ours(), plain()) for _ in range(rounds)]
    ratios = sorted((ours / plain) ** faster for ours, plain in pairs)
    found = {
        "ours": round(statistics.median(one for one, _ in pairs), 3),
        "plain": round(statistics.median(one for _, one in pairs), 3),
        "ratio": round(statistics.median(ratios), 2),
        "ratios": [round(ratio, 2) for ratio in ratios],
    }
    print(name, found, flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("broker")
    parser.add_argument("redis")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--texts", type=int, default=100)
    parser.add_argument("--pairs", type=int, default=3200)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    workers = [
        subprocess.Popen([sys.executable, "-m", "bench.queue_worker", kind, options.broker, options.redis])
        for kind in ("ours", "plain")
    ]
    try:
        texts = [f"{number} {WORDS}" for number in range(options.texts)]
        ours = Ours(options.broker, options.redis, options.pairs, texts)
        plain = Plain(options.broker, options.redis, texts)

        def p50(side: Ours | Plain) -> Callable[[], float]:
            return lambda: 1000 * statistics.median(side.one_client(options.seconds))

        def rate(side: Ours | Plain) -> Callable[[], float]:
            return lambda: side.many_clients(options.seconds)

        found = {
            "broker": options.broker.partition(":")[0],
            "texts_a_request": options.texts,
            "task_max_pairs": options.pairs,
            "p50_ms_1_client": compare("p50 ms, 1 client", p50(ours), p50(plain), options.rounds, -1),
            "requests_per_s_32_clients": compare("requests/s, 32 clients", rate(ours), rate(plain), options.rounds, 1),
        }
        ours.run(ours.services.close())
        record("queue", found, options.out)
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait()


if __name__ == "__main__":
    main()
