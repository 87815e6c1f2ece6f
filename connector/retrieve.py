"""What the engine is asked for: the caller's own search, the vector leg beside it, and hits that moved out of reach.

All of it goes out under the caller's own credentials. The lexical request is edited only as far as `window_call` says;
where the engine refuses the edited form, the caller's own form is sent and its answer stands, error or not.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from connector.dialects.answer import Found, read_answer
from connector.dialects.edit import knn_call, own_call, window_call
from connector.dialects.request import SearchRequest
from connector.engines.base import Dialect
from connector.settings import Policy
from connector.types import Call, Candidate, Plan, Reply

Fetch = Callable[[Call], Awaitable[Reply]]
"""Sends a call to the engine and returns its whole answer. Raises EngineError and its kinds."""

RESULT_WINDOW = re.compile(rb"must be less than or equal to: \[(\d+)\]")  # both engines word their refusal so


@dataclass(frozen=True, slots=True)
class Legs:
    """How the engine is reached for one search."""

    fetch: Fetch
    dialect: Dialect
    call: Call
    request: SearchRequest
    plan: Plan
    policy: Policy

    async def own(self) -> Reply:
        """The caller's own search, less our controls."""
        return await self.fetch(own_call(self.call, self.request))

    async def lexical(self, first: int, size: int) -> tuple[Reply, Found | None]:
        """The caller's search with another page; Found is None where the engine refused and `Reply` is its answer to
        the caller's own form. Shrinks once to the index's `max_result_window` rather than cause an error.
        """
        reply = await self._edited(first, size)
        if reply.status == 400 and (limit := RESULT_WINDOW.search(reply.body)):
            if self.plan.first + self.plan.size <= int(limit[1]) < first + size:
                reply = await self._edited(first, int(limit[1]) - first)
        found = read_answer(reply.body, self.request, self.plan, self.policy) if reply.status == 200 else None
        if found is None:
            return await self.own(), None
        return reply, found

    async def _edited(self, first: int, size: int) -> Reply:
        return await self.fetch(window_call(self.call, self.request, self.plan, first, size))

    async def vector(self, vector: Sequence[float], size: int) -> list[Candidate]:
        """The nearest neighbours that obey the caller's filters, at most `size`; [] where the engine refused."""
        clause = self.dialect.knn_clause(self.policy.vector_field, vector, size, list(self.plan.knn_filter or ()))
        hits = await self._hits(clause, size)
        return [
            replace(c, engine_rank=None, engine_score=None, knn_rank=c.engine_rank, knn_score=c.engine_score)
            for c in hits
        ]

    async def by_id(self, keys: Sequence[tuple[str, str]], *, lexical: bool) -> dict[tuple[str, str], Candidate]:
        """Hits of a kept order that this request's window no longer holds, as the caller may see them now: lexical
        ones must still match the caller's query, those of the vector leg its filters.
        """
        if not keys:
            return {}
        must = [self.request.query] if lexical and self.request.query is not None else []
        filters = [{"ids": {"values": sorted({id for _, id in keys})}}]
        if not lexical:
            filters += list(self.plan.knn_filter or ())
        hits = await self._hits({"query": {"bool": {"must": must, "filter": filters}}}, len(keys) * 2)
        wanted = set(keys)
        return {hit.key: hit for hit in hits if hit.key in wanted}

    async def _hits(self, clause: dict[str, object], size: int) -> list[Candidate]:
        reply = await self.fetch(knn_call(self.call, self.request, self.plan, clause, size))
        found = read_answer(reply.body, self.request, self.plan, self.policy) if reply.status == 200 else None
        return list(found.candidates) if found else []
