"""Request bodies that we hold. Who sends one has no place among the searches yet, so long ones are few at a time."""

from connector.errors import BodyTooLarge, Overloaded
from connector.proxy.connection import HELD_BYTES
from connector.proxy.http import Request

BODY_BYTES = 16 * 1024 * 1024  # longest body that is held to be parsed; a longer search streams through unreranked
GET_BYTES = 64 * 1024  # the same where nobody needs a body
LONG_BYTES = HELD_BYTES  # up to here a body costs no more than one that streams through; real ones seldom reach 100 KB
LONG_AT_ONCE = 16  # longer ones that are read at a time: 256 MB where all are as long as can be


class Bodies:
    """All bodies that a listener reads at this moment."""

    def __init__(self) -> None:
        self._long = 0

    async def read(self, request: Request, limit: int) -> bytes:
        """The whole body. Raises as `Request.read` does, and Overloaded for one that is long where many are; what was
        read is then still there to be streamed.
        """
        try:
            return await request.read(min(limit, LONG_BYTES))
        except BodyTooLarge:
            if limit <= LONG_BYTES:
                raise
        if self._long >= LONG_AT_ONCE:
            raise Overloaded(f"{self._long} long bodies are being read")
        self._long += 1
        try:
            return await request.read(limit)
        finally:
            self._long -= 1
