"""The engine's answer: its hits as candidates, and the answer again with other hits in their place and no other change.

No `_source` is parsed. Reading 100 hits of 1 KB with their texts takes 0.7 ms of CPU, rendering and writing a page of
10 takes 0.25 ms, both on a busy core where orjson.loads alone takes 0.1 ms (bench/answer_splice.py).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
import orjson

from connector.dialects.controls import EXT
from connector.dialects.splice import Span, read_spans, splice
from connector.dialects.unasked import without, without_within
from connector.settings import Policy
from connector.texts import document_text
from connector.types import Candidate, Plan

_T = TypeVar("_T")
_D = TypeVar("_D")


class _Hit(msgspec.Struct):
    index: str = msgspec.field(name="_index")
    id: str = msgspec.field(name="_id")
    score: float | None = msgspec.field(name="_score", default=None)
    fields: dict[str, Any] = msgspec.field(default_factory=dict)


class _Total(msgspec.Struct):
    value: int
    relation: str = "eq"


class _Shards(msgspec.Struct):
    failed: int = 0


class _Fields(msgspec.Struct):
    fields: msgspec.Raw = msgspec.Raw(b"")


_HEAD = re.compile(
    rb'\{"_index":"[^"\\]*","_id":"[^"\\]*",(?:"_(?:version|seq_no|primary_term)":\d+,)*"_score":(-?[0-9.eE+-]+)(?=[,}])'
)
_FIELDS = msgspec.json.Decoder(_Fields)
_NAMES = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_HIT = msgspec.json.Decoder(_Hit)
_SHARDS = msgspec.json.Decoder(_Shards)
_TOOK = msgspec.json.Decoder(int)
_FLAG = msgspec.json.Decoder(bool)
_TOTAL: msgspec.json.Decoder[_Total | int] = msgspec.json.Decoder(_Total | int)
_SCORE: msgspec.json.Decoder[float | None] = msgspec.json.Decoder(float | None)


@dataclass(frozen=True, slots=True)
class Found:
    """An answer as read. `spans` are its top-level members, `hits_spans` those of `hits`, in the bytes of `hits`.

    `total` is None where the caller asked for none; `relation` is "eq" or "gte". `failed_shards` and `timed_out` say
    that the engine did not look everywhere.
    """

    candidates: tuple[Candidate, ...]
    total: int | None
    relation: str
    max_score: float | None
    took_ms: int
    timed_out: bool
    failed_shards: int
    spans: Mapping[str, Span]
    hits_spans: Mapping[str, Span]


def read_answer(body: bytes, policy: Policy, limit: int, first: int = 0, *, knn: bool = False) -> Found | None:
    """The answer of a window call (`first` is its `from`) or, with `knn`, of the vector leg; None where it is not one.

    `limit`: characters of a text (`texts.text_limit`). Candidates come in the engine's order, ranks from `first` + 1.
    """
    spans = read_spans(body)
    if spans is None or "hits" not in spans:
        return None
    hits = body[spans["hits"].start : spans["hits"].end]
    hits_spans = read_spans(hits)
    if hits_spans is None or "hits" not in hits_spans:
        return None
    try:
        took = _read(_TOOK, body, spans.get("took"), 0)
        timed_out = _read(_FLAG, body, spans.get("timed_out"), False)
        shards = _read(_SHARDS, body, spans.get("_shards"), _Shards())
        raws = _LIST.decode(_cut(hits, hits_spans["hits"]))
        total = _read(_TOTAL, hits, hits_spans.get("total"), None)
        best = _read(_SCORE, hits, hits_spans.get("max_score"), None)
        candidates = tuple(_read_hit(raw, rank, policy, limit, knn) for rank, raw in enumerate(raws, start=first + 1))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return Found(
        candidates=candidates,
        total=total.value if isinstance(total, _Total) else total,
        relation=total.relation if isinstance(total, _Total) else "eq",
        max_score=best,
        took_ms=took,
        timed_out=timed_out,
        failed_shards=shards.failed,
        spans=spans,
        hits_spans=hits_spans,
    )


def _cut(data: bytes, span: Span) -> bytes:
    return data[span.start : span.end]


def _read(decoder: msgspec.json.Decoder[_T], data: bytes, span: Span | None, default: _D) -> _T | _D:
    return default if span is None else decoder.decode(_cut(data, span))


def _read_hit(raw: msgspec.Raw, rank: int, policy: Policy, limit: int, knn: bool) -> Candidate:
    hit = _HIT.decode(raw)
    text = document_text(hit.fields, policy, limit)
    if knn:
        return Candidate(hit.index, hit.id, bytes(raw), text, knn_rank=rank, knn_score=hit.score)
    return Candidate(hit.index, hit.id, bytes(raw), text, engine_rank=rank, engine_score=hit.score)


def render_hit(
    candidate: Candidate,
    plan: Plan,
    score: float | None = None,
    details: Mapping[str, object] | None = None,
    explanation: bytes | None = None,
    members: Mapping[str, bytes | None] | None = None,
) -> bytes:
    """The hit as the engine wrote it, without the `fields` that only we asked for. `score` and `explanation` replace
    `_score` and `_explanation` where they are given; `details` becomes `_secondpass`; `members` replace others."""
    if score is not None and details is None and explanation is None and not members:
        quick = _render_quickly(candidate.raw, plan.added, score)
        if quick is not None:
            return quick
    changes: dict[str, bytes | None] = dict(members or {})
    spans = read_spans(candidate.raw)
    if spans is None:
        raise ValueError("a hit with members of the same name")
    if "fields" in spans and plan.added:
        changes["fields"] = without(_cut(candidate.raw, spans["fields"]), plan.added)
    if score is not None:
        changes["_score"] = orjson.dumps(score)
    if explanation is not None:
        changes["_explanation"] = explanation
    if details is not None:
        changes["_secondpass"] = orjson.dumps(details)
    return splice(candidate.raw, changes, spans)


def _render_quickly(raw: bytes, added: Sequence[str], score: float) -> bytes | None:
    """The hit in the layout that both engines write by themselves: `_score` behind the names, our `fields` at the end.

    None where it looks otherwise; the general way, which takes five times as long, then does it.
    """
    head = _HEAD.match(raw)
    if head is None:
        return None
    fields = bytes(_FIELDS.decode(raw).fields) if added else b""
    if not fields:
        return b"%b%b%b" % (raw[: head.start(1)], orjson.dumps(score), raw[head.end(1) :])
    tail = b',"fields":' + fields + b"}"
    if not _NAMES.decode(fields).keys() <= set(added) or not raw.endswith(tail):
        return None
    return b"%b%b%b}" % (raw[: head.start(1)], orjson.dumps(score), raw[head.end(1) : -len(tail)])


def write_answer(
    body: bytes,
    found: Found,
    hits: Sequence[bytes],
    max_score: float | None = None,
    took_add_ms: float = 0,
    details: Mapping[str, object] | None = None,
    added: Sequence[str] = (),
) -> bytes:
    """`body` with these hits (rendered), `max_score` where given, `took` that much longer, and `ext.secondpass` where
    `details` are asked for. Every other byte is the engine's, less what only we asked for (`added`)."""
    inner = _cut(body, found.spans["hits"])
    hits_changes: dict[str, bytes | None] = {"hits": b"[" + b",".join(hits) + b"]"}
    if max_score is not None and "max_score" in found.hits_spans:
        hits_changes["max_score"] = orjson.dumps(max_score)
    changes: dict[str, bytes | None] = {"hits": splice(inner, hits_changes, found.hits_spans)}
    for name in ("aggregations", "suggest") if added else ():
        if name in found.spans:
            changes[name] = without_within(_cut(body, found.spans[name]), added)
    if "took" in found.spans:
        changes["took"] = str(found.took_ms + round(took_add_ms)).encode()
    if details is not None:
        ours = orjson.dumps(details)
        said = _cut(body, found.spans["ext"]) if "ext" in found.spans else b"{}"
        changes["ext"] = splice(said, {EXT: ours})
    return splice(body, changes, found.spans)
