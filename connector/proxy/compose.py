"""The one place where the proxy's parts meet: engine, workers' services, searches, listener."""

import asyncio
import logging
from collections.abc import Callable

from connector.dialects.controls import render_outcomes
from connector.embedding import MODEL
from connector.engines.base import Dialect
from connector.engines.bodies import DIALECTS
from connector.errors import RerankError
from connector.multisearch import MultiSearches
from connector.pipelines import DefaultPipelines
from connector.proxy.app import Search
from connector.proxy.known import KnownEngine
from connector.proxy.routes import is_slow
from connector.proxy.serve import open_upstream, serve
from connector.proxy.status import Endpoint
from connector.rerank_api.service import RerankApi
from connector.search import SecondPass
from connector.searches import Searches
from connector.services import Services
from connector.settings import Settings
from connector.types import Call, Reply

log = logging.getLogger("secondpass.proxy")


async def run(settings: Settings, *, shared: bool = False, listening: Callable[[int], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT. Raises ConfigError, OSError where the port is taken.

    Neither engine, Redis, broker nor workers need to be there yet: each may come and go.
    """
    for key in settings.without_effect():
        log.warning("%s is set, but has no effect in this version", key)
    upstream, engine = open_upstream(settings), KnownEngine(settings.engine)
    timeout_s = settings.engine.engine_timeout_ms / 1000

    async def fetch(call: Call) -> Reply:
        return await upstream.fetch(call, None if is_slow(call.method, call.target) else timeout_s)

    def dialect() -> Dialect:
        return DIALECTS.get(engine.dialect(), DIALECTS["opensearch"])

    await engine.find()
    learning = asyncio.create_task(engine.learn())  # an engine that comes later
    services = await Services.open(settings)
    second = SecondPass(
        fetch,
        dialect,
        services.rerank,
        services.embedder,
        services.orders,
        services.keys,
        settings.redis.page_ttl_s,
    )
    searches = Searches(settings, second, DefaultPipelines(fetch, dialect))
    several = MultiSearches(searches)
    others: dict[str, Search] = {"template": searches.template}
    if settings.policy:  # an `_msearch` must be read to know what it is for
        others |= {"msearch": several.search, "msearch_template": several.template}
    endpoints: dict[str, Endpoint] = {"search": searches.simple}
    if settings.rerank_api.enabled:
        endpoints["rerank_api"] = RerankApi(settings, services.rerank)
    try:
        await serve(
            settings,
            upstream,
            search=searches.search,
            matches=searches.matches,
            others=others,
            count=several.count,
            render_outcomes=render_outcomes,
            dialect=engine.dialect,
            find_engine=engine.find,
            find_missing=lambda: find_missing(settings, services),
            endpoints=endpoints,
            shared=shared,
            listening=listening,
        )
    finally:
        learning.cancel()
        await services.close()


async def find_missing(settings: Settings, services: Services) -> list[str]:
    """What reranking lacks now: "broker", "redis", "worker:NAME" of a policy's model, "worker:embedder"."""
    missing = []
    if not services.live.reachable:
        missing.append("broker")
    missing += [
        f"worker:{name}"
        for name in sorted({policy.model for policy in settings.policy})
        if not services.live.live("score", name)
    ]
    if any(policy.vector_field for policy in settings.policy) and not services.live.live("embed", MODEL):
        missing.append("worker:embedder")
    try:
        await services.store.ask(("PING",))
    except RerankError:
        missing.append("redis")
    return missing
