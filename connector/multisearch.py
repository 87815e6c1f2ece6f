"""An `_msearch`: its searches under a policy are answered as `_search` would be, the others go along.

One upstream `_msearch` carries what all of them ask first. Where the engine refuses it as a whole, the caller's own
goes out, and the engine's answer to that stands. A search whose controls cannot be understood fails alone.
"""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from connector.asked import UNREAD, Asked
from connector.dialects.edit import plain_call
from connector.dialects.msearch import Entries, Entry, read_entries, read_names
from connector.dialects.source import with_body
from connector.dialects.template import read_rendered, render_call, wrap
from connector.errors import BadRequest, BodyTooLarge, EngineError
from connector.proxy.errors import render
from connector.searches import Names, Searches
from connector.together import Together, Wrap
from connector.types import Answer, Call, Outcome, PassThrough, Reason, Reply, State

AT_ONCE = 32  # searches of one `_msearch` that are reranked; at a window of 100 hits of 10 KB they are 32 MB
RENDERED_AT_ONCE = 8

NO_POLICY = Outcome(State.SKIPPED, Reason.OPT_OUT)  # a search beside others that are under a policy
TOO_MANY = Outcome(State.SKIPPED, Reason.OVERLOAD)
TOO_LONG = Outcome(State.SKIPPED, Reason.LENGTH)
FAILED = Outcome(State.FAILED, Reason.ERROR)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MultiSearches:
    """All `_msearch` of a process. Both verbs answer None where nothing in the request is under a policy; PassThrough,
    with one outcome for all of it, where something is and it cannot be read. They raise BodyTooLarge.
    """

    searches: Searches

    async def search(self, call: Call, names: Names) -> Answer | PassThrough | None:
        """Answer an `_msearch`."""
        entries = self._read(call, names)
        if not isinstance(entries, Entries):
            return entries
        calls = {at: entry.call for at, entry in self._ours(entries).items()}
        return await self._stated(entries, self._answer(entries, calls, lambda at, body: body))

    async def template(self, call: Call, names: Names) -> Answer | PassThrough | None:
        """Answer an `_msearch/template`: each template under a policy is rendered by the engine."""
        entries = self._read(call, names)
        if not isinstance(entries, Entries):
            return entries
        return await self._stated(entries, self._rendered(call, entries))

    def count(self, call: Call, names: Names) -> int:
        """How many searches are in a request: 0 where none of them is under a policy, 1 where it cannot be read."""
        entries = self._read(call, names)
        return len(entries.entries) if isinstance(entries, Entries) else 1 if entries else 0

    def _read(self, call: Call, names: Names) -> Entries | PassThrough | None:
        given, dialect, outcome = with_body(call), self.searches.second.dialect().name, UNREAD
        try:
            entries = read_entries(given, names, dialect)
        except BodyTooLarge:
            entries, outcome = None, TOO_LONG
        if entries and entries.entries:
            return entries if self._ours(entries) else None
        known = [names, *read_names(given, dialect)]
        return PassThrough(call, outcome) if any(map(self.searches.matches, known)) else None

    def _ours(self, entries: Entries) -> dict[int, Entry]:
        return {at: entry for at, entry in enumerate(entries.entries) if self.searches.matches(entry.names)}

    async def _stated(self, entries: Entries, answering: Coroutine[Any, Any, Answer]) -> Answer:
        """The answer, or an error of the whole request: either with an outcome for each search."""
        try:
            return await answering
        except (BadRequest, EngineError) as error:
            return self._say(self._error(entries, error), entries, dict.fromkeys(self._ours(entries), FAILED))

    async def _rendered(self, call: Call, entries: Entries) -> Answer:
        ours, places = self._ours(entries), asyncio.Semaphore(RENDERED_AT_ONCE)

        async def rendering(entry: Entry) -> bytes | None:
            async with places:
                return read_rendered(await self.searches.second.fetch(render_call(call, entry.body)))

        bodies = await all_of([rendering(entry) for entry in ours.values()])
        rendered = {at: body for at, body in zip(ours, bodies, strict=True) if body is not None}
        calls = {at: replace(ours[at].call, body=body) for at, body in rendered.items()}

        def wrapped(at: int, body: bytes) -> bytes:
            template = ours[at].body
            return template if body == rendered[at] else wrap(template, body)

        return await self._answer(entries, calls, wrapped)

    def _ask(self, entries: Entries, calls: Mapping[int, Call]) -> dict[int, Asked | BadRequest]:
        """What is to be done for each search, or what is wrong with it, up to the last that is to be reranked."""
        asked: dict[int, Asked | BadRequest] = {}
        planned = 0
        for at, call in calls.items():
            if planned == AT_ONCE:
                break
            try:
                one = asked[at] = self.searches.ask(call, entries.entries[at].names)
                planned += one.planned is not None and not one.planned.plan.skip
            except BadRequest as error:
                asked[at] = error
        return asked

    async def _answer(self, entries: Entries, calls: Mapping[int, Call], wrap: Wrap) -> Answer:
        """Answer all searches; those of `calls` (each as a `_search`) as their policies say. Raises BadRequest where
        all of the request are wrong.
        """
        fetch, read = self.searches.second.fetch, self._ask(entries, calls)
        asked = {at: one for at, one in read.items() if isinstance(one, Asked)}
        wrong = {at: one for at, one in read.items() if isinstance(one, BadRequest)}
        if len(wrong) == len(entries.entries):
            raise next(iter(wrong.values()))
        others = {at: entry for at, entry in enumerate(entries.entries) if at not in asked}
        entries = entries.with_bodies({at: plain_call(entry.call, None).body for at, entry in others.items()})
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
            for at, error in wrong.items():
                bodies[at] = self._error(entries, error).body
                outcomes[at] = FAILED
            outcomes |= dict.fromkeys(calls.keys() - read.keys(), TOO_MANY)
            reply = responses.reply_with(bodies, max(one.ms for one in outcomes.values()))
        return self._say(reply, entries, outcomes)

    def _error(self, entries: Entries, error: BadRequest | EngineError) -> Reply:
        return Reply(*render(error, self.searches.second.dialect().name, entries.call.headers))

    def _say(self, reply: Reply, entries: Entries, outcomes: Mapping[int, Outcome]) -> Answer:
        """`outcomes` are those of the searches under a policy."""
        return Answer(reply, several=tuple(outcomes.get(at, NO_POLICY) for at in range(len(entries.entries))))


async def all_of(work: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """All results, or the first error; then nothing of it goes on."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
