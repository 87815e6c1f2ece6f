"""Five minutes without a worker: no search is lost, and neither Redis server grows."""

import asyncio
import os
import signal

import pytest
import redis

from tests.e2e.conftest import Live
from tests.e2e.test_outages import load, works

SECONDS = float(os.environ.get("SECONDPASS_SOAK_S", "300"))
GROWTH = 32 * 1024 * 1024  # bytes


@pytest.mark.soak
@pytest.mark.timeout(SECONDS + 600)
def test_servers_do_not_grow_without_a_worker(live: Live) -> None:
    servers = [redis.Redis.from_url(url) for url in (live.stack.settings.redis.url, live.stack.settings.broker.url)]
    live.wait(lambda: not live.missing() and works(live, "soak"), "the stack")
    live.signal("score worker products-en", signal.SIGKILL)
    try:
        before = [server.info("memory")["used_memory"] for server in servers]
        seen = asyncio.run(load(live, SECONDS, "soak"))
        after = [server.info("memory")["used_memory"] for server in servers]
    finally:
        live.restart("score worker products-en")
    grown = [new - old for new, old in zip(after, before, strict=True)]
    print(f"{len(seen)} searches in {SECONDS:.0f} s; growth in bytes of cache, broker: {grown}")
    assert {one.status for one in seen} == {200}
    assert {one.state for one in seen[24:]} == {"failed"}
    assert max(grown) < GROWTH
    live.wait(lambda: not live.missing() and works(live, "after"), "recovery")
