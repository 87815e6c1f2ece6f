"""How systems are asked: through the proxy's own composition opened in this process, or through a running proxy.

BM25, kNN and fused lists come straight from the engine, by the bodies and the fusion that the product uses; reranked
ones from `/_secondpass/search`, in this process or over HTTP. Here a policy may be varied at will; a running proxy
knows its own policies only, and a window that is smaller than theirs.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

import orjson

from connector.client import AsyncClient, SearchResult, read_result
from connector.contract import BEAT_S
from connector.credentials import authorization
from connector.embedding import MODEL
from connector.engines.base import Engine
from connector.engines.http import HttpEngine
from connector.engines.open import open_engine
from connector.errors import ConfigError, RerankError, SecondpassError
from connector.evaluation.answers import LABEL_CHARACTERS, LABELLED, Answered, answer_key
from connector.evaluation.compose import composed
from connector.evaluation.judgments import Query
from connector.evaluation.systems import System
from connector.firststage import by_vector, by_words, fused, label
from connector.live import Live
from connector.searches import Searches
from connector.services import Services
from connector.settings import Settings
from connector.types import Call, Candidate

VECTOR_S = 60.0  # patience with an embed worker that is busy
WAIT_BEATS = 5  # how long a worker that has just been started may take to be seen


class Reranked(Protocol):
    """The product's own search."""

    async def search(self, system: System, query: Query) -> SearchResult: ...

    def place(self, system: System) -> object:
        """What its answers depend on beside system, query, index and workers."""


@dataclass(frozen=True, slots=True)
class Road:
    """Asks systems about one index. `state` is its `index_state`: an answer is not kept beyond it, nor beyond the
    models that it came from, as far as the broker of the settings knows their workers.
    """

    index: str
    engine: Engine
    services: Services
    reranked: Reranked
    state: Sequence[Any]

    def key(self, system: System, query: Query) -> str:
        place = self.reranked.place(system) if system.by == "reranked" else None
        return answer_key(system, query, [self.index, *self.state, self._fingerprints(system), place])

    async def ask(self, system: System, query: Query) -> Answered:
        """Raises EngineError and its kinds, SearchError, and SecondpassError where a query cannot be embedded."""
        began, key = time.perf_counter(), self.key(system, query)
        if system.by == "reranked":
            found = await self.reranked.search(system, query)
            return _of_result(key, system, query, found, (time.perf_counter() - began) * 1000)
        candidates = await self._first_stage(system, query)
        return Answered(
            key,
            system.name,
            query.id,
            ids=[candidate.id for candidate in candidates],
            labels={c.id: _label(orjson.loads(c.raw).get("_source"), c.id) for c in candidates[:LABELLED]},
            took_ms=round((time.perf_counter() - began) * 1000, 1),
        )

    def _fingerprints(self, system: System) -> list[list[str]]:
        """Of the living workers that an answer comes from; [] in place of one that is not seen."""
        roles = []
        if system.by != "bm25" and system.policy.vector_field:
            roles.append(("embed", MODEL))
        if system.by == "reranked":
            roles.append(("score", system.policy.model))
        return [[worker.fingerprint for worker in self.services.live.live(*role)[:1]] for role in roles]

    async def _first_stage(self, system: System, query: Query) -> list[Candidate]:
        policy, nearest = system.policy, []
        if system.by != "bm25" and policy.vector_field:
            try:
                vector = await self.services.embedder.query_vector(query.text, VECTOR_S)
            except RerankError as error:
                raise SecondpassError(
                    f"query {query.id} was not embedded: {error}; does an embed worker run?"
                ) from error
            nearest = await by_vector(self.engine, self.index, vector, policy, query.filter)
        if system.by == "knn":
            return nearest
        words = await by_words(self.engine, self.index, query.text, policy, query.filter)
        return fused(words, nearest, policy) if system.by == "fused" else words


@dataclass(frozen=True, slots=True)
class Here:
    """The proxy's composition in this process, one a system, since each has a policy of its own."""

    index: str
    services: Services
    headers: Sequence[tuple[bytes, bytes]]
    searches: Mapping[str, Searches]

    async def search(self, system: System, query: Query) -> SearchResult:
        body = {
            "index": self.index,
            "query": query.text,
            "size": system.policy.window,
            "filter": list(query.filter),
            "policy": system.policy.name,
        }
        call = Call("POST", b"/_secondpass/search", self.headers, orjson.dumps(body))
        answer = await self.searches[system.name].simple(call)
        return read_result(answer.reply.status, answer.reply.body)

    def place(self, system: System) -> object:
        """What the model's guards let through."""
        model = self.searches[system.name].settings.model_named(system.policy.model)
        return [self.services.live.longest_query(model.name), *model.languages]


@dataclass(frozen=True, slots=True)
class There:
    """A running proxy. It tells nobody which models its workers have, and its policies' limits can only be lowered."""

    index: str
    url: str
    client: AsyncClient

    async def search(self, system: System, query: Query) -> SearchResult:
        return await self.client.search(
            self.index,
            query.text,
            system.policy.window,
            filter=query.filter,
            policy=system.base or None,
            budget_ms=system.policy.budget_ms,
            window=system.policy.window,
        )

    def place(self, system: System) -> object:
        return self.url


@asynccontextmanager
async def open_road(settings: Settings, index: str, systems: Sequence[System], url: str = "") -> AsyncIterator[Road]:
    """Raises EngineError and its kinds, ConfigError, and SecondpassError where a worker that is needed is not alive."""
    engine = await open_engine(settings.engine)
    services = await Services.open(settings)
    auth = authorization(settings.engine.service_auth)
    try:
        state = await index_state(engine, index)
        if any(system.by in ("knn", "fused") for system in systems):
            await _await_worker(services.live, "embed", MODEL)
        if url:
            patience = max(system.policy.budget_ms for system in systems) / 1000 + 60
            async with AsyncClient(url, auth=auth or None, timeout_s=patience) as client:
                yield Road(index, engine, services, There(index, url, client), state)
            return
        wanted = [system for system in systems if system.by == "reranked"]
        for model in {system.policy.model for system in wanted}:
            await _await_worker(services.live, "score", model)
        headers = [(b"authorization", auth.encode())] if auth else []
        with composed(settings, index, engine, services, wanted) as searches:
            yield Road(index, engine, services, Here(index, services, headers, searches), state)
    finally:
        await services.close()
        await engine.close()


async def index_state(engine: Engine, index: str) -> list[Any]:
    """What stands for the documents behind a name, as JSON values: the mapping and uuid of each index, and how many
    documents there are. An index that is made again has another uuid. Raises ConfigError where there is no index.
    """
    mappings = await engine.mapping(index)
    if not mappings:
        raise ConfigError(f"there is no index {index!r} on this engine; make it with `secondpass index`")
    uuids = {}
    if isinstance(engine, HttpEngine):
        settings = await engine.request("GET", f"/{quote(index, safe=',*-_.')}/_settings/index.uuid")
        uuids = {name: found["settings"]["index"]["uuid"] for name, found in settings.items()}
    return [mappings, uuids, await engine.count(index)]


async def _await_worker(live: Live, role: str, model: str) -> None:
    for _ in range(WAIT_BEATS):
        if live.live(role, model):
            return
        await asyncio.sleep(BEAT_S)
    asked = f"--role {role}" + (f" --model {model}" if role == "score" else "")
    raise SecondpassError(
        f"no {role} worker{f' of model {model}' if role == 'score' else ''} is alive on this broker: start one with "
        f"`secondpass worker {asked}`, or use the stack of `secondpass up` with --port"
    )


def _label(source: Mapping[str, Any] | None, id: str) -> str:
    return label(source, id)[:LABEL_CHARACTERS]


def _of_result(key: str, system: System, query: Query, found: SearchResult, took_ms: float) -> Answered:
    said = found.rerank
    return Answered(
        key,
        system.name,
        query.id,
        ids=[hit.id for hit in found.hits],
        labels={hit.id: _label(hit.source, hit.id) for hit in found.hits[:LABELLED]},
        took_ms=round(took_ms, 1),
        state=said.state,
        reason=said.reason or "",
        scored=said.scored,
        cached=said.cached,
        window=said.window,
        ms=said.ms,
        knn=said.knn or "",
    )
