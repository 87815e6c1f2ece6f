"""A search as raw bytes, sent to a proxy between a client and a scripted engine, and what the answer says of it."""

from connector.types import Answer, Call, Outcome, PassThrough, Reason, Reply, State
from tests.connector.proxy.scripted import APPLIED, Peer, answering, between

ENGINE = b"HTTP/1.1 200 OK\r\nX-Engine: 1\r\nContent-Length: 2\r\n\r\n{}"
BODY = b'{"query": {"match": {"name": "jacket"}}}'


def search(body: bytes = BODY, extra: bytes = b"", target: bytes = b"/shop/_search", method: bytes = b"POST") -> bytes:
    return b"%b %b HTTP/1.1\r\nHost: a\r\n%bConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (
        method,
        target,
        extra,
        len(body),
        body,
    )


def said(answer: bytes) -> bytes | None:
    head = answer.partition(b"\r\n\r\n")[0]
    return next((line[18:].strip() for line in head.split(b"\r\n") if line.startswith(b"Secondpass-Rerank")), None)


class Recorder:
    """A search that remembers its calls and answers, or raises."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls: list[tuple[Call, tuple[str, ...]]] = []
        self._error = error

    async def __call__(self, call: Call, names: tuple[str, ...]) -> Answer:
        self.calls.append((call, names))
        if self._error:
            raise self._error
        headers = [(b"X-A", b"1"), (b"content-length", b"999"), (b"X-B", b"2")]
        return Answer(Reply(200, b"Fine", headers, b'{"hits":[]}'), APPLIED)


async def ask(client_bytes: bytes, recorder: Recorder, script=None, **options) -> tuple[bytes, list[bytes]]:
    seen: list[bytes] = []
    running = between(script or answering(ENGINE, seen), search=recorder, policies=("shop", "shop2"), **options)
    async with running as (_, proxy), proxy.client() as client:
        return await client.ask(client_bytes), seen


async def sent(client_bytes: bytes, search, answer: bytes = ENGINE, **options) -> tuple[bytes, bytes]:
    """What the client is answered, and all that the engine is sent."""
    got: list[bytes] = []

    async def script(peer: Peer) -> None:
        head = await peer.head()
        size = int(head.lower().partition(b"content-length: ")[2].split()[0])
        got.append(head + await peer.body(size))
        await peer.send(answer)

    said = await ask(client_bytes, search, script, **options)
    return said[0], b"".join(got)


EXT = b'{"size":1,"ext":{"secondpass":{"window":9}}}'


def passing(call: Call | None = None):
    """A search that is the engine's alone, sent as it was read or as `call`."""

    async def pass_through(read: Call, names: tuple[str, ...]) -> PassThrough:
        return PassThrough(call or read, Outcome(State.SKIPPED, Reason.SCROLL))

    return pass_through
