"""Health, readiness, metrics: what probes ask. Ready means that searches are served; reranking is a second question."""

from collections.abc import Awaitable, Callable, Sequence

import orjson

from connector.metrics import expose
from connector.types import Answer, Call, EngineInfo, Reply

Endpoint = Callable[[Call], Awaitable[Answer]]
FindEngine = Callable[[], Awaitable[EngineInfo | None]]
"""The engine as it answers now; None where it does not."""
FindMissing = Callable[[], Awaitable[Sequence[str]]]
"""What reranking lacks now, like "worker:products-en" or "redis"."""


def answer(status: int, reason: bytes, body: bytes, content_type: bytes = b"application/json") -> Answer:
    return Answer(Reply(status, reason, [(b"Content-Type", content_type)], body))


async def health(call: Call) -> Answer:
    """200 while the process lives."""
    return answer(200, b"OK", b'{"status": "ok"}')


async def metrics(call: Call) -> Answer:
    text, content_type = expose()
    return answer(200, b"OK", text, content_type)


def readiness(find_engine: FindEngine, find_missing: FindMissing) -> Endpoint:
    """503 without the engine; with `?rerank=true` also where something that reranking needs is missing."""

    async def ready(call: Call) -> Answer:
        engine = await find_engine()
        missing = list(await find_missing())
        asked = b"rerank=true" in call.target.partition(b"?")[2].split(b"&")
        ok = engine is not None and not (asked and missing)
        body = {
            "ready": engine is not None,
            "engine": None if engine is None else {"dialect": engine.dialect, "version": engine.version},
            "rerank": engine is not None and not missing,
            "missing": missing if engine is not None else ["engine", *missing],
        }
        status, reason = (200, b"OK") if ok else (503, b"Service Unavailable")
        return answer(status, reason, orjson.dumps(body))

    return ready
