"""The searches of one `_msearch` on their way to the engine: what each asks first goes out in one `_msearch`.

Whatever a search asks later (the vector leg, its own form where the engine refused ours) goes alone, as an `_msearch`
of one under the same header line, so that routing, preference and credentials hold.
"""

import asyncio
from collections.abc import Callable

from connector.dialects.msearch import Entries
from connector.dialects.responses import Responses, read_responses
from connector.retrieve import Fetch
from connector.types import Call, Reply

Wrap = Callable[[int, bytes], bytes]
"""From a search's number and body to what stands in its line."""


class Together:
    """Built for the searches `waiting` (their numbers), each of which must ask at least once."""

    def __init__(self, fetch: Fetch, entries: Entries, waiting: set[int], wrap: Wrap) -> None:
        self._fetch = fetch
        self._entries = entries
        self._waiting = waiting
        self._wrap = wrap
        self._bodies: dict[int, bytes] = {}
        self._sent = False
        self._answered: asyncio.Future[tuple[Reply, Responses | None]] = asyncio.get_running_loop().create_future()

    async def send(self) -> tuple[Reply, Responses | None]:
        """The engine's answer to all, asked for when every search has asked. None: it refused them as a whole."""
        if not self._waiting and not self._sent:
            self._sent = True
            try:
                reply = await self._fetch(self._entries.call_with(self._bodies))
            except Exception as error:
                self._answered.set_exception(error)
            else:
                self._answered.set_result((reply, read_responses(reply, len(self._entries.entries))))
        return await asyncio.shield(self._answered)

    def fetch_for(self, number: int) -> Fetch:
        """How the search `number` reaches the engine."""

        async def fetch(call: Call) -> Reply:
            body = self._wrap(number, call.body)
            if number in self._waiting:
                self._waiting.remove(number)
                self._bodies[number] = body
                reply, responses = await self.send()
                return responses.replies[number] if responses else reply
            if self._answered.done() and self._answered.result()[1] is None:
                return self._answered.result()[0]  # refused as a whole: nothing that one search asks can help
            reply = await self._fetch(self._entries.call_for(number, body))
            responses = read_responses(reply, 1)
            return responses.replies[0] if responses else reply

        return fetch
