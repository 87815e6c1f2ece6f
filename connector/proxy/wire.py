"""The grammar of HTTP/1.1 messages: heads, framing, chunks. Pure. What is not clearly one message is refused.

Header fields are read by llhttp (through httptools), as a parser only, from a block that was cut at its empty line:
it keeps spelling, order and repeats, and refuses what two readers could understand differently (both Content-Length
and Transfer-Encoding, two lengths, folded lines, blanks in names). The start line and the bodies are read here,
because llhttp knows a fixed list of methods only and does not say where a body ends.
"""

import re
from typing import NamedTuple

import httptools

from connector.errors import BadRequest, EngineError
from connector.types import Headers

HEAD_BYTES = 128 * 1024  # longest head; engines take 8-16 KB, so that their own refusal is what a caller sees
FIELDS = 1000  # most header fields of one message
LINE_BYTES = 4096  # longest line that names a chunk's size

CHUNKED = -1  # a body whose length is not known before its end
CLOSE = -2  # a body that ends with the connection

HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer transfer-encoding "
    b"upgrade".split()
)
"""Fields between two neighbours (RFC 9110 7.6.1), with what `Connection` names besides."""

_START = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e\x80-\xff]+) HTTP/1\.([01])")
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:;[\t\x20-\x7e\x80-\xff]*)?")
_TRAILER = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*")

Fields = list[tuple[bytes, bytes]]


class RequestHead(NamedTuple):
    method: str
    target: bytes
    fields: Fields  # end-to-end, with Content-Length in its place
    length: int  # of the body: bytes, or CHUNKED
    keep_alive: bool
    minor: int  # of the version HTTP/1.x
    expects: bool  # the client waits for `100 Continue` before it sends the body


class ResponseHead(NamedTuple):
    status: int
    reason: bytes
    fields: Fields
    length: int  # bytes, CHUNKED or CLOSE, whether or not a body follows (HEAD)
    keep_alive: bool


class Malformed(Exception):
    """Raised by the grammar below; each side turns it into its own error."""


class _Block:
    """Collects what llhttp reads."""

    __slots__ = ("complete", "fields")

    def __init__(self) -> None:
        self.fields: Fields = []
        self.complete = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value.rstrip(b" \t")))  # llhttp leaves blanks behind a value

    def on_headers_complete(self) -> None:
        self.complete += 1


def _read_fields(block: bytes) -> Fields:
    """The header fields of `block`, lines with their CRLF and the empty line at the end."""
    collected = _Block()
    try:
        httptools.HttpRequestParser(collected).feed_data(b"POST / HTTP/1.1\r\n" + block)
    except httptools.HttpParserUpgrade:
        pass  # llhttp stops where another protocol might begin; we never change protocols
    except httptools.HttpParserError as exc:
        raise Malformed(str(exc)) from exc
    if collected.complete != 1:
        raise Malformed("the head has no clear end")
    if len(collected.fields) > FIELDS:
        raise Malformed(f"more than {FIELDS} header fields")
    return collected.fields


def _frame(fields: Fields, minor: int) -> tuple[Fields, int | None, bool, bool]:
    """End-to-end fields, length (None: no field tells it), keep-alive, whether `Expect: 100-continue` is asked."""
    kept: Fields = []
    named: set[bytes] = set()
    length: int | None = None
    expects = False
    for field in fields:
        name = field[0].lower()
        if name in HOP_BY_HOP:
            if name == b"connection":
                named.update(option.strip().lower() for option in field[1].split(b","))
            elif name == b"transfer-encoding":
                if field[1].lower() != b"chunked" or length is not None or minor == 0:
                    raise Malformed("a Transfer-Encoding that is not one plain `chunked`")
                length = CHUNKED
            continue
        if name == b"content-length":
            if length is not None or not field[1].isdigit() or len(field[1]) > 18:
                raise Malformed("a Content-Length that is repeated, contradicted or no number")
            length = int(field[1])
        elif name == b"expect":
            expects = field[1].lower() == b"100-continue" and minor == 1
        kept.append(field)
    if not named:
        return kept, length, minor == 1, expects
    named.discard(b"content-length")  # framing is decided above, whatever a neighbour names
    kept = [field for field in kept if field[0].lower() not in named]
    return kept, length, b"close" not in named if minor else b"keep-alive" in named, expects


def read_request(head: bytes) -> RequestHead:
    """A request's head, with its empty line. Raises BadRequest."""
    line, _, block = head.partition(b"\r\n")
    start = _START.fullmatch(line)
    if start is None:
        raise BadRequest("this is not the first line of an HTTP/1.1 request")
    minor = int(start[3])
    try:
        fields, length, keep_alive, expects = _frame(_read_fields(block), minor)
    except Malformed as exc:
        raise BadRequest(f"the request's head cannot be read: {exc}") from exc
    return RequestHead(start[1].decode("ascii"), start[2], fields, length or 0, keep_alive, minor, expects)


def read_response(head: bytes) -> ResponseHead:
    """An answer's head, with its empty line. Raises EngineError."""
    line, _, block = head.partition(b"\r\n")
    start = _STATUS.fullmatch(line)
    if start is None:
        raise EngineError("the engine's answer does not begin as HTTP/1.1 does")
    try:
        fields, length, keep_alive, _ = _frame(_read_fields(block), int(start[1]))
    except Malformed as exc:
        raise EngineError(f"the head of the engine's answer cannot be read: {exc}") from exc
    return ResponseHead(int(start[2]), start[3] or b"", fields, CLOSE if length is None else length, keep_alive)


def has_body(method: str, status: int) -> bool:
    return method != "HEAD" and status >= 200 and status not in (204, 304)


def write_head(start: bytes, fields: Fields) -> bytes:
    return b"%b\r\n%b\r\n" % (start, b"".join([b"%b: %b\r\n" % field for field in fields]))


def with_length(fields: Headers, length: int, *, always: bool) -> Fields:
    """`fields` with a Content-Length of `length` where one stood; where none did, at the end if `always`."""
    told = False
    kept: Fields = []
    for name, value in fields:
        if name.lower() != b"content-length":
            kept.append((name, value))
        elif not told:
            told = True
            kept.append((name, b"%d" % length))
    if always and not told:
        kept.append((b"Content-Length", b"%d" % length))
    return kept


class Counted:
    """A body of known length. `feed` gives what of `data` belongs to it and, once it has ended, what follows it."""

    __slots__ = ("_left",)

    def __init__(self, length: int) -> None:
        self._left = length

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        size = len(data)
        if size < self._left:
            self._left -= size
            return data, None
        left, self._left = self._left, 0
        return (data, b"") if size == left else (data[:left], data[left:])


class UntilClose:
    """A body that ends with the connection."""

    __slots__ = ()

    def feed(self, data: bytes) -> tuple[bytes, None]:
        return data, None


class Chunks:
    """A chunked body. Extensions and trailers are dropped, as RFC 9112 7.1 lets a proxy do. Raises Malformed."""

    __slots__ = ("_left", "_rest", "_trailers")

    def __init__(self) -> None:
        self._left = -1  # bytes of the chunk under way and the CRLF behind it; -1: a size line comes next
        self._rest = b""  # the beginning of a line
        self._trailers = -1  # bytes of trailers so far; -1: the last chunk has not come

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        if self._rest:
            data, self._rest = self._rest + data, b""
        pieces: list[bytes] = []
        at, size = 0, len(data)
        while at < size:
            if self._left >= 0:  # within a chunk
                ready = min(self._left, size - at)
                content = min(ready, self._left - 2)
                if content > 0:
                    pieces.append(data[at : at + content])
                for seen in range(max(content, 0), ready):
                    if data[at + seen] != (13 if self._left - seen == 2 else 10):
                        raise Malformed("a chunk is longer than it says")
                at += ready
                self._left = self._left - ready or -1
                continue
            end = data.find(b"\r\n", at, at + LINE_BYTES)
            if end < 0:
                if size - at >= LINE_BYTES:
                    raise Malformed("a chunk's first line is too long")
                self._rest = data[at:]
                break
            line, at = data[at:end], end + 2
            if self._trailers >= 0:
                self._trailers += len(line)
                if not line:
                    return b"".join(pieces), data[at:]
                if self._trailers > HEAD_BYTES or _TRAILER.fullmatch(line) is None:
                    raise Malformed("the trailers of a chunked body cannot be read")
                continue
            match = _SIZE.fullmatch(line)
            if match is None:
                raise Malformed("a chunk's size cannot be read")
            length = int(match[1], 16)
            if length:
                self._left = length + 2
            else:
                self._trailers = 0
        return b"".join(pieces), None


Framing = Counted | UntilClose | Chunks


def framing(length: int) -> Framing:
    return Chunks() if length == CHUNKED else UntilClose() if length == CLOSE else Counted(length)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
