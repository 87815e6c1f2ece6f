"""What a request is, by its method and raw target alone. Pure. Whatever is not clearly ours belongs to the engine."""

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

PREFIX = b"/_secondpass"  # no index can be called so: engines refuse names that begin with an underscore

OURS: dict[tuple[str, bytes], str] = {
    ("GET", b"/_secondpass/health"): "health",
    ("GET", b"/_secondpass/ready"): "ready",
    ("GET", b"/_secondpass/metrics"): "metrics",
    ("GET", b"/_secondpass/search"): "search",
    ("POST", b"/_secondpass/search"): "search",
}
"""Method and exact path of what we answer ourselves, and the endpoint's name. More addresses are more lines."""

API = frozenset((b"/rerank", b"/score", b"/predict", b"/v1/rerank", b"/v2/rerank", b"/v1/score"))
"""Paths of the rerank API: exactly these, and POST only. They are the engine's where the API is off or elsewhere."""

SEARCHES = {
    ("_search",): "search",
    ("_search", "template"): "template",
    ("_msearch",): "msearch",
    ("_msearch", "template"): "msearch_template",
}
"""The search endpoints, behind index names or not. Asynchronous and cross-format searches (`_async_search`, `_sql`) are
not among them: their answers are not one ranked page."""

NAMED_WITHIN = frozenset(("msearch", "msearch_template"))  # lines of JSON, which may name the indices

KNOWN_BYTES = 512  # of a path that is remembered as read

_READING = frozenset(("GET", "HEAD", "OPTIONS"))
_SEARCHING = re.compile(
    rb"(?:/[^/?]*)?/_(?:analyze|async_search|count|eql|explain|field_caps|mget|msearch|mtermvectors|ppl|query|rank_eval"
    rb"|render|search|search_shards|sql|termvectors|validate)(?:[/?]|$)"
)
"""Targets of a POST that reads, behind index names or not."""

_SLOW = re.compile(rb"/_(?:flush|refresh|snapshot|tasks)(?:[/?]|$)|[?&](?:timeout|wait_for_\w+|\w*_timeout)=")
_SCROLL = re.compile(rb"(?:^|[&;])scroll(?:[=&;]|$)")


class Route(NamedTuple):
    endpoint: str = ""  # one of ours, by name
    ours: bool = False  # ours, though perhaps without an endpoint
    search: str = ""  # which of SEARCHES
    names: tuple[str, ...] = ()  # of a search: the path's index names as written, comma parts, percent-decoded
    methods: tuple[str, ...] = ()  # where only the method is wrong: those that are right


ENGINE = Route()


def read(method: str, target: bytes) -> Route:
    path = target.partition(b"?")[0]
    if endpoint := OURS.get(("GET" if method == "HEAD" else method, path)):
        return Route(endpoint, ours=True)
    if path.startswith(PREFIX) and path[len(PREFIX) : len(PREFIX) + 1] in (b"", b"/"):
        return Route(ours=True, methods=tuple(verb for verb, known in OURS if known == path))
    if method == "POST" and path in API:
        return Route("rerank_api")
    if method not in ("GET", "POST"):
        return ENGINE
    if b"search" not in path and b"%" not in path:
        return ENGINE
    return _known(path) if len(path) <= KNOWN_BYTES else _search(path)


def _search(path: bytes) -> Route:
    """`/_search` or `/{index}/_search`. Engines split a path, then decode the parts; slashes at its end say nothing."""
    parts = path.rstrip(b"/").split(b"/")
    if parts[0] or not 2 <= len(parts) <= 4:
        return ENGINE
    try:
        decoded = [unquote_to_bytes(part).decode() for part in parts[1:]]
    except UnicodeDecodeError:
        return ENGINE  # the engine says what it thinks of it
    if kind := SEARCHES.get(tuple(decoded)):
        return Route(search=kind)
    if kind := SEARCHES.get(tuple(decoded[1:])):
        return Route(search=kind, names=tuple(name for name in decoded[0].split(",") if name))
    return ENGINE


_known = lru_cache(maxsize=1024)(_search)


def is_slow(method: str, target: bytes) -> bool:
    """Whether the request may rightly take longer than a search: `engine_timeout_ms` does not cut it off.

    Cutting a write hides whether it happened, and what names a time-out of its own is bounded by that.
    """
    reads = method in _READING or (method == "POST" and _SEARCHING.match(target) is not None)
    return not reads or _SLOW.search(target) is not None


def opens_scroll(target: bytes) -> bool:
    """Whether a search leaves a scroll open at the engine, so that it must not be sent twice."""
    return _SCROLL.search(unquote_to_bytes(target.partition(b"?")[2])) is not None
