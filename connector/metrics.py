"""The names of all metrics of the proxy's side, in one place. Times in seconds, sizes in bytes.

Where several processes share the port, PROMETHEUS_MULTIPROC_DIR (set before this module is imported) names the folder
through which any one of them answers for all.
"""

import os
from functools import cache

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from connector.types import Outcome, Reason, State

_TIMES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)

SEARCHES = Counter("secondpass_searches", "Searches under a policy, by how they ended.", ["state", "reason"])
RERANK = Histogram("secondpass_rerank_seconds", "What reranking took, cache and queue included.", buckets=_TIMES)
ENGINE = Histogram("secondpass_engine_seconds", "What the engine took for a search under a policy.", buckets=_TIMES)
SCORED = Counter("secondpass_scores", "Candidates that got a score.", ["source"])  # cache, model
REQUESTS = Counter("secondpass_requests", "All requests, by what they were.", ["kind", "status"])
IN_FLIGHT = Gauge("secondpass_in_flight", "Searches under a policy at this moment.", multiprocess_mode="livesum")
BREAKER = Gauge("secondpass_breaker_open", "1 while a breaker is open.", ["name"], multiprocess_mode="livemax")
QUEUE = Gauge("secondpass_queue_bytes", "Bytes of ours that wait for workers.", multiprocess_mode="livesum")

_requests = {
    (kind, status): REQUESTS.labels(kind, f"{status}xx")
    for kind in ("engine", "search", "ours")
    for status in range(2, 6)
}
_scored = {source: SCORED.labels(source) for source in ("cache", "model")}


@cache
def _ended(state: State, reason: Reason | None) -> Counter:
    return SEARCHES.labels(state.value, reason.value if reason else "")


def count_request(kind: str, status: int) -> None:
    """`kind`: engine (passed through), search (under a policy) or ours."""
    if child := _requests.get((kind, status // 100)):
        child.inc()


def count_search(outcome: Outcome) -> None:
    _ended(outcome.state, outcome.reason).inc()
    if outcome.scored:
        if outcome.cached:
            _scored["cache"].inc(outcome.cached)
        if outcome.scored > outcome.cached:
            _scored["model"].inc(outcome.scored - outcome.cached)
        RERANK.observe(outcome.ms / 1000)


def expose() -> tuple[bytes, bytes]:
    """Prometheus text and its content type."""
    registry: CollectorRegistry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST.encode()
