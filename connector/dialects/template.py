"""Search templates: the engine renders them, and what we ask for is sent as a template again.

So the caller's rights on templates hold, and an answer has the form that the engine gives to templates (OpenSearch adds
a `status`). The edited body is the value of one parameter of a fixed template, which the engine compiles once.
"""

import orjson

from connector.dialects.controls import strip_header
from connector.dialects.source import json_type
from connector.dialects.splice import read_spans, splice
from connector.dialects.uri import edit_target, read_parameters
from connector.types import Call, Reply

_WHOLE = "{{{secondpass}}}"  # three braces: as it stands, with nothing escaped
_FORM = (b"accept-encoding", b"content-type")
_KEPT = ("explain", "profile")
_UNHEEDED = (
    *("_source", "_source_excludes", "_source_includes", "docvalue_fields", "stored_fields"),
    *("analyze_wildcard", "analyzer", "default_operator", "df", "lenient", "q"),
    *("explain", "from", "size", "sort", "stats", "terminate_after", "timeout", "track_scores", "version"),
)
"""URI parameters that engines take with a template and then replace by what it renders to (OpenSearch 3.6.0)."""


def render_call(call: Call, template: bytes) -> Call:
    """Asks the engine, as the same caller, what `template` (the body of a template request) is when rendered."""
    headers = [field for field in strip_header(call.headers) if field[0].lower() not in _FORM]
    headers.append((b"Content-Type", json_type(call.headers)))
    return Call("POST", b"/_render/template", headers, template)


def read_rendered(reply: Reply) -> bytes | None:
    """The search that the template stands for, as bytes; None where the engine did not render it."""
    spans = read_spans(reply.body) if reply.status == 200 else None
    if spans is None or "template_output" not in spans:
        return None
    return reply.body[spans["template_output"].start : spans["template_output"].end]


def search_target(target: bytes) -> bytes:
    """The target of `/{index}/_search/template` as that of `/{index}/_search`, without what templates do not heed."""
    path, mark, query = target.partition(b"?")
    searched = path.rstrip(b"/").rpartition(b"/")[0] + mark + query
    return edit_target(searched, read_parameters(query) or {}, dict.fromkeys(_UNHEEDED))


def template_target(target: bytes, edited: bytes) -> bytes:
    """The target of the template for a search that was edited: what the answer hides is said there, too."""
    known, wanted = (read_parameters(each.partition(b"?")[2]) or {} for each in (target, edited))
    pattern = wanted["filter_path"].value if "filter_path" in wanted else None
    if "filter_path" not in known or known["filter_path"].value == pattern:
        return target
    return edit_target(target, known, {"filter_path": pattern})


def wrap(template: bytes, body: bytes) -> bytes:
    """A template request that renders to `body`, with the other wishes of the request `template`."""
    spans = read_spans(template) or {}
    kept = {key: template[spans[key].start : spans[key].end] for key in _KEPT if key in spans}
    params = orjson.dumps({"secondpass": body.decode("utf-8")})
    return splice(b"{}", {"source": orjson.dumps(_WHOLE), "params": params, **kept})
