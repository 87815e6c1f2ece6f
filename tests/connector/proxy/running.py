"""A proxy on a thread of its own, composed as `secondpass proxy` does, for tests that use blocking clients."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterator

import uvloop

from connector.dialects.controls import render_outcomes
from connector.proxy.app import Search
from connector.proxy.known import KnownEngine
from connector.proxy.serve import open_upstream, serve
from connector.proxy.status import Endpoint
from connector.settings import parse
from connector.types import Answer, Call, Outcome, Reason, State


@contextlib.contextmanager
def running_proxy(
    engine_url: str,
    search: Search | None = None,
    matches: Callable[[tuple[str, ...]], bool] = lambda names: False,
    rerank_api: Endpoint | None = None,
    rerank_port: int = 0,
) -> Iterator[str]:
    """The proxy's URL. Where `matches` says yes and there is no `search`, the engine's answers are read and re-sent."""
    settings = parse({"engine": {"url": [engine_url]}, "proxy": {"port": 0}, "rerank_api": {"port": rerank_port}})
    ports: queue.Queue[int | Exception] = queue.Queue()
    stops: list[Callable[[], None]] = []

    async def run() -> None:
        upstream, engine, stop = open_upstream(settings), KnownEngine(settings.engine), asyncio.Event()
        loop = asyncio.get_running_loop()
        stops.append(lambda: loop.call_soon_threadsafe(stop.set))
        await engine.find()

        async def relay(call: Call, names: tuple[str, ...]) -> Answer:
            return Answer(await upstream.fetch(call, 30), Outcome(State.SKIPPED, Reason.OPT_OUT))

        async def find_missing() -> list[str]:
            return []

        await serve(
            settings,
            upstream,
            search=search or relay,
            matches=matches,
            render_outcomes=render_outcomes,
            dialect=engine.dialect,
            find_engine=engine.find,
            find_missing=find_missing,
            endpoints={"rerank_api": rerank_api} if rerank_api else None,
            listening=ports.put,
            stop=stop,
        )

    def thread() -> None:
        try:
            uvloop.run(run())
        except Exception as exc:
            ports.put(exc)

    worker = threading.Thread(target=thread, daemon=True)
    worker.start()
    port = ports.get(timeout=20)
    if isinstance(port, Exception):
        raise port
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        stops[0]()
        worker.join(10)
