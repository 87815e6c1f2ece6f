"""Which searches we can read at all: those whose request and answer are JSON."""

import re

from connector.types import Headers

_JSON = re.compile(
    rb"application/(?:json|vnd\.(?:elasticsearch|opensearch)\+json)\s*(?:;|$)|[^;]*\+json\s*(?:;|$)", re.I
)
_LINES = re.compile(_JSON.pattern + rb"|application/(?:x-|[^;]*\+x-)ndjson\s*(?:;|$)", re.I)
_ANY = re.compile(rb"\*/\*|application/\*|json", re.I)
_FORMAT = re.compile(rb"[?&]format=([^&]*)")


def is_json(target: bytes, headers: Headers, *, lines: bool = False) -> bool:
    """False for CBOR, SMILE and YAML, asked or sent. A body without a type passes: the engine refuses it itself.

    `lines`: the request may also be lines of JSON.
    """
    asked = _FORMAT.search(target)
    if asked is not None and asked[1].lower() != b"json":
        return False
    if any(name.lower() == b"accept" and _ANY.search(value) is None for name, value in headers):
        return False
    return sends_json(headers, lines=lines)


def sends_json(headers: Headers, *, lines: bool = True) -> bool:
    """Whether the request's own body is JSON, or lines of it, whatever its answer is to be."""
    sent = _LINES if lines else _JSON
    types = [value for name, value in headers if name.lower() == b"content-type"]
    return all(sent.match(value.strip()) for value in types)
