"""Where the parts of an answer stand that are read or changed: found in one pass over the bytes that engines write by
themselves, and in the general way, which takes three, over all others.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from connector.dialects.splice import Span, read_spans

_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_HEAD = re.compile(
    rb'\{"took":(?P<took>\d+),"timed_out":(?P<timed_out>true|false),"_shards":(?P<_shards>\{[^][{}]*\}),'
    rb'"hits":(?P<hits>)\{(?:"total":(?P<total>\d+|\{[^][{}]*\}),)?"max_score":(?P<max_score>null|[-+0-9.eE]+),"hits":(?=\[)'
)


class _Inner(msgspec.Struct):
    hits: list[msgspec.Raw]


class _Whole(msgspec.Struct):
    hits: _Inner


_WHOLE = msgspec.json.Decoder(_Whole)


@dataclass(frozen=True, slots=True)
class Layout:
    """`spans` are the answer's members, `inner` those of its `hits`, `raws` the hits as written and `starts` where each
    begins, all in the answer's bytes. `plain`: nothing but `hits` stands behind `took`, `timed_out` and `_shards`.
    """

    spans: Mapping[str, Span]
    inner: Mapping[str, Span]
    raws: Sequence[msgspec.Raw]
    starts: Sequence[int]
    plain: bool


def read_layout(body: bytes) -> Layout | None:
    """None where `body` is not an answer with hits."""
    try:
        return _read_plain(body) or _read_any(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _read_plain(body: bytes) -> Layout | None:
    head = _HEAD.match(body)
    if head is None or not body.endswith(b"]}}"):
        return None
    raws = _WHOLE.decode(body).hits.hits
    starts, at = [], head.end() + 1
    for raw in raws:
        starts.append(at)
        at += len(raw) + 1
    end = len(body) - 2  # of the list of hits
    if at != (end if raws else end - 1):  # white space between hits, or members behind them
        return None
    spans = {name: _span(*head.span(name)) for name in ("took", "timed_out", "_shards")}
    inner = {name: _span(*head.span(name)) for name in ("total", "max_score") if head[name]}
    spans["hits"], inner["hits"] = _span(head.end("hits"), end + 1), _span(head.end(), end)
    return Layout(spans, inner, raws, starts, plain=True)


def _span(start: int, end: int) -> Span:
    return Span(start, start, end)


def _read_any(body: bytes) -> Layout | None:
    """Raises MsgspecError, UnicodeDecodeError."""
    spans = read_spans(body)
    if spans is None or "hits" not in spans:
        return None
    base = spans["hits"].start
    found = read_spans(body[base : spans["hits"].end])
    if found is None or "hits" not in found:
        return None
    inner = {name: Span(base + one.key, base + one.start, base + one.end) for name, one in found.items()}
    raws = _LIST.decode(body[inner["hits"].start : inner["hits"].end])
    starts, at = [], inner["hits"].start
    for raw in raws:
        starts.append(body.index(raw, at))  # only white space and a comma lie between
        at = starts[-1] + len(raw)
    return Layout(spans, inner, raws, starts, plain=False)
