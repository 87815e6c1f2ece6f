"""Composition of the proxy: the parts in, a listening process out, until it is told to stop."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Mapping, Sequence

from connector.errors import ConfigError
from connector.proxy.api_server import ApiApp
from connector.proxy.app import App, Count, Search
from connector.proxy.health import watch
from connector.proxy.server import Server
from connector.proxy.status import Endpoint, FindEngine, FindMissing, health, metrics, readiness
from connector.proxy.upstream import Upstream
from connector.settings import Settings
from connector.types import Outcome


def open_upstream(settings: Settings) -> Upstream:
    """The engine's nodes as the settings name them. Raises ConfigError."""
    engine = settings.engine
    return Upstream(engine.url, ca=engine.ca, client_cert=engine.client_cert, client_key=engine.client_key)


async def serve(
    settings: Settings,
    upstream: Upstream,
    *,
    search: Search,
    matches: Callable[[tuple[str, ...]], bool],
    render_outcomes: Callable[[Sequence[Outcome]], bytes],
    dialect: Callable[[], str],
    find_engine: FindEngine,
    find_missing: FindMissing,
    others: Mapping[str, Search] | None = None,
    count: Count = lambda call, names: 1,
    endpoints: Mapping[str, Endpoint] | None = None,
    shared: bool = False,
    listening: Callable[[int], None] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Listen until SIGTERM, SIGINT or `stop`, then let requests under way end.

    `others` are further search endpoints by the kinds in `routes.SEARCHES`, `count` is of their `_msearch`. `endpoints`
    are addresses of ours by the names in `routes.OURS`, added to health, ready and metrics. `listening` is told the
    port. `shared`: other processes listen on the same port. Raises ConfigError where the port is taken.
    """
    further = dict(endpoints or {})
    elsewhere = further.pop("rerank_api", None) if settings.rerank_api.port else None
    own = {"health": health, "metrics": metrics, "ready": readiness(find_engine, find_missing), **further}
    app = App(
        upstream,
        search=search,
        matches=matches,
        others=others,
        count=count,
        endpoints=own,
        render_outcomes=render_outcomes,
        dialect=dialect,
        timeout_s=settings.engine.engine_timeout_ms / 1000,
        max_concurrent=settings.proxy.max_concurrent,
        advertise=settings.proxy.advertise,
    )
    server = Server(app, dialect)
    servers = [server]
    stop = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    with contextlib.suppress(ValueError, RuntimeError):  # only the main thread may listen to signals
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
    try:
        port = await server.start(settings.proxy.host, settings.proxy.port, shared=shared)
    except OSError as exc:
        raise ConfigError(f"proxy.host, proxy.port: cannot listen there: {exc}") from exc
    if elsewhere is not None:
        servers.append(Server(ApiApp(elsewhere, settings), dialect))
        try:
            await servers[-1].start(settings.proxy.host, settings.rerank_api.port, shared=shared)
        except OSError as exc:
            raise ConfigError(f"proxy.host, rerank_api.port: cannot listen there: {exc}") from exc
    if listening is not None:
        listening(port)
    watching = asyncio.create_task(watch(upstream.nodes))
    try:
        await stop.wait()
    finally:
        watching.cancel()
        await asyncio.gather(*(one.stop() for one in servers))
        upstream.close()
