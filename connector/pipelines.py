"""Which indices have a search pipeline of their own (OpenSearch's `index.search.default_pipeline`).

Such a pipeline may change the request and reorder or cut the hits, so a search through it is not ours to reorder. The
engine is asked as the caller, once in `KEPT_S` for the same names, and the node that is asked answers from what it
knows (`local`). What it told last stands until it tells again; before it told anything there is none that we know. To
one caller's refusal nobody else is bound, and no search waits longer than `WAIT_S`: the asking goes on behind it.
"""

import asyncio
import time
from collections.abc import Callable
from urllib.parse import quote

import orjson

from connector.dialects.controls import strip_header
from connector.dialects.request import SearchRequest
from connector.engines.base import Dialect
from connector.errors import SecondpassError
from connector.keys import credentials
from connector.retrieve import Fetch
from connector.types import Call

KEPT_S = 60.0
OLD_S = 600.0  # what was told longer ago than this is waited for again
UNTOLD_S = 10.0  # a caller who was refused, or for whom the engine failed, is not asked for again before
WAIT_S = 0.1  # an answer takes 2 ms; this is for an engine in distress
KEPT = 1000  # combinations of names; more begin anew
ASKING = 32  # questions under way; what comes meanwhile goes by what is known

Names = tuple[str, ...]
Asker = tuple[Names, int]
"""What is asked about, and a hash of the credentials it is asked with."""

SETTING = "index.search.default_pipeline"
_BODY = frozenset(
    b"accept accept-encoding content-encoding content-length content-type expect transfer-encoding".split()
)


class DefaultPipelines:
    """What is known of a process's indices."""

    def __init__(self, fetch: Fetch, dialect: Callable[[], Dialect]) -> None:
        self._fetch = fetch
        self._dialect = dialect
        self._known: dict[Names, tuple[float, bool]] = {}  # until when it is fresh, and whether there is one
        self._untold: dict[Asker, float] = {}  # until when
        self._asking: dict[Asker, tuple[float, asyncio.Task[None]]] = {}  # until when searches wait for it

    async def apply_to(self, request: SearchRequest, names: Names) -> bool:
        """Whether a default pipeline takes part in `request`. Never raises; waits `WAIT_S` at most."""
        said = (request.parameter("search_pipeline"), request.body.get("search_pipeline"))
        if self._dialect().name != "opensearch" or any(one is not None for one in said):
            return False
        now, asker = time.monotonic(), (names, hash(credentials(request.headers)))
        if not self._is_fresh(names, now) and self._untold.get(asker, 0.0) < now:
            if asker not in self._asking and len(self._asking) < ASKING:
                asking = asyncio.create_task(self._ask(request, asker))
                asking.add_done_callback(lambda _: self._asking.pop(asker, None))
                self._asking[asker] = now + WAIT_S, asking
            if asker in self._asking:
                until, asking = self._asking[asker]
                if self._known.get(names, (0.0, False))[0] < now - OLD_S:
                    await asyncio.wait({asking}, timeout=max(0.0, until - now))
        return self._known.get(names, (0.0, False))[1]

    def _is_fresh(self, names: Names, now: float) -> bool:
        return names in self._known and self._known[names][0] >= now

    async def _ask(self, request: SearchRequest, asker: Asker) -> None:
        names, _ = asker
        there = await self._read(request, names)
        for known in (self._known, self._untold):
            if len(known) >= KEPT:
                known.clear()
        if there is None:
            self._untold[asker] = time.monotonic() + UNTOLD_S
        else:
            self._known[names] = time.monotonic() + KEPT_S, there

    async def _read(self, request: SearchRequest, names: Names) -> bool | None:
        """Whether there is one; None where the engine does not tell."""
        where = quote(",".join(names) or "_all", safe=",*")
        target = (
            f"/{where}/_settings/{SETTING},index.uuid?flat_settings=true&ignore_unavailable=true&local=true".encode()
        )
        headers = [field for field in strip_header(request.headers) if field[0].lower() not in _BODY]
        try:
            reply = await self._fetch(Call("GET", target, headers))
            found = orjson.loads(reply.body) if reply.status == 200 else None
        except (SecondpassError, orjson.JSONDecodeError):
            return None
        if not isinstance(found, dict) or not found:  # each index that the caller may see has a uuid
            return None
        settings = [one.get("settings") or {} for one in found.values() if isinstance(one, dict)]
        return any(one.get(SETTING) not in (None, "", "_none") for one in settings)
