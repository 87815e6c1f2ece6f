"""The engine's clock against this machine's: `_nodes/_local/stats` says when it was written."""

import time
from collections.abc import Iterator

import httpx

from connector.credentials import authorization, tls_context
from connector.doctor.finding import Finding, ok
from connector.doctor.servers import check_clock
from connector.settings import Engine

QUESTION = "/_nodes/_local/stats/os?filter_path=nodes.*.timestamp"  # milliseconds of the epoch
WAIT_S = 5.0


async def check(settings: Engine) -> list[Finding]:
    """Nothing where the service account may not read node statistics."""
    auth = authorization(settings.service_auth)
    try:
        async with httpx.AsyncClient(
            base_url=settings.url[0],
            headers={"authorization": auth} if auth else {},
            verify=tls_context(settings),
            timeout=WAIT_S,
        ) as client:
            asked = time.time()
            reply = await client.get(QUESTION)
            answered = time.time()
        written = next(node["timestamp"] for node in reply.json()["nodes"].values()) / 1000
    except (httpx.HTTPError, ValueError, AttributeError, KeyError, TypeError, StopIteration):
        return []
    return list(_said(written, asked, answered))


def _said(written: float, asked: float, answered: float) -> Iterator[Finding]:
    skew = 0.0 if asked <= written <= answered else written - (asked + answered) / 2
    found = list(check_clock("engine", skew))
    yield from found or [ok("engine", "its clock agrees with this machine's")]
