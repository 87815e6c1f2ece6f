"""The requests that go to the engine in a reranked search: the caller's own, changed where it must be and nowhere else.

The window call is the caller's request with `from`, `size` and `fields` spliced in; the vector leg is a new body under
the same path, parameters and headers, with all that gives a hit its shape. Neither carries what was meant for us.
"""

from collections.abc import Mapping

import orjson

from connector.dialects.controls import EXT, strip_header
from connector.dialects.request import SearchRequest
from connector.dialects.source import json_type
from connector.dialects.splice import read_spans, splice
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
    """A search that is not reranked: the caller's bytes without our header and our `ext.secondpass`."""
    headers = strip_header(call.headers)
    if request is None or not _has_ext(request):
        return Call(call.method, call.target, headers, call.body)
    changes: dict[str, bytes | None] = {}
    _remove_ext(request, changes)
    return _with_body(request, splice(request.raw, changes, request.spans), {})


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
    _add_fields(request, plan, changes, stored)
    _remove_ext(request, changes)
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
    if isinstance(request.body[option], list):
        inside = said[1:-1].rstrip()
        changes[option] = b"[" + inside + (b"," if inside.strip() else b"") + ours + b"]"
    elif said != b"null":
        changes[option] = b"[" + said + b"," + ours + b"]"
    else:
        changes[option] = b"[" + ours + b"]"


def _has_ext(request: SearchRequest) -> bool:
    return isinstance(request.ext, Mapping) and EXT in request.ext


def _remove_ext(request: SearchRequest, changes: dict[str, bytes | None]) -> None:
    if not _has_ext(request):
        return
    said = _value(request, "ext")
    spans = read_spans(said)
    alone = spans is not None and set(spans) == {EXT}
    changes["ext"] = None if alone else splice(said, {EXT: None}, spans)


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
