"""Node sniffing: a client that asks the cluster for its nodes is told our address, where `proxy.advertise` is set.

Clients ask `/_nodes/http`, `/_nodes/_all/http` and the like, and connect past the proxy to each `http.publish_address`
that they read. Every other byte of the answer stays the engine's.
"""

import msgspec

from connector.dialects.splice import read_spans, splice

NODES = b"/_nodes"


def asks_for_nodes(method: str, target: bytes) -> bool:
    path = target.partition(b"?")[0]
    return method == "GET" and (path == NODES or path.startswith(NODES + b"/"))


def with_address(body: bytes, address: str) -> bytes:
    """`body` with `address` as the `http.publish_address` of every node; as it is where it is no JSON of that shape."""
    return _change(body, ("nodes", "*", "http", "publish_address"), msgspec.json.encode(address))


def _change(value: bytes, path: tuple[str, ...], new: bytes) -> bytes:
    """`value` with `new` at `path`, where `*` is every key."""
    if not path:
        return new
    spans = read_spans(value)
    if spans is None:
        return value
    names = [name for name in spans if path[0] in ("*", name)]
    return splice(value, {n: _change(value[spans[n].start : spans[n].end], path[1:], new) for n in names}, spans)
