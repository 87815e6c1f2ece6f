"""Which indices have a search pipeline of their own (OpenSearch's `index.search.default_pipeline`).

Such a pipeline may change the request and reorder or cut the hits, so a search through it is not ours to reorder. The
engine is asked as the caller, once in `KEPT_S` for the same names; where it does not tell, there is none that we know.
"""

import time
from collections.abc import Callable
from urllib.parse import quote

import orjson

from connector.dialects.controls import strip_header
from connector.dialects.request import SearchRequest
from connector.engines.base import Dialect
from connector.errors import EngineError
from connector.retrieve import Fetch
from connector.types import Call

KEPT_S = 60.0
KEPT = 1000  # combinations of names; more begin anew

SETTING = "index.search.default_pipeline"
_BODY = frozenset(
    b"accept accept-encoding content-encoding content-length content-type expect transfer-encoding".split()
)


class DefaultPipelines:
    """What is known of a process's indices."""

    def __init__(self, fetch: Fetch, dialect: Callable[[], Dialect]) -> None:
        self._fetch = fetch
        self._dialect = dialect
        self._known: dict[tuple[str, ...], tuple[float, bool]] = {}  # names -> until when, and whether there is one

    async def apply_to(self, request: SearchRequest, names: tuple[str, ...]) -> bool:
        """Whether a default pipeline takes part in `request`. Never raises; waits for the engine at the first ask."""
        said = (request.parameter("search_pipeline"), request.body.get("search_pipeline"))
        if self._dialect().name != "opensearch" or any(one is not None for one in said):
            return False
        until, there = self._known.get(names, (0.0, False))
        if until < time.monotonic():
            there = await self._ask(request, names)
            if len(self._known) >= KEPT:
                self._known.clear()
            self._known[names] = (time.monotonic() + KEPT_S, there)
        return there

    async def _ask(self, request: SearchRequest, names: tuple[str, ...]) -> bool:
        where = quote(",".join(names) or "_all", safe=",*")
        target = f"/{where}/_settings/{SETTING}?flat_settings=true&ignore_unavailable=true".encode()
        headers = [field for field in strip_header(request.headers) if field[0].lower() not in _BODY]
        try:
            reply = await self._fetch(Call("GET", target, headers))
            found = orjson.loads(reply.body) if reply.status == 200 else {}
        except (EngineError, orjson.JSONDecodeError):
            return False
        settings = [one.get("settings") or {} for one in found.values() if isinstance(one, dict)]
        return any(one.get(SETTING) not in (None, "", "_none") for one in settings)
