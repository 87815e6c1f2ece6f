"""gzip, read within a bound: what must be parsed is unpacked, and says so by losing its Content-Encoding."""

import zlib
from dataclasses import replace

from connector.errors import BadRequest, BodyTooLarge, EngineError
from connector.types import Headers, Reply

GZIP = (b"gzip", b"x-gzip")
MEMBERS = 16  # gzip streams that follow one another (RFC 1952 2.2); each costs a copy of all that follow


def encoding(headers: Headers) -> bytes:
    """The content coding, lower case; b"" for none."""
    codings = [value.strip().lower() for name, value in headers if name.lower() == b"content-encoding"]
    coding = b",".join(codings)
    return b"" if coding == b"identity" else coding


def without_encoding(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [field for field in headers if field[0].lower() != b"content-encoding"]


def unpack(body: bytes, limit: int) -> bytes:
    """Raises BodyTooLarge beyond `limit` bytes, BadRequest where it is not whole gzip."""
    pieces: list[bytes] = []
    size = 0
    for _ in range(MEMBERS):
        if not body:
            break
        reader = zlib.decompressobj(wbits=31)
        try:
            piece = reader.decompress(body, limit - size + 1)
        except zlib.error as exc:
            raise BadRequest(f"the body is not gzip, as its Content-Encoding says: {exc}") from exc
        size += len(piece)
        if size > limit:
            raise BodyTooLarge(f"the body is longer than {limit} bytes when unpacked")
        if not reader.eof:
            raise BadRequest("the gzip body is cut short")
        pieces.append(piece)
        body = reader.unused_data
    if body:
        raise BadRequest(f"more than {MEMBERS} gzip members")
    return b"".join(pieces)


def gunzip(reply: Reply, limit: int) -> Reply:
    """The reply with a plain body. Raises BodyTooLarge, EngineError."""
    if encoding(reply.headers) not in GZIP or not reply.body:
        return reply
    try:
        return replace(reply, headers=without_encoding(reply.headers), body=unpack(reply.body, limit))
    except BadRequest as exc:
        raise EngineError(f"the engine's answer: {exc}") from exc
