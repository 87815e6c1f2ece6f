"""A reranked answer as stretches of the engine's own bytes with new scores between them. Nothing is parsed or copied
until it is sent.

It goes only where the hit has the layout that both engines write by themselves: `_score` behind the names, the `fields`
that only we asked for at the end. The general way (`connector.dialects.answer`) takes five times as long.
"""

import re
from array import array
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import orjson

from connector.dialects.layout import Layout
from connector.dialects.unasked import IGNORED
from connector.types import Candidate

_HEAD = re.compile(
    rb'\{"_index":"[^"\\]*","_id":"[^"\\]*",(?:"_(?:version|seq_no|primary_term)":\d+,)*"_score":(-?[0-9.eE+-]+)(?=[,}])'
)
_TOOK = re.compile(rb'\{"took":(\d+)')
_NAMES = msgspec.json.Decoder(dict[str, msgspec.Raw])

LITERAL = 41  # bytes of an object of bytes, less what is in it, and of the reference to it


class CutHit(NamedTuple):
    """A hit as `head`, its names and its new score, its own bytes from `start` to `end`, and a brace."""

    head: bytes
    start: int
    end: int

    def of(self, raw: bytes) -> bytes:
        return b"%b%b}" % (self.head, raw[self.start : self.end])


def cut_hit(candidate: Candidate, added: Set[str], score: float | None) -> CutHit | None:
    """The hit with `score`, None: its own, and without the `fields`, where these are all `added`. None: it looks
    otherwise, or may show ignored values of `added`.
    """
    raw = candidate.raw
    head = _HEAD.match(raw)
    if head is None:
        return None
    end = len(raw) - 1
    if candidate.fields and added:
        tail = b',"fields":%b}' % candidate.fields
        if not raw.endswith(tail) or not _NAMES.decode(candidate.fields).keys() <= added:
            return None
        end = len(raw) - len(tail)
    elif added and IGNORED in raw:  # which stands behind `fields`, where there are any
        return None
    shown = head[1] if score is None else orjson.dumps(score)
    return CutHit(raw[: head.start(1)] + shown, head.end(1), end)


def read_took(body: bytes) -> tuple[int, int]:
    """Where `took` ends in an answer that begins with it, and what it says; (0, 0) in any other."""
    took = _TOOK.match(body)
    return (took.end(), int(took[1])) if took else (0, 0)


@dataclass(frozen=True, slots=True)
class Cuts:
    """A whole answer: each stretch `starts[i]` to `ends[i]` of the engine's bytes behind `took`, then `between[i]`.

    Of the documents `between` holds index names, ids and scores alone, so that it may be kept where texts may not.
    """

    starts: "array[int]"
    ends: "array[int]"
    between: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """Bytes that it takes in memory, about."""
        return sum(map(len, self.between)) + (LITERAL + 8) * len(self.between)

    def of(self, body: bytes, took_add_ms: float) -> bytes:
        """The answer made of `body`, `took` that much longer."""
        behind, took_ms = read_took(body)
        base = memoryview(body)[behind:]
        parts: list[bytes | memoryview] = [b""] * (1 + 2 * len(self.between))
        parts[0] = b'{"took":%d' % (took_ms + round(took_add_ms))
        parts[1::2] = [base[start:end] for start, end in zip(self.starts, self.ends, strict=True)]
        parts[2::2] = self.between
        return b"".join(parts)


def cut_answer(layout: Layout, hits: Sequence[tuple[int, CutHit]], max_score: float | None) -> Cuts:
    """The answer of a plain `layout` with these hits, each with its place among the engine's, and `max_score` where
    that is given.
    """
    base, inner = layout.spans["took"].end, layout.inner
    edges: list[int] = [0]
    between: list[bytes] = []
    if max_score is not None:
        edges += [inner["max_score"].start - base, inner["max_score"].end - base]
        between.append(orjson.dumps(max_score))
    edges.append(inner["hits"].start - base)
    opening = b"["
    for place, hit in hits:
        start = layout.starts[place] - base
        edges += [start + hit.start, start + hit.end]
        between.append(opening + hit.head)
        opening = b"},"
    between.append(b"}]" if hits else b"[]")
    edges += [inner["hits"].end - base, layout.spans["hits"].end + 1 - base]
    return Cuts(array("I", edges[::2]), array("I", edges[1::2]), (*between, b""))
