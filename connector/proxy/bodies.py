"""Request bodies that we hold, counted by what has come of them: a client that sends nothing costs nothing."""

import asyncio

from connector.errors import BodyTooLarge, Overloaded, TooSlow
from connector.proxy import connection
from connector.proxy.http import Request
from connector.proxy.wire import CHUNKED

BODY_BYTES = 16 * 1024 * 1024  # longest body that is held to be parsed; a longer search streams through unreranked
GET_BYTES = 64 * 1024  # the same where nobody needs a body
HELD_BYTES = 256 * 1024 * 1024  # of all bodies together; ten thousand of ordinary searches
SHORT_BYTES = connection.HELD_BYTES  # a body up to here is read all the same: one that streams costs as much
BODY_S = 30.0  # how long a client may take to send a body that we read, whatever its length
BODY_RATE = 64 * 1024  # and bytes a second beyond that: the slowest that a long one may come


class Bodies:
    """All bodies that a listener holds at this moment."""

    def __init__(self) -> None:
        self._held = 0

    async def read(self, request: Request, limit: int) -> bytes:
        """The whole body, which counts until it is let go. A client that waits for `100 Continue` gets it from us.

        Raises BodyTooLarge beyond `limit` bytes, Overloaded for a long one where all together are too much, TooSlow
        (nothing is lost: what has come can still be streamed), Malformed, Lost.
        """
        length = request.head.length
        if length > limit:
            raise BodyTooLarge(f"the body is longer than {limit} bytes")
        request.go_on()
        if request.body.complete:
            return await self._read(request, limit)
        try:
            async with asyncio.timeout(BODY_S + (limit if length == CHUNKED else length) / BODY_RATE):
                return await self._read(request, limit)
        except TimeoutError as exc:
            raise TooSlow("the request's body came too slowly") from exc

    def let_go(self, request: Request) -> None:
        """The request is over, or its body streams on."""
        self._held -= request.held
        request.held = 0

    def count(self, request: Request, size: int) -> None:
        """So many bytes more are held for a request: a piece that came, or what a packed body became. Raises Overloaded
        for a long one where all together are too much.
        """
        request.held += size
        self._held += size
        if self._held > HELD_BYTES and request.held > SHORT_BYTES:
            raise Overloaded("the bodies of all requests together take too much room")

    async def _read(self, request: Request, limit: int) -> bytes:
        pieces: list[bytes] = []
        try:
            while piece := await request.body.next():
                pieces.append(piece)
                if request.held + len(piece) > limit:
                    raise BodyTooLarge(f"the body is longer than {limit} bytes")
                self.count(request, len(piece))
        except BaseException:
            request.body.give_back(pieces)
            self.let_go(request)
            raise
        return b"".join(pieces)
