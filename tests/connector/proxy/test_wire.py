"""The grammar: what goes through it comes out the same, and llhttp reads what we write as we meant it."""

import contextlib

import httptools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.errors import BadRequest, EngineError
from connector.proxy.wire import (
    CHUNKED,
    CLOSE,
    HOP_BY_HOP,
    Chunks,
    Counted,
    Malformed,
    chunk,
    read_request,
    read_response,
    with_length,
    write_head,
)

TOKEN = st.text("!#$%&'*+-.^_`|~0123456789abcXYZ", min_size=1, max_size=12).map(str.encode)
NAME = TOKEN.filter(lambda name: name.lower() not in HOP_BY_HOP | {b"content-length", b"expect"})
VALUE = st.binary(max_size=30).map(lambda value: bytes(b for b in value if b >= 32 and b != 127).strip(b" "))
TARGET = st.binary(min_size=1, max_size=40).map(lambda t: b"/" + bytes(b for b in t if b > 32 and b != 127))
FIELDS = st.lists(st.tuples(NAME, VALUE), max_size=8)


@given(method=TOKEN, target=TARGET, fields=FIELDS)
def test_any_request_head_survives(method: bytes, target: bytes, fields: list[tuple[bytes, bytes]]):
    raw = write_head(b"%b %b HTTP/1.1" % (method, target), fields)
    head = read_request(raw)
    assert (head.method.encode(), head.target, head.fields) == (method, target, fields)
    assert (head.length, head.keep_alive, head.expects) == (0, True, False)


@given(status=st.integers(200, 599), reason=VALUE, fields=FIELDS, size=st.integers(0, 10**12))
def test_any_answers_head_survives(status: int, reason: bytes, fields: list[tuple[bytes, bytes]], size: int):
    fields = with_length(fields, size, always=True)
    head = read_response(write_head(b"HTTP/1.1 %d %b" % (status, reason), fields))
    assert (head.status, head.reason, head.fields, head.length) == (status, reason, fields, size)


@given(bodies=st.lists(st.binary(min_size=1, max_size=300), max_size=6), rest=st.binary(max_size=20), data=st.data())
def test_chunks_come_back_however_they_are_cut(bodies: list[bytes], rest: bytes, data: st.DataObject):
    raw = b"".join(map(chunk, bodies)) + b"0\r\n\r\n" + rest
    framing, got, after = Chunks(), b"", None
    while raw and after is None:
        cut = data.draw(st.integers(1, len(raw)))
        piece, after = framing.feed(raw[:cut])
        got, raw = got + piece, raw[cut:]
    assert after is not None
    assert (got, after + raw) == (b"".join(bodies), rest)


@given(raw=st.lists(st.sampled_from([b"0", b"3", b"a", b"\r\n", b"\r", b"\n", b" ", b"x", b"F", b"x:"]), max_size=12))
@settings(max_examples=300)
def test_chunks_that_we_accept_llhttp_accepts_alike(raw: list[bytes]):
    class Oracle:
        body, done = b"", False

        def on_body(self, data: bytes) -> None:
            self.body += data

        def on_message_complete(self) -> None:
            self.done = True

    data = b"".join(raw)
    try:
        body, rest = Chunks().feed(data)
    except Malformed:
        return
    if rest is None:
        return
    oracle = Oracle()
    head = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    httptools.HttpRequestParser(oracle).feed_data(head + data[: len(data) - len(rest)])
    assert (oracle.body, oracle.done) == (body, True)


@given(size=st.integers(1, 50), data=st.binary(min_size=1, max_size=100))
def test_counted_bodies_end_where_they_say(size: int, data: bytes):
    framing, got, rest = Counted(size), b"", None
    for at in range(len(data)):
        piece, rest = framing.feed(data[at : at + 1])
        got += piece
        if rest is not None:
            break
    assert got == data[:size]
    assert (rest is not None) == (len(data) >= size)


@pytest.mark.parametrize(
    ("fields", "length", "keep_alive"),
    [
        (b"Transfer-Encoding: chunked", CHUNKED, True),
        (b"Content-Length: 7", 7, True),
        (b"Connection: close", CLOSE, False),
        (b"Connection: X, CLOSE", CLOSE, False),
    ],
)
def test_the_framing_of_answers(fields: bytes, length: int, keep_alive: bool):
    head = read_response(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % fields)
    assert (head.length, head.keep_alive) == (length, keep_alive)


def test_an_upgrade_is_ignored_as_engines_do():
    """Java's own client asks for h2c on every connection."""
    head = read_request(
        b"POST /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: A\r\n"
        b"Content-Length: 2\r\n\r\n"
    )
    assert head.fields == [(b"Host", b"a"), (b"Content-Length", b"2")]
    assert head.keep_alive


@given(raw=st.binary(max_size=200))
def test_noise_is_refused_or_read_never_more(raw: bytes):
    for read, error in ((read_request, BadRequest), (read_response, EngineError)):
        for head in (raw, b"GET / HTTP/1.1\r\n" + raw + b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + raw + b"\r\n\r\n"):
            with contextlib.suppress(error):
                read(head)
