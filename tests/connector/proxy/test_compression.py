"""Compressed answers: read plain, sent as the engine sent them."""

import gzip
import zlib

import pytest

from connector.errors import BodyTooLarge, EngineError
from connector.proxy.compression import packed, readable, unpacked
from connector.types import Reply

TEXT = b'{"hits": []}' * 100


def reply(body: bytes, coding: bytes) -> Reply:
    return Reply(200, b"OK", [(b"content-encoding", coding), (b"X", b"1")], body)


@pytest.mark.parametrize(
    ("coding", "pack", "unpack"),
    [(b"gzip", gzip.compress, gzip.decompress), (b"deflate", zlib.compress, zlib.decompress)],
)
def test_an_answer_is_packed_again_as_it_was(coding: bytes, pack, unpack):
    plain = unpacked(reply(pack(TEXT), coding), 10_000)
    assert plain.body == TEXT
    assert plain.headers == [(b"content-encoding", coding), (b"X", b"1")]
    assert unpack(packed(plain)) == TEXT
    assert len(packed(plain)) < len(TEXT)


def test_what_is_not_packed_stays():
    for coding in (b"identity", b"br"):
        assert unpacked(reply(TEXT, coding), 1).body == packed(reply(TEXT, coding)) == TEXT
    assert unpacked(reply(b"", b"gzip"), 1).body == packed(reply(b"", b"gzip")) == b""


def test_bad_packing_is_the_engines_fault():
    with pytest.raises(EngineError):
        unpacked(reply(TEXT, b"gzip"), 10_000)
    with pytest.raises(BodyTooLarge):
        unpacked(reply(zlib.compress(TEXT), b"deflate"), 100)


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        (b"gzip", b"gzip"),
        (b"gzip, deflate, br, zstd", b"gzip, deflate"),
        (b"br;q=1.0, GZIP;q=0.5, *;q=0.1", b"GZIP;q=0.5"),
        (b"identity", b"identity"),
        (b"br", None),
        (b"*", None),
        (b"gzipped", None),
    ],
)
def test_only_what_can_be_read_is_asked_for(asked: bytes, left: bytes | None):
    fields = [(b"A", b"1"), (b"accept-Encoding", asked), (b"B", b"2")]
    want = [(b"accept-Encoding", left)] if left else []
    assert readable(fields) == [(b"A", b"1"), *want, (b"B", b"2")]
