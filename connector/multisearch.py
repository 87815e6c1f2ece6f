"""An `_msearch`: its searches under a policy are answered as `_search` would be, the others go along.

One upstream `_msearch` carries what all of them ask first. Where the engine refuses it as a whole, the caller's own
goes out, and the engine's answer to that stands.
"""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from connector.asked import UNREAD
from connector.dialects.edit import plain_call
from connector.dialects.msearch import Entries, Entry, read_entries
from connector.dialects.source import with_body
from connector.dialects.template import read_rendered, render_call, wrap
from connector.searches import Names, Searches
from connector.together import Together, Wrap
from connector.types import Answer, Call, Outcome, Reason, State

AT_ONCE = 32  # searches of one `_msearch` that are reranked; at a window of 100 hits of 10 KB they are 32 MB
RENDERED_AT_ONCE = 8

NO_POLICY = Outcome(State.SKIPPED, Reason.OPT_OUT)  # a search beside others that are under a policy
TOO_MANY = Outcome(State.SKIPPED, Reason.OVERLOAD)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MultiSearches:
    """All `_msearch` of a process. Both verbs answer None where nothing in the request is under a policy or it cannot
    be read, and raise BadRequest for controls that cannot be understood, EngineError, BodyTooLarge."""

    searches: Searches

    async def search(self, call: Call, names: Names) -> Answer | None:
        """Answer an `_msearch`."""
        entries = self._read(call, names)
        if entries is None:
            return None
        calls = {at: entry.call for at, entry in self._ours(entries).items()}
        return await self._answer(entries, calls, lambda at, body: body)

    async def template(self, call: Call, names: Names) -> Answer | None:
        """Answer an `_msearch/template`: each template under a policy is rendered by the engine."""
        entries = self._read(call, names)
        if entries is None:
            return None
        ours, places = self._ours(entries), asyncio.Semaphore(RENDERED_AT_ONCE)

        async def render(entry: Entry) -> bytes | None:
            async with places:
                return read_rendered(await self.searches.second.fetch(render_call(call, entry.body)))

        bodies = await all_of([render(entry) for entry in ours.values()])
        rendered = {at: body for at, body in zip(ours, bodies, strict=True) if body is not None}
        calls = {at: replace(ours[at].call, body=body) for at, body in rendered.items()}

        def wrapped(at: int, body: bytes) -> bytes:
            template = ours[at].body
            return template if body == rendered[at] else wrap(template, body)

        return await self._answer(entries, calls, wrapped)

    def _read(self, call: Call, names: Names) -> Entries | None:
        entries = read_entries(with_body(call), names, self.searches.second.dialect().name)
        return entries if entries and self._ours(entries) else None

    def _ours(self, entries: Entries) -> dict[int, Entry]:
        return {at: entry for at, entry in enumerate(entries.entries) if self.searches.matches(entry.names)}

    async def _answer(self, entries: Entries, calls: Mapping[int, Call], wrap: Wrap) -> Answer:
        """Answer all searches; those of `calls` (each as a `_search`) as their policies say."""
        fetch = self.searches.second.fetch
        asked = {at: self.searches.ask(call, entries.entries[at].names) for at, call in calls.items()}
        planned = [at for at, one in asked.items() if one.planned and not one.planned.plan.skip]
        for at in planned[AT_ONCE:]:
            asked[at] = replace(asked[at], planned=None, outcome=TOO_MANY)
        together = Together(fetch, entries, set(asked), wrap)
        answers = await all_of([self.searches.answer(one, together.fetch_for(at)) for at, one in asked.items()])
        reply, responses = await together.send()
        outcomes = dict.fromkeys(self._ours(entries), UNREAD)
        if responses is None:
            own = {at: wrap(at, plain_call(one.call, one.request).body) for at, one in asked.items()}
            reply = await fetch(entries.call_with(own))
        else:
            bodies = [one.body for one in responses.replies]
            for at, answer in zip(asked, answers, strict=True):
                bodies[at] = answer.reply.body
                outcomes[at] = answer.outcome or UNREAD
            reply = responses.reply_with(bodies, max(one.ms for one in outcomes.values()))
        return Answer(reply, several=tuple(outcomes.get(at, NO_POLICY) for at in range(len(entries.entries))))


async def all_of(work: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """All results, or the first error; then nothing of it goes on."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
