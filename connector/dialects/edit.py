"""The requests that go to the engine in a reranked search: the caller's own, changed where it must be and nowhere else.

The window call is the caller's request with `from`, `size` and `fields` spliced in; the vector leg is a new body under
the same path, parameters and headers, with all that gives a hit its shape. Neither carries what was meant for us.
"""

from collections.abc import Callable, Mapping

import orjson

from connector.dialects.controls import EXT, strip_header
from connector.dialects.request import SearchRequest
from connector.dialects.source import json_type, with_body
from connector.dialects.splice import Span, read_spans, splice
from connector.dialects.uri import edit_target
from connector.types import Call, Headers, Plan

_SHAPING_KEYS = (
    "_source",
    "collapse",
    "derived",
    "docvalue_fields",
    "explain",
    "fields",
    "highlight",
    "include_named_queries_score",
    "pit",
    "runtime_mappings",
    "script_fields",
    "search_pipeline",
    "seq_no_primary_term",
    "stored_fields",
    "timeout",
    "version",
)
"""Body keys that decide which documents a search sees or what a hit looks like."""

_QUERY_PARAMETERS = (
    "allow_partial_search_results",
    "analyze_wildcard",
    "analyzer",
    "default_operator",
    "df",
    "filter_path",
    "from",
    "lenient",
    "q",
    "request_cache",
    "rest_total_hits_as_int",
    "search_type",
    "size",
    "sort",
    "source",
    "source_content_type",
    "stats",
    "suggest_field",
    "suggest_mode",
    "suggest_size",
    "suggest_text",
    "terminate_after",
    "track_scores",
    "track_total_hits",
    "typed_keys",
)
"""URI parameters that belong to the caller's query or to the form of its answer; the vector leg drops them."""

_BODY_HEADERS = (b"content-length", b"transfer-encoding", b"content-encoding", b"expect")


def plain_call(call: Call, request: SearchRequest | None) -> Call:
    """A search that is not reranked: the caller's bytes without our header and our `ext.secondpass`. One that could not
    be read (None) may be of any length and depth.
    """
    if request is None:
        return _edited(call, _plain_body)
    if changes := _without_ext(request.raw, request.spans):
        return _with_body(request, splice(request.raw, changes, request.spans), {})
    return Call(call.method, call.target, strip_header(call.headers), call.body)


def plain_lines(call: Call) -> Call:
    """The same of an `_msearch`, whose body is lines of JSON."""
    return _edited(call, lambda body: b"\n".join(map(_plain_body, body.split(b"\n"))))


def _edited(call: Call, edit: Callable[[bytes], bytes]) -> Call:
    given = with_body(call)
    body = edit(given.body)
    if body == given.body:
        return Call(call.method, call.target, strip_header(call.headers), call.body)
    return Call(given.method, given.target, strip_header(given.headers), body)


def _plain_body(body: bytes) -> bytes:
    spans = read_spans(body)
    return splice(body, _without_ext(body, spans), spans) if spans else body


def window_call(call: Call, request: SearchRequest, plan: Plan, first: int, size: int, *, stored: bool = False) -> Call:
    """The caller's search for the documents `first` to `first + size`, and for the text that the model reads.

    `stored` asks for it as stored fields, for indices whose `_source` is off. `from` and `size` are changed where the
    caller wrote them (the URI wins at the engine), else in the body.
    """
    moves: dict[str, str | None] = {}
    changes: dict[str, bytes | None] = {}
    for key, number, default in (("from", first, 0), ("size", size, 10)):
        if key in request.parameters:
            moves[key] = str(number)
        elif key in request.spans or number != default:
            changes[key] = str(number).encode()
    if patterns := request.parameter("filter_path"):
        moves["filter_path"] = patterns + ",_shards.failures"  # for us to see; there is none in a whole answer
    _add_fields(request, plan, changes, stored)
    changes |= _without_ext(request.raw, request.spans)
    body = splice(request.raw, changes, request.spans) if request.raw.strip() else splice(b"{}", changes)
    return _with_body(request, body, moves)


def knn_call(
    call: Call, request: SearchRequest, plan: Plan, clause: Mapping[str, object], size: int, *, stored: bool = False
) -> Call:
    """The vector leg as the same caller: `clause` holds the top-level keys that the engine's adapter made."""
    kept = {key: _value(request, key) for key in _SHAPING_KEYS if key in request.spans and key not in clause}
    changes: dict[str, bytes | None] = {}
    _add_fields(request, plan, changes, stored)
    made = {key: orjson.dumps(value) for key, value in clause.items()}
    members = {**kept, **changes, **made, "size": str(size).encode()}
    body = splice(b"{}", members)
    return _uncompressed(_with_body(request, body, dict.fromkeys(_QUERY_PARAMETERS)))


def _value(request: SearchRequest, key: str) -> bytes:
    span = request.spans[key]
    return request.raw[span.start : span.end]


def _add_fields(request: SearchRequest, plan: Plan, changes: dict[str, bytes | None], stored: bool) -> None:
    """Put what the model reads beside the caller's own entries; their bytes stay."""
    names = plan.added
    option = "stored_fields" if stored else "fields"
    says_source = any(name.startswith("_source") for name in (*request.parameters, *request.spans))
    if stored and names and not says_source and option not in request.spans and option not in request.parameters:
        changes["_source"] = b"true"  # stored_fields alone would switch it off where other indices have it
    if not names:
        return
    ours = b",".join(orjson.dumps(name) for name in names)
    if option not in request.spans:
        changes[option] = b"[" + ours + b"]"
        return
    said = _value(request, option)
    inside = said[1:-1].rstrip() if isinstance(request.body[option], list) else said  # one stored field may stand alone
    changes[option] = b"[" + inside + (b"," if inside.strip() else b"") + ours + b"]"


def _without_ext(body: bytes, spans: Mapping[str, Span]) -> dict[str, bytes | None]:
    """The change that takes `ext.secondpass` out of `body`; none where it is not there or cannot be read."""
    if "ext" not in spans:
        return {}
    said = body[spans["ext"].start : spans["ext"].end]
    inside = read_spans(said)
    if inside is None or EXT not in inside:
        return {}
    return {"ext": None if len(inside) == 1 else splice(said, {EXT: None}, inside)}


def _with_body(request: SearchRequest, body: bytes, moves: Mapping[str, str | None]) -> Call:
    """The call with an uncompressed JSON body; the length is the HTTP client's to write."""
    if request.from_source:
        moves = {**moves, "source": None, "source_content_type": None}
    target = edit_target(request.call.target, request.parameters, moves)
    return Call(request.call.method, target, json_headers(request), body)


def json_headers(request: SearchRequest) -> Headers:
    """The caller's fields for a body that is plain JSON."""
    headers = [field for field in strip_header(request.headers) if field[0].lower() not in _BODY_HEADERS]
    if request.from_source or not request.raw.strip():
        headers = [field for field in headers if field[0].lower() != b"content-type"]
        headers.append((b"Content-Type", json_type(request.headers)))
    return headers


def _uncompressed(call: Call) -> Call:
    """The call for an answer that we must read."""
    headers = [field for field in call.headers if field[0].lower() != b"accept-encoding"]
    return Call(call.method, call.target, [*headers, (b"Accept-Encoding", b"identity")], call.body)
