"""The proxy's composition without its listener: the same search, under policies that are varied for a comparison.

Kept page orders are off: each answer is computed. The score cache is the live one, so that a second run costs little;
a cold system gets keys of its own, which nothing is stored under yet.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from connector.cache import ScoreCache
from connector.engines.base import Engine
from connector.evaluation.systems import System
from connector.keys import Keys
from connector.proxy.serve import open_upstream
from connector.rerank import Rerank
from connector.search import SecondPass
from connector.searches import Searches
from connector.services import Services
from connector.settings import Settings
from connector.types import Call, Reply

COLD_TTL_S = 60  # scores that nobody will ask for again


@contextmanager
def composed(
    settings: Settings, index: str, engine: Engine, services: Services, systems: Sequence[System]
) -> Iterator[dict[str, Searches]]:
    """Searches by system name, each under its system's policy alone."""
    upstream = open_upstream(settings)
    timeout_s = settings.engine.engine_timeout_ms / 1000

    async def fetch(call: Call) -> Reply:
        return await upstream.fetch(call, timeout_s)

    def search(system: System) -> Searches:
        keys, rerank = services.keys, services.rerank
        if system.cold:
            keys = Keys(secrets.token_bytes(32))
            cache = ScoreCache(services.store, keys, COLD_TTL_S)
            rerank = Rerank(services.live, cache, services.dispatcher, keys)
        second = SecondPass(
            fetch, lambda: engine.dialect, rerank, services.embedder, services.orders, keys, page_ttl_s=0
        )
        policy = system.policy.model_copy(update={"indices": [index]})
        return Searches(settings.model_copy(update={"policy": [policy]}), second)

    try:
        yield {system.name: search(system) for system in systems}
    finally:
        upstream.close()
