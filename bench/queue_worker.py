"""The workers of bench/queue.py: the same scorer that computes nothing, behind our task and behind an ordinary one.

python -m bench.queue_worker ours|plain BROKER_URL REDIS_URL
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from celery import Celery

from connector.contract import SCORE_TASK, Announcement, score_queue
from workers.app import make_app
from workers.clock import Clock
from workers.replies import connect, reply_url
from workers.scorer import Pair, Scored, ScorerInfo, every
from workers.scoring import Scoring
from workers.watchdog import Watchdog
from workers.worker import Duty, serve

MODEL = "noop"
FINGERPRINT = "0" * 32


class NoScorer:
    """Zero for every pair."""

    info = ScorerInfo("stub", "fp32", "cpu", max_tokens=1_000_000, fingerprint=FINGERPRINT)

    def stream(
        self, pairs: Sequence[Pair], wanted: Callable[[int], bool] = every, best: Sequence[int] = ()
    ) -> Iterator[Scored]:
        yield Scored(range(len(pairs)), np.zeros(len(pairs), np.float32))


def plain_app(broker: str, redis: str) -> Celery:
    """Celery as its documentation begins: JSON, a result backend, one task a request."""
    app = Celery("plain", broker=broker, backend=redis)
    app.conf.update(worker_prefetch_multiplier=1, broker_connection_retry_on_startup=True)

    @app.task(name="rerank")  # type: ignore[untyped-decorator]
    def rerank(query: str, texts: list[str]) -> list[float]:
        return [0.0] * len(texts)

    return app


def main(kind: str, broker: str, redis: str) -> None:
    if kind == "plain":
        plain_app(broker, redis).worker_main(["worker", "-P", "solo", "-l", "ERROR"])
        return
    server, clock = connect(reply_url(broker, redis)), Clock()
    clock.set(server)
    queue, watchdog = score_queue(MODEL, FINGERPRINT), Watchdog(30)
    announcement = Announcement("bench", "score", MODEL, FINGERPRINT, queue, "stub", "fp32", 1, started=clock.now())
    duty = Duty(SCORE_TASK, Scoring(NoScorer(), watchdog, clock.now), [queue], watchdog, announcement, "bench")
    serve(make_app(broker), duty, server, clock, time.monotonic())


if __name__ == "__main__":
    main(*sys.argv[1:])
