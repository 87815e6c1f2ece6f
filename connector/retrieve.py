"""What the engine is asked for: the caller's own search, the vector leg beside it, and hits that moved out of reach.

All of it goes out under the caller's own credentials. The lexical request is edited only as far as `window_call` says;
where the engine refuses the edited form, or more of its shards do, the caller's own form is sent and its answer stands,
error or not.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from connector.dialects.answer import Found, read_answer, shard_failures
from connector.dialects.edit import json_headers, knn_call, plain_call, window_call
from connector.dialects.request import SearchRequest
from connector.engines.base import Dialect
from connector.errors import EngineError
from connector.settings import Model, Policy
from connector.types import Call, Candidate, Key, Plan, Reply

Fetch = Callable[[Call], Awaitable[Reply]]
"""Sends a call to the engine and returns its whole answer. Raises EngineError and its kinds."""

Forms = dict[tuple[int, int, bool, bool], tuple[bytes, bytes]]
"""Target and body of a search's window calls, by `from`, `size`, whether stored fields are read, and whether any are
added."""

RESULT_WINDOW = re.compile(rb"must be less than or equal to: \[(\d+)\]")  # both engines word their refusal so
REPEATED = frozenset({400, 500})  # refusals that may be of what was edited; any other would meet the caller's own form
TOO_MUCH = b"circuit_breaking_exception"  # as 429 or 503: the caller's own form asks for less
NO_SOURCE = b"_source is disabled"  # and this one, to `fields` of an index without `_source`


@dataclass(slots=True)
class Legs:
    """How the engine is reached for one search. `stored`: an index keeps no `_source`, its stored fields are read."""

    fetch: Fetch
    dialect: Dialect
    call: Call
    request: SearchRequest
    plan: Plan
    policy: Policy
    model: Model
    forms: Forms = field(default_factory=dict)
    stored: bool = field(default=False, init=False)

    def without_text(self) -> "Legs":
        """The same, but the model's text is not asked for."""
        return replace(self, plan=replace(self.plan, added=()))

    async def own(self) -> Reply:
        """The caller's own search, less our controls."""
        return await self.fetch(plain_call(self.call, self.request))

    async def window(self, first: int, size: int) -> Reply:
        """The engine's answer to the caller's search for another page, or its refusal of that. Shrinks to the least
        `max_result_window` of the indices rather than cause an error, also where single shards alone refuse.
        """
        reply = await self._edited(first, size)
        while refusal := _refusal(reply):
            most = min(map(int, RESULT_WINDOW.findall(refusal)), default=first + size)
            if NO_SOURCE in refusal and not self.stored and not self._has_hits(reply):
                self.stored = True
            elif self.plan.first + self.plan.size <= most < first + size:
                size = most - first
            else:
                break
            reply = await self._edited(first, size)
        return reply

    async def read(self, reply: Reply, first: int) -> tuple[Reply, Found | None]:
        """What `window` gave as data. Found is None where the engine refused that, or where the caller's own form fails
        on fewer shards (a deeper hit's highlight or script may throw): `Reply` is then its answer to that form, or the
        refusal that has nothing to do with the form.
        """
        if reply.status != 200 and reply.status not in REPEATED and TOO_MUCH not in reply.body:
            return reply, None
        found = self._read(reply, first) if reply.status == 200 else None
        if found is None or shard_failures(reply.body):
            own = await self.own()
            if found is None or self._fails_less(own, found):
                return own, None
        return reply, found

    async def lexical(self, first: int, size: int) -> tuple[Reply, Found | None]:
        """`window`, read."""
        return await self.read(await self.window(first, size), first)

    async def _edited(self, first: int, size: int) -> Reply:
        key = first, size, self.stored, bool(self.plan.added)
        form = self.forms.get(key)
        if form is None:
            call = window_call(self.call, self.request, self.plan, first, size, stored=self.stored)
            self.forms[key] = call.target, call.body
        else:
            call = Call(self.call.method, form[0], json_headers(self.request), form[1])
        return await self.fetch(call)

    def _fails_less(self, own: Reply, found: Found) -> bool:
        """Whether `own` misses fewer shards than `found`; taken for granted where `filter_path` may hide it."""
        if own.status != 200 or "filter_path" in self.request.parameters:
            return True
        theirs = self._read(own, self.plan.first)
        return theirs is None or theirs.failed_shards < found.failed_shards

    def _has_hits(self, reply: Reply) -> bool:
        """Whether other indices, which have their `_source`, gave hits: as stored fields their text would be lost."""
        found = self._read(reply, 0) if reply.status == 200 else None
        return bool(found and found.candidates)

    async def vector(self, vector: Sequence[float], size: int) -> list[Candidate]:
        """The nearest neighbours that obey the caller's filters, at most `size`. Raises EngineError."""
        filters = list(self.plan.knn_filter or ())
        return await self._hits(self.dialect.knn_clause(self.policy.vector_field, vector, size, filters), size, True)

    async def by_id(self, keys: Sequence[Key], *, lexical: bool) -> dict[Key, Candidate]:
        """Hits of a kept order that this request's window no longer holds, as the caller may see them now: lexical
        ones must still match the caller's query, those of the vector leg its filters. Raises EngineError.
        """
        if not keys:
            return {}
        must = [self.request.query] if lexical and self.request.query is not None else []
        filters: list[object] = [{"bool": {"should": _named(keys), "minimum_should_match": 1}}]
        if not lexical:
            filters += self.plan.knn_filter or ()
        elif (after := self.request.body.get("post_filter")) is not None:
            filters.append(after)
        size = 2 * len(keys)  # where routing parts them, one id may stand twice in an index
        hits = await self._hits({"query": {"bool": {"must": must, "filter": filters}}}, size, False)
        wanted = set(keys)
        return {hit.key: hit for hit in hits if hit.key in wanted}

    async def _hits(self, clause: dict[str, object], size: int, knn: bool) -> list[Candidate]:
        reply = await self.fetch(knn_call(self.call, self.request, self.plan, clause, size, stored=self.stored))
        found = self._read(reply, 0, knn=knn) if reply.status == 200 else None
        if found is None:
            raise EngineError(f"the engine answered {reply.status} to a request of ours beside the caller's")
        return list(found.candidates)

    def _read(self, reply: Reply, first: int, knn: bool = False) -> Found | None:
        return read_answer(reply.body, first, knn=knn)


def _named(keys: Sequence[Key]) -> list[object]:
    """A clause for each index, because the same id may stand in several of a request's."""
    ids: dict[str, list[str]] = {}
    for index, name, _ in keys:
        ids.setdefault(index, []).append(name)
    return [
        {"bool": {"filter": [{"term": {"_index": index}}, {"ids": {"values": sorted(set(names))}}]}}
        for index, names in ids.items()
    ]


def _refusal(reply: Reply) -> bytes:
    """What the engine, or some of its shards, has against a search; b"" for nothing."""
    if reply.status == 400:
        return reply.body
    return shard_failures(reply.body) if reply.status == 200 else b""
