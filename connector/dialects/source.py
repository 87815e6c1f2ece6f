"""A body that came as the URL parameter `source`, which engines take from clients that cannot send one with a GET.

RestRequest.contentOrSourceParam: it is read only where there is no body, and only with a `source_content_type`.
"""

from dataclasses import replace

from connector.dialects.uri import edit_target, read_parameters, split_target
from connector.types import Call, Headers

_TYPES = ("application/json", "application/x-ndjson")


def with_body(call: Call) -> Call:
    """The same request with `source` as its body; `call` itself where it has none, or none that is JSON."""
    parameters = read_parameters(split_target(call.target)[1])
    if call.body.strip() or not parameters or not {"source", "source_content_type"} <= parameters.keys():
        return call
    if parameters["source_content_type"].value.partition(";")[0].strip().lower() not in _TYPES:
        return call
    target = edit_target(call.target, parameters, {"source": None, "source_content_type": None})
    headers = [field for field in call.headers if field[0].lower() != b"content-type"]
    headers.append((b"Content-Type", json_type(call.headers)))
    return replace(call, target=target, headers=headers, body=parameters["source"].value.encode())


def json_type(headers: Headers) -> bytes:
    """Elasticsearch wants the version in Content-Type that Accept names, or none in both."""
    accept = next((value for name, value in headers if name.lower() == b"accept"), b"")
    if b"vnd.elasticsearch+json" in accept:
        return accept.split(b",")[0].strip()
    return b"application/json"
