"""Requests as bytes and answers as bytes: no HTTP library may smooth over what is compared."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from connector.proxy.wire import HOP_BY_HOP

Fields = list[tuple[bytes, bytes]]

JSON = b"Content-Type: application/json\r\n"
NDJSON = b"Content-Type: application/x-ndjson\r\n"


def ask(
    method: str, target: str, body: bytes | str = b"", headers: bytes = JSON, *, chunks: int = 0, version: str = "1.1"
) -> bytes:
    """A request as bytes; INDEX stands for the index. With a body but no `headers` of its own it is JSON.

    `chunks`: bytes a chunk; 0 sends a Content-Length.
    """
    body = body.encode() if isinstance(body, str) else body
    if not body:
        framed = b"\r\n" if method in ("GET", "HEAD", "DELETE", "OPTIONS") else b"Content-Length: 0\r\n\r\n"
        headers = headers if headers != JSON else b""
    elif chunks:
        pieces = [body[at : at + chunks] for at in range(0, len(body), chunks)]
        framed = b"Transfer-Encoding: chunked\r\n\r\n"
        framed += b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    else:
        framed = b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    start = f"{method} {target} HTTP/{version}\r\nHost: localhost\r\n".encode()
    return start + headers + framed


@dataclass
class Reply:
    """`status` is the whole status line, `headers` are all fields in their order and spelling."""

    status: bytes
    headers: Fields
    body: bytes
    interim: list[bytes]

    @property
    def said(self) -> bytes:
        """Code and reason phrase. The version before them is that of the two neighbours, RFC 9112 2.3."""
        return self.status.partition(b" ")[2]

    @property
    def code(self) -> int:
        return int(self.said[:3])

    @property
    def end_to_end(self) -> Fields:
        return [field for field in self.headers if field[0].lower() not in HOP_BY_HOP]

    def get(self, name: bytes) -> bytes | None:
        return next((value for field, value in self.headers if field.lower() == name), None)


class Link:
    """One connection that is being read."""

    def __init__(self, peer: socket.socket) -> None:
        self.peer = peer
        self._buffer = b""

    def _more(self) -> None:
        data = self.peer.recv(1 << 16)
        if not data:
            raise ConnectionResetError("closed before the end of an answer")
        self._buffer += data

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._more()
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            self._more()
        return self._take(self._buffer.index(mark) + len(mark))

    def _rest(self) -> bytes:
        while data := self.peer.recv(1 << 16):
            self._buffer += data
        return self._take(len(self._buffer))

    def reply(self, *, bodiless: bool = False) -> Reply:
        """The next answer, whole. Raises ConnectionError where the connection ends before."""
        interim: list[bytes] = []
        while (head := self._until(b"\r\n\r\n")).split()[1][:1] == b"1":
            interim.append(head)
        status, *lines = head[:-4].split(b"\r\n")
        headers = [(name, value.strip()) for name, _, value in (line.partition(b":") for line in lines)]
        reply = Reply(status, headers, b"", interim)
        if not bodiless and reply.code not in (204, 304):
            reply.body = self._body(reply)
        return reply

    def _body(self, reply: Reply) -> bytes:
        if reply.get(b"transfer-encoding") is None:
            if (length := reply.get(b"content-length")) is not None:
                return self._take(int(length))
            return self._rest()
        body = b""
        while size := int(self._until(b"\r\n").partition(b";")[0], 16):
            body += self._take(size)
            self._until(b"\r\n")
        while self._until(b"\r\n") != b"\r\n":
            pass
        return body


@dataclass(frozen=True)
class Way:
    """One way to the engine, and the index that is its own: as long a name as INDEX, so that lengths stay right.

    NONCE becomes a word of its own too: OpenSearch repeats a deprecation only once for each X-Opaque-Id.
    """

    url: str
    index: bytes
    nonce: bytes = field(default_factory=lambda: os.urandom(3).hex()[:5].encode())

    @contextmanager
    def link(self) -> Iterator[Link]:
        parts = urlsplit(self.url)
        with socket.create_connection((parts.hostname, parts.port), timeout=60) as peer:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield Link(peer)

    def fill(self, raw: bytes) -> bytes:
        return raw.replace(b"INDEX", self.index).replace(b"NONCE", self.nonce)

    def send(self, raw: bytes) -> Reply | None:
        """The answer, on a connection of its own: after some errors an engine closes without having said so. None
        where the connection ended without a whole one."""
        with self.link() as link:
            try:
                link.peer.sendall(self.fill(raw))
                return link.reply(bodiless=raw.startswith(b"HEAD "))
            except ConnectionError:
                return None
