"""Compressed bodies, read within a bound: what must be parsed is unpacked, what the engine packed is sent packed."""

import re
import zlib
from dataclasses import replace

from connector.errors import BadRequest, BodyTooLarge, EngineError
from connector.types import Headers, Reply

GZIP = (b"gzip", b"x-gzip")
WINDOW = {b"gzip": 31, b"x-gzip": 31, b"deflate": 15}  # zlib's wbits; "deflate" is zlib's own format (RFC 9110 8.4.1.2)
LEVEL = 1  # a page of ten hits is small; 6 takes three times as long for 5 % less
MEMBERS = 16  # gzip streams that follow one another (RFC 1952 2.2); each costs a copy of all that follow
_READABLE = re.compile(rb"\s*(?:gzip|x-gzip|deflate|identity)\s*(?:;|$)", re.I)


def readable(headers: Headers) -> list[tuple[bytes, bytes]]:
    """The request's fields, asking for no coding of the answer that we could not read."""
    kept: list[tuple[bytes, bytes]] = []
    for name, value in headers:
        if name.lower() == b"accept-encoding":
            value = b",".join(one for one in value.split(b",") if _READABLE.match(one)).strip()
            if not value:
                continue
        kept.append((name, value))
    return kept


def encoding(headers: Headers) -> bytes:
    """The content coding, lower case; b"" for none."""
    codings = [value for name, value in headers if name.lower() == b"content-encoding"]
    if not codings:
        return b""
    coding = b",".join(value.strip().lower() for value in codings)
    return b"" if coding == b"identity" else coding


def without_encoding(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [field for field in headers if field[0].lower() != b"content-encoding"]


def unpack(body: bytes, limit: int, coding: bytes = b"gzip") -> bytes:
    """Raises BodyTooLarge beyond `limit` bytes, BadRequest where it is not whole."""
    pieces: list[bytes] = []
    size = 0
    for _ in range(MEMBERS):
        if not body:
            break
        reader = zlib.decompressobj(WINDOW[coding])
        try:
            piece = reader.decompress(body, limit - size + 1)
        except zlib.error as exc:
            raise BadRequest(f"the body is not {coding.decode()}, as its Content-Encoding says: {exc}") from exc
        size += len(piece)
        if size > limit:
            raise BodyTooLarge(f"the body is longer than {limit} bytes when unpacked")
        if not reader.eof:
            raise BadRequest(f"the {coding.decode()} body is cut short")
        pieces.append(piece)
        body = reader.unused_data
    if body:
        raise BadRequest(f"more than {MEMBERS} gzip members")
    return b"".join(pieces)


def unpacked(reply: Reply, limit: int) -> Reply:
    """The reply with a plain body; its Content-Encoding stays and says how it is to be sent (`packed`).

    Raises BodyTooLarge, EngineError.
    """
    coding = encoding(reply.headers)
    if coding not in WINDOW or not reply.body:
        return reply
    try:
        return replace(reply, body=unpack(reply.body, limit, coding))
    except BadRequest as exc:
        raise EngineError(f"the engine's answer: {exc}") from exc


def packed(reply: Reply) -> bytes:
    """The body as the reply's Content-Encoding says."""
    coding = encoding(reply.headers)
    if coding not in WINDOW or not reply.body:
        return reply.body
    packer = zlib.compressobj(LEVEL, wbits=WINDOW[coding])
    return packer.compress(reply.body) + packer.flush()
