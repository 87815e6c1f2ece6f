"""The few engine calls that mining needs, over plain HTTP, for OpenSearch and Elasticsearch alike.

Rule: reads only (`_msearch`); the lists of one batch come back in the order of its queries. No redirect is followed: it
would take the service account to whatever host it names.
"""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from connector.errors import EngineRefused, EngineUnreachable

BATCH = 64
"""Searches in one `_msearch`: 64 lists of 100 ids are about 0.5 MB of answer."""

MANY = 10
"""Queries without a hit, and none with one before them, of which it is said that BM25 finds nothing."""

DIALECTS = ("opensearch", "elasticsearch")
FIRST_FIELD, TIE_BREAKER = 1.5, 0.1
"""As `connector.engines.bodies` has them: what is mined is what a search finds."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One document of a list: its id and the engine's own score."""

    id: str
    score: float


@dataclass(frozen=True, slots=True)
class Access:
    """How an engine knows us and we know it: the Authorization header, and whom TLS trusts (None: the system's own)."""

    authorization: str = ""
    tls: ssl.SSLContext | None = None


ANYONE = Access()


class _Stay(urllib.request.HTTPRedirectHandler):
    """Makes of a redirect the error that its status is."""

    def redirect_request(self, *_: Any) -> None:
        return None


@lru_cache(maxsize=8)
def _opener(tls: ssl.SSLContext | None) -> urllib.request.OpenerDirector:
    """One for all calls, because the system's authorities are read for each that is made."""
    return urllib.request.build_opener(urllib.request.HTTPSHandler(context=tls), _Stay)


def call(
    url: str,
    body: bytes | None = None,
    method: str = "POST",
    kind: str = "application/json",
    access: Access = ANYONE,
) -> Any:
    """Send one request and return the decoded JSON answer; raises EngineUnreachable or EngineRefused."""
    headers = {"Content-Type": kind} | ({"Authorization": access.authorization} if access.authorization else {})
    request = urllib.request.Request(url, data=body, method=method, headers=headers)
    try:
        with _opener(access.tls).open(request, timeout=120) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as error:
        said = error.read(500).decode(errors="replace")
        hint = "; check engine.service_auth of the settings (--config)" if error.code in (401, 403) else ""
        if 300 <= error.code < 400:
            hint = (
                f"; it redirects to {error.headers['Location']}, which is not followed: name the engine's own address"
            )
        raise EngineRefused(f"{method} {url}: {error.code} {said}{hint}", error.code) from error
    except (OSError, http.client.HTTPException) as error:
        wrong = "engine.ca of" if "CERTIFICATE" in str(error) else "--engine-url, or engine.url of"
        hint = f"; check {wrong} the settings (--config)"
        raise EngineUnreachable(f"{method} {url}: {error}{hint}") from error


@dataclass(slots=True)
class EngineIndex:
    """An index with analysed fields, the title first, and one vector field; `say` hears once where BM25 finds nothing
    for the first `MANY` queries or more.
    """

    url: str
    index: str
    fields: tuple[str, ...]
    vector_field: str = "embedding"
    dialect: str = "opensearch"
    access: Access = ANYONE
    say: Callable[[str], None] = print
    _empty: int | None = field(default=0, init=False, repr=False)  # queries without a hit; None: one had some, or said

    def lexical(self, texts: Sequence[str], size: int) -> list[list[Hit]]:
        """Return the BM25 list of each query, best first."""
        found = self._search((self._words(text) for text in texts), size)
        if self._empty is not None:
            self._empty = None if any(found) else self._empty + len(found)
        if self._empty is not None and self._empty >= MANY:
            self.say(
                f"{self.index}: BM25 over {', '.join(self.fields)} finds nothing for any of {self._empty} queries, "
                f"such as {texts[0]!r}: are these the fields of their words (--text-field, --fields)?"
            )
            self._empty = None
        return found

    def nearest(self, vectors: Sequence[Sequence[float]], size: int) -> list[list[Hit]]:
        """Return the kNN list of each query vector, best first."""
        return self._search((self._knn(list(vector), size) for vector in vectors), size)

    def vectors(self, ids: Sequence[str]) -> dict[str, list[float]]:
        """Return the stored vector of each document that has a readable one."""
        found: dict[str, list[float]] = {}
        for start in range(0, len(ids), 500):
            body = json.dumps({"ids": list(ids[start : start + 500])}).encode()
            answer = call(
                f"{self.url}/{self.index}/_mget?_source_includes={self.vector_field}", body, access=self.access
            )
            for document in answer["docs"]:
                vector = document.get("_source", {}).get(self.vector_field)
                if vector:
                    found[document["_id"]] = vector
        return found

    def _words(self, text: str) -> dict[str, Any]:
        first, *others = self.fields
        if not others:
            return {"match": {first: text}}
        several = {"query": text, "fields": [f"{first}^{FIRST_FIELD}", *others], "type": "cross_fields"}
        return {"multi_match": several | {"tie_breaker": TIE_BREAKER, "lenient": True}}

    def _knn(self, vector: list[float], size: int) -> dict[str, Any]:
        if self.dialect == "elasticsearch":
            query = {"field": self.vector_field, "query_vector": vector, "k": size, "num_candidates": 2 * size}
            return {"knn": query}
        return {"knn": {self.vector_field: {"vector": vector, "k": size}}}

    def _search(self, queries: Iterable[dict[str, Any]], size: int) -> list[list[Hit]]:
        lists: list[list[Hit]] = []
        batch: list[str] = []
        for query in queries:
            batch.append(json.dumps({"size": size, "_source": False, "query": query}))
            if len(batch) == BATCH:
                lists += self._send(batch)
                batch = []
        return lists + (self._send(batch) if batch else [])

    def _send(self, batch: Sequence[str]) -> list[list[Hit]]:
        body = "".join(f"{{}}\n{search}\n" for search in batch).encode()
        answer = call(f"{self.url}/{self.index}/_msearch", body, kind="application/x-ndjson", access=self.access)
        for part in answer["responses"]:
            if "error" in part:
                raise EngineRefused(f"{self.url}/{self.index}: {json.dumps(part['error'])[:500]}")
        return [[Hit(hit["_id"], hit["_score"]) for hit in part["hits"]["hits"]] for part in answer["responses"]]
