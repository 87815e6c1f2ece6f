"""An `_msearch` as data: its pairs of lines, and each search as the `_search` it stands for.

Lines are parted as the engines part them (MultiSearchRequest.readMultiLineFormat): a blank header line says nothing, a
header without a search after it is not read. What the engine would refuse as a whole is None: it says so itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

import orjson

from connector.dialects.controls import strip_header
from connector.dialects.request import MAX_BODY
from connector.dialects.uri import read_parameters, split_target
from connector.errors import BodyTooLarge
from connector.types import Call

MAX_ENTRIES = 256
"""Searches of one request that is read. The answer's header has an item for each: 6 KB where all are skipped, 3 KB more
where 32 are reranked, and clients and proxies refuse fields of 16 KB or fewer."""

_INDEX = ("index", "indices")


@dataclass(frozen=True, slots=True)
class Entry:
    """One search: its two lines as written, the index names it is for, and the same as a `_search` of its own."""

    header: bytes
    body: bytes
    names: tuple[str, ...]
    call: Call


@dataclass(frozen=True, slots=True)
class Entries:
    """All searches of a request. `head` and `tail` are bytes that the engine skips."""

    call: Call
    entries: tuple[Entry, ...]
    head: bytes = b""
    tail: bytes = b""

    def with_bodies(self, bodies: Mapping[int, bytes]) -> "Entries":
        """The same, with other lines for some searches. What they ask for as a `_search` stays."""
        changed = [replace(one, body=bodies.get(at, one.body)) for at, one in enumerate(self.entries)]
        return replace(self, entries=tuple(changed))

    def call_with(self, bodies: Mapping[int, bytes]) -> Call:
        """The request with other bodies in some searches' places."""
        lines = [b"%b\n%b\n" % (one.header, bodies.get(at, one.body)) for at, one in enumerate(self.entries)]
        return replace(
            self.call, headers=strip_header(self.call.headers), body=b"".join([self.head, *lines, self.tail])
        )

    def call_for(self, number: int, body: bytes) -> Call:
        """One search alone, with another body."""
        lines = b"%b\n%b\n" % (self.entries[number].header, body)
        return replace(self.call, headers=strip_header(self.call.headers), body=lines)


def read_entries(call: Call, names: tuple[str, ...], dialect: str) -> Entries | None:
    """The searches of `call`; `names` are the path's, for those that name none. None where it cannot be read.

    Raises BodyTooLarge beyond `MAX_BODY` bytes, as long as one `_search` may be, or `MAX_ENTRIES` searches.
    """
    raw = call.body
    if is_long(raw):
        raise BodyTooLarge(f"an _msearch is read up to {MAX_BODY} bytes and {MAX_ENTRIES} searches")
    head = _head(raw, dialect)
    *lines, rest = raw[len(head) :].split(b"\n")
    parameters = _parameters(call)
    if rest or not lines or parameters is None:
        return None
    tail = lines.pop() + b"\n" if len(lines) % 2 else b""
    entries = []
    for header, body in zip(lines[::2], lines[1::2], strict=True):
        said = _header(header)
        if said is None:
            return None
        own = _own_names(said) or names
        entries.append(Entry(header, body, own, _as_search(call, own, said, parameters, body)))
    return Entries(call, tuple(entries), head, tail)


def is_long(body: bytes) -> bool:
    """Whether the lines of an `_msearch` are too many or too long to be read: 2 MB of tiny ones took 10 s."""
    return len(body) > MAX_BODY or body.count(b"\n") // 2 > MAX_ENTRIES


def read_names(call: Call, dialect: str) -> Iterator[tuple[str, ...]]:
    """The index names within a request that is not read: those of its first searches, as far as they can be told."""
    raw = call.body[:MAX_BODY]
    lines = raw[len(_head(raw, dialect)) :].split(b"\n", 2 * MAX_ENTRIES)[: 2 * MAX_ENTRIES : 2]
    for said in map(_header, lines):
        if said and (own := _own_names(said)):
            yield own


def _head(raw: bytes, dialect: str) -> bytes:
    return b"\n" if dialect == "opensearch" and raw.startswith(b"\n") else b""  # Elasticsearch: an empty header


def _header(line: bytes) -> Mapping[str, object] | None:
    if not line.strip():
        return {}
    try:
        said = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return said if isinstance(said, dict) else None


def _own_names(said: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(name for key in _INDEX for name in _names(said.get(key)))


def _names(said: object) -> list[str]:
    listed = said if isinstance(said, list) else [said]
    return [name for one in listed if isinstance(one, str) for name in one.split(",") if name]


def _parameters(call: Call) -> list[tuple[str, str]] | None:
    """The request's own parameters, those of the answer's form as one of its answers sees them."""
    read = read_parameters(split_target(call.target)[1])
    if read is None:
        return None
    return [(name, _inner(one.value) if name == "filter_path" else one.value) for name, one in read.items()]


def _inner(patterns: str) -> str:
    """A `filter_path` of the whole answer as patterns of one search's answer; "-" where that cannot be told."""
    inner = []
    for pattern in patterns.split(","):
        first, _, rest = pattern.strip().partition(".")
        if first in ("responses", "*"):
            inner.append(rest or "*")
        elif first.startswith(("-", "**")):
            inner.append("*" if pattern.strip() == "**" else "-")
    return ",".join(inner) or "-"


def _as_search(
    call: Call, names: Sequence[str], said: Mapping[str, object], parameters: Sequence[tuple[str, str]], body: bytes
) -> Call:
    path = f"/{quote(','.join(names), safe=',*')}/_search" if names else "/_search"
    asked = dict(parameters) | {name: _value(value) for name, value in said.items() if name not in _INDEX}
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe=',*')}" for name, value in asked.items())
    headers = [field for field in call.headers if field[0].lower() != b"content-type"]
    target = f"{path}?{query}" if query else path
    return Call("POST", target.encode(), [*headers, (b"Content-Type", b"application/json")], body)


def _value(said: object) -> str:
    return said if isinstance(said, str) else orjson.dumps(said).decode()
