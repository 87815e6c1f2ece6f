"""One request and its answer, as the proxy's own code sees them: raw bytes, nothing decoded, nothing added."""

from connector.proxy.connection import Body, Connection
from connector.proxy.wire import CHUNKED, CLOSE, Fields, RequestHead, chunk, has_body, with_length, write_head
from connector.types import Headers


class Request:
    """`fields` are end-to-end, in their order and spelling; `target` is the raw request target."""

    __slots__ = ("body", "expects", "fields", "head", "held", "method", "response", "target")

    def __init__(self, head: RequestHead, body: Body, response: "Response") -> None:
        self.head = head
        self.method = head.method
        self.target = head.target
        self.fields = head.fields
        self.expects = head.expects  # the client waits for a `100 Continue` that has not been sent
        self.body = body
        self.held = 0  # bytes of the body that were read by us (`connector.proxy.bodies`)
        self.response = response

    def get(self, name: bytes) -> bytes | None:
        """The first field called `name` (lower case)."""
        return next((value for field, value in self.fields if field.lower() == name), None)

    def go_on(self) -> None:
        """Send the `100 Continue` that the client waits for, if it does: the body is read by us."""
        if self.expects:
            self.expects = False
            self.response.inform(100, b"Continue", [])


class Response:
    """Writes one answer. `start`, any number of `write`, `end`; or `send`, which is all three."""

    __slots__ = ("_asked", "_chunked", "_connection", "_empty", "_head", "ended", "keep_alive", "started")

    def __init__(self, connection: Connection, head: RequestHead, asked: Body, keep_alive: bool) -> None:
        self._connection = connection
        self._asked = asked  # the request's body
        self._head = head
        self._chunked = False
        self._empty = False  # this answer has no body, whatever its fields say
        self.keep_alive = keep_alive
        self.started = False
        self.ended = False

    def inform(self, status: int, reason: bytes, fields: Fields) -> None:
        """Send an interim answer (1xx)."""
        if self._head.minor:
            self._connection.transport.write(write_head(b"HTTP/1.1 %d %b" % (status, reason), fields))

    def start(self, status: int, reason: bytes, fields: Fields, length: int, first: bytes = b"") -> None:
        """Send the head, with what there is of the body.

        `fields` are end-to-end; a Content-Length among them stays where it stands and must say `length`.
        """
        self.started = True
        self._empty = not has_body(self._head.method, status)
        self._chunked = length == CHUNKED and self._head.minor == 1 and not (self._empty and status in (204, 304))
        fields = list(fields)
        if self._chunked:
            fields.append((b"Transfer-Encoding", b"chunked"))
        elif length in (CLOSE, CHUNKED) and not self._empty:
            self.keep_alive = False
        if not self._asked.complete:  # what the client still sends can no longer be told from a next request
            self.keep_alive = False
        if not self.keep_alive:
            fields.append((b"Connection", b"close"))
        elif not self._head.minor:
            fields.append((b"Connection", b"keep-alive"))
        head = write_head(b"HTTP/1.1 %d %b" % (status, reason), fields)
        body = [] if self._empty or not first else [chunk(first) if self._chunked else first]
        self._connection.transport.writelines([head, *body])  # without a copy of what may be long

    def write(self, data: bytes) -> None:
        if data and not self._empty:  # an empty chunk would end the body
            self._connection.transport.write(chunk(data) if self._chunked else data)

    @property
    def full(self) -> bool:
        return self._connection.full

    async def drain(self) -> None:
        """Wait for the client to catch up. Raises Lost."""
        await self._connection.drain()

    def end(self) -> None:
        if self._chunked and not self._empty:
            self._connection.transport.write(b"0\r\n\r\n")
        self.ended = True

    def send(self, status: int, reason: bytes, fields: Headers, body: bytes) -> None:
        """Send a whole answer; its Content-Length is set here, where it stood if it stood somewhere."""
        kept = with_length(fields, len(body), always=status not in (204, 304))
        self.start(status, reason, kept, len(body), body)
        self.end()
