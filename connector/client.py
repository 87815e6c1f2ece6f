"""Searching from Python: `Client` and `AsyncClient` over the proxy's `/_secondpass/search`.

The score of a hit that the model read is 1 + sigmoid(logit), between 1 and 2: 1.5 is a logit of 0, the model's even
chance. A hit that it did not read has its first-stage score scaled below 1. Scores never rise down a list, can be
compared within an answer, and above 1 between answers of one model. Where the policy says `scores = "engine"` they are
the engine's own. `SearchResult.rerank` says what was done; a list that was not reranked is still a good answer.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx
import orjson

from connector.errors import EngineTimeout, EngineUnreachable, SecondpassError

Auth = tuple[str, str] | str
"""(user, password), or the value of an Authorization header: "ApiKey ...", "Bearer ..."."""


class SearchError(SecondpassError):
    """Raised when the proxy or the engine refuses a search. `http_status`, `type` and `reason` are the engine's."""

    def __init__(self, status: int, type: str, reason: str) -> None:
        super().__init__(f"{status} {type}: {reason}")
        self.http_status = status
        self.type = type
        self.reason = reason


class NotAllowed(SearchError):
    """Raised when the engine does not know the caller (401) or grants it no right on the index (403)."""


class NotFound(SearchError):
    """Raised when there is no such index (404)."""


class Busy(SearchError):
    """Raised when proxy or engine has too much to do (429); try again after a while."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One document. `engine_rank` is its 1-based place in the engine's own list, None where only vectors found it;
    `details` holds rank, engine_rank, engine_score, logit and score where they were asked for.
    """

    id: str
    index: str
    score: float | None
    source: dict[str, Any] | None
    engine_rank: int | None = None
    details: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Reranking:
    """What was done to the list. `state` is applied, partial, skipped or failed; `reason` says why it is not applied;
    `window` candidates were looked at, `scored` of them have a score, `cached` of these were known; `ms` is what it
    took; `knn` says whether vectors took part (fused, late, unsplit, off; None: not asked for). An index that no policy
    covers is skipped with the reason opt_out, too.
    """

    state: str
    reason: str | None = None
    scored: int = 0
    cached: int = 0
    window: int = 0
    ms: float = 0.0
    model: str = ""
    knn: str | None = None
    activation: str | None = None
    pages_stable: bool = True


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A page of hits, best first. `total` counts what the words matched; `took_ms` is the proxy's whole time."""

    total: int
    took_ms: float
    hits: tuple[Hit, ...]
    rerank: Reranking


class Client:
    """Searches through a proxy, from any thread; connections are kept. Use it as a context manager, or `close` it.

    with Client("http://127.0.0.1:9280", auth=("user", "password")) as client:
        for hit in client.search("products", "rain jacket").hits:
            print(hit.score, hit.source["name"])
    """

    def __init__(
        self,
        url: str,
        *,
        auth: Auth | None = None,
        timeout_s: float = 30.0,
        verify: Any = True,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(
            base_url=url, headers=_headers(auth), timeout=timeout_s, verify=verify, transport=transport
        )

    def search(
        self,
        index: str,
        query: str,
        size: int = 10,
        *,
        from_: int = 0,
        filter: Sequence[Mapping[str, Any]] | None = None,
        policy: str | None = None,
        details: bool = False,
        rerank: bool = True,
        budget_ms: int | None = None,
        window: int | None = None,
    ) -> SearchResult:
        """Search in plain words, and wait for the answer.

        `filter` holds query clauses of the engine's own, which every hit matches: `[{"term": {"brand": "Acme"}}]`.
        `budget_ms` and `window` may only lower the policy's limits. Raises SearchError and its kinds, EngineTimeout
        and EngineUnreachable (of the proxy).
        """
        body = _body(index, query, size, from_, filter, policy, details)
        try:
            reply = self._http.post("/_secondpass/search", content=body, headers=_controls(rerank, budget_ms, window))
        except httpx.HTTPError as error:
            raise _unanswered(error, self._http.base_url) from error
        return read_result(reply.status_code, reply.content)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient:
    """`Client` for asyncio: `async with AsyncClient(url) as client: await client.search(...)`."""

    def __init__(
        self,
        url: str,
        *,
        auth: Auth | None = None,
        timeout_s: float = 30.0,
        verify: Any = True,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(
            base_url=url, headers=_headers(auth), timeout=timeout_s, verify=verify, transport=transport
        )

    async def search(
        self,
        index: str,
        query: str,
        size: int = 10,
        *,
        from_: int = 0,
        filter: Sequence[Mapping[str, Any]] | None = None,
        policy: str | None = None,
        details: bool = False,
        rerank: bool = True,
        budget_ms: int | None = None,
        window: int | None = None,
    ) -> SearchResult:
        """As `Client.search`."""
        body = _body(index, query, size, from_, filter, policy, details)
        headers = _controls(rerank, budget_ms, window)
        try:
            reply = await self._http.post("/_secondpass/search", content=body, headers=headers)
        except httpx.HTTPError as error:
            raise _unanswered(error, self._http.base_url) from error
        return read_result(reply.status_code, reply.content)

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def read_result(status: int, content: bytes) -> SearchResult:
    """The answer of `/_secondpass/search`. Raises SearchError and its kinds."""
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        found = None
    if status != 200 or not isinstance(found, dict) or "rerank" not in found:
        raise _refused(status, found, content)
    said = found["rerank"]
    known = {name: said[name] for name in Reranking.__slots__ if name in said}
    hits = tuple(
        Hit(hit["id"], hit["index"], hit["score"], hit["source"], hit["engine_rank"], hit.get("details"))
        for hit in found["hits"]
    )
    stable = said.get("pages") != "unstable"
    return SearchResult(found["total"], found["took_ms"], hits, Reranking(**known, pages_stable=stable))


def _refused(status: int, found: object, content: bytes) -> SearchError:
    error = found.get("error") if isinstance(found, dict) else None
    if isinstance(error, dict):
        said = str(error.get("type")), str(error.get("reason"))
    else:
        said = "unexpected_answer", content[:300].decode("utf-8", "replace")
    kind = {401: NotAllowed, 403: NotAllowed, 404: NotFound, 429: Busy}.get(status, SearchError)
    return kind(status, *said)


def _unanswered(error: httpx.HTTPError, url: httpx.URL) -> SecondpassError:
    at = url.copy_with(userinfo=b"")
    if isinstance(error, httpx.TimeoutException):
        return EngineTimeout(f"{at} did not answer in time; raise timeout_s")
    return EngineUnreachable(f"{at} cannot be reached: {error}")


def _headers(auth: Auth | None) -> dict[str, str]:
    if auth is None or isinstance(auth, str):
        return {"authorization": auth} if auth else {}
    return {"authorization": "Basic " + base64.b64encode(":".join(auth).encode()).decode()}


def _body(
    index: str,
    query: str,
    size: int,
    from_: int,
    filter: Sequence[Mapping[str, Any]] | None,
    policy: str | None,
    details: bool,
) -> bytes:
    body: dict[str, Any] = {"index": index, "query": query, "size": size, "from": from_, "details": details}
    if filter:
        body["filter"] = list(filter)
    if policy is not None:
        body["policy"] = policy
    return orjson.dumps(body)


def _controls(rerank: bool, budget_ms: int | None, window: int | None) -> dict[str, str]:
    """The header `Secondpass`, an RFC 9651 dictionary."""
    parts = [] if rerank else ["off"]
    parts += [f"{name}={value}" for name, value in (("budget", budget_ms), ("window", window)) if value is not None]
    return {"content-type": "application/json", **({"secondpass": ", ".join(parts)} if parts else {})}
