"""When two answers are equal: status, end-to-end fields and body bytes, but for what differs between any two answers.

What that is, is not guessed: the request goes straight twice, and only words that differ between those two answers,
values that name a time, and Java stacks may differ in the proxy's. All other bytes must be equal, blanks and order too.
"""

import re
import zlib

from tests.fidelity.raw import Fields, Reply

WORD = re.compile(rb"[0-9A-Za-z_+/=-]+(?:\.[0-9]+)?")
TIMED = re.compile(
    rb'("?(?:took|timestamp|epoch|uptime|creation_time|[a-z_]*(?:millis|nanos|_time))"? ?: ?)"?-?[0-9][^",\n} ]*"?'
)
TRACE = re.compile(rb'("stack_trace" ?: ?)"(?:[^"\\]|\\.)*"')
UNPACK = {b"gzip": 31, b"deflate": 15}


def unpacked(reply: Reply) -> bytes:
    packed = UNPACK.get(reply.get(b"content-encoding") or b"")
    return zlib.decompress(reply.body, packed) if packed and reply.body else reply.body


def _timeless(text: bytes, index: bytes) -> bytes:
    """`text` with INDEX in the place of the way's own index, and without times."""
    return TRACE.sub(rb"\1TRACE", TIMED.sub(rb"\1TIME", text.replace(index, b"INDEX")))


def differences(
    straight: Reply,
    again: Reply,
    got: Reply,
    indices: tuple[bytes, bytes, bytes],
    *,
    framed: bool = False,
    packed: bool = True,
) -> list[str]:
    """What of `got` is not as in `straight`, but for what `again` has otherwise too. Empty: nothing.

    `framed`: the answer was held and framed anew, so a Content-Length may be added where chunks were, or differ.
    `packed` is False where the bodies of the replies have been unpacked already.
    """
    found = []
    if got.said != straight.said:
        found.append(f"status {got.said!r}, straight {straight.said!r}")
    if got.interim != straight.interim:
        found.append(f"interim {got.interim!r}, straight {straight.interim!r}")
    replies = (straight, again, got)
    texts = [unpacked(reply) if packed else reply.body for reply in replies]
    first, second, ours = (_timeless(*pair) for pair in zip(texts, indices, strict=True))
    found += _body(first, second, ours)
    heads = [
        [(name, value.replace(index, b"INDEX")) for name, value in reply.end_to_end]
        for reply, index in zip(replies, indices, strict=True)
    ]
    # a body with a time in it has another length each time; that it is as long as it says, the reader has checked
    if framed or (len(got.body) != len(straight.body) and not _body(first, second, ours)):
        heads = [[field for field in head if field[0].lower() != b"content-length"] for head in heads]
    return found + _fields(*heads)


def _body(straight: bytes, again: bytes, got: bytes) -> list[str]:
    if got == straight:
        return []
    volatile = set()
    if straight != again:
        words, others = WORD.findall(straight), WORD.findall(again)
        if WORD.split(straight) == WORD.split(again):
            volatile = {at for at, (one, other) in enumerate(zip(words, others, strict=True)) if one != other}
    if WORD.split(straight) != WORD.split(got):
        return [f"body {got[:2000]!r}, straight {straight[:2000]!r}"]
    pairs = enumerate(zip(WORD.findall(straight), WORD.findall(got), strict=True))
    return [f"body word {ours!r}, straight {one!r}" for at, (one, ours) in pairs if one != ours and at not in volatile]


def _fields(straight: Fields, again: Fields, got: Fields) -> list[str]:
    if [name for name, _ in got] != [name for name, _ in straight]:
        return [f"fields {got!r}, straight {straight!r}"]
    volatile = {name for (name, value), (_, other) in zip(straight, again, strict=False) if value != other}
    return [
        f"field {name!r} {ours!r}, straight {value!r}"
        for (name, value), (_, ours) in zip(straight, got, strict=True)
        if value != ours and name not in volatile
    ]
