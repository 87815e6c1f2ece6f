"""A `_search` request as data: what its body and URI parameters say, with the raw bytes kept for later edits.

URI parameters win over the body, as in the engines' RestSearchAction. What the engine would refuse (or what we cannot
read without doubt: comments, duplicates, CBOR) is None: it goes on as it came, and the engine says what it thinks.
"""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import orjson

from connector.dialects.splice import Span, read_spans
from connector.dialects.uri import Parameter, read_parameters, split_target
from connector.types import Call, Headers

MAX_BODY = 2 * 1024 * 1024
"""Bytes of a body, decompressed, that are read; a larger one goes to the engine as it is. Real ones seldom reach
0.1 MB; one of nothing but tiny clauses costs about 0.5 s of CPU a MB."""

_JSON = ("application/json", "application/vnd.elasticsearch+json", "application/x-ndjson")

_NUMBER = re.compile(r"[+-]?[0-9]{1,10}")  # as Java's parseInt takes it: no blanks, no underscores

_QUERY_OPTIONS = {
    "df": "default_field",
    "analyzer": "analyzer",
    "analyze_wildcard": "analyze_wildcard",
    "default_operator": "default_operator",
    "lenient": "lenient",
}
"""URI parameters beside `q`, and what the query string query calls them."""


@dataclass(frozen=True)
class SearchRequest:
    """`body` is parsed JSON ({} where there was none), `raw` its bytes, `spans` where its members stand there.

    `first` and `size` are the page in documents. `from_source`: the body came as the parameter `source`.
    """

    call: Call
    parameters: Mapping[str, Parameter]
    body: Mapping[str, object] = field(default_factory=dict)
    raw: bytes = b""
    spans: Mapping[str, Span] = field(default_factory=dict)
    from_source: bool = False
    first: int = 0
    size: int = 10

    @property
    def headers(self) -> Headers:
        return self.call.headers

    @property
    def ext(self) -> object | None:
        """`ext` of the body, for `read_controls`."""
        return self.body.get("ext")

    def by(self, call: Call) -> "SearchRequest":
        """The same request in another call."""
        return SearchRequest(
            call, self.parameters, self.body, self.raw, self.spans, self.from_source, self.first, self.size
        )

    def header(self, name: bytes) -> bytes | None:
        """The first field of that name (lower case)."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    def parameter(self, name: str) -> str | None:
        return self.parameters[name].value if name in self.parameters else None

    @cached_property
    def query(self) -> object | None:
        """The query in force: `q=` replaces the body's. None: everything matches."""
        if "q" not in self.parameters:
            return self.body.get("query")
        options = {key: self.parameters[name].value for name, key in _QUERY_OPTIONS.items() if name in self.parameters}
        return {"query_string": {"query": self.parameters["q"].value, **options}}

    @cached_property
    def sort(self) -> list[object]:
        """The sort keys in force: the body's, then the parameter's."""
        said = self.body.get("sort")
        keys = list(said) if isinstance(said, list) else [said] if said is not None else []
        asked = self.parameter("sort")
        return keys + [key for key in (asked or "").split(",") if key]

    @cached_property
    def collapse(self) -> str | None:
        said = self.body.get("collapse")
        name = said.get("field") if isinstance(said, Mapping) else None
        return name if isinstance(name, str) else None


def read_request(call: Call, max_body: int = MAX_BODY) -> SearchRequest | None:
    """`call` as data; None where it cannot be read, or is longer than `max_body` bytes when decompressed."""
    parameters = read_parameters(split_target(call.target)[1])
    raw = _plain_body(call, max_body)
    if parameters is None or raw is None:
        return None
    from_source = not raw.strip() and "source" in parameters
    if from_source:
        if not _is_json(parameters["source_content_type"].value if "source_content_type" in parameters else ""):
            return None
        raw = parameters["source"].value.encode("utf-8")
    elif raw.strip() and ("source" in parameters or not _is_json(_header(call, b"content-type"))):
        return None
    body: object = {}
    spans: Mapping[str, Span] | None = {}
    if raw.strip():
        spans = read_spans(raw)
        try:
            body = orjson.loads(raw)
        except orjson.JSONDecodeError:
            return None
    if spans is None or not isinstance(body, dict) or not _is_spliceable(body):
        return None
    first = _count(parameters["from"].value if "from" in parameters else body.get("from"), 0)
    size = _count(parameters["size"].value if "size" in parameters else body.get("size"), 10)
    if first is None or size is None:
        return None
    return SearchRequest(call, parameters, body, raw, spans, from_source, first, size)


def _is_spliceable(body: Mapping[str, object]) -> bool:
    """Whether what we would put in place of the body's own values leaves no fault unseen by the engine."""
    numbers = all(body.get(key, 0) is not None for key in ("from", "size"))
    return numbers and isinstance(body.get("fields", []), list)


def _header(call: Call, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in call.headers if key.lower() == name), "")


def _is_json(media_type: str) -> bool:
    return media_type.partition(";")[0].strip().lower() in _JSON


def _plain_body(call: Call, max_body: int) -> bytes | None:
    """The body without its Content-Encoding; None where it is neither gzip nor deflate, is broken or too long."""
    encoding = _header(call, b"content-encoding").strip().lower()
    raw = call.body
    if encoding in ("gzip", "deflate"):
        unzip = zlib.decompressobj(wbits=47 if encoding == "gzip" else 15)
        try:
            raw = unzip.decompress(call.body, max_body + 1)
        except zlib.error:
            return None
        if not unzip.eof:
            return None
    elif encoding not in ("", "identity"):
        return None
    return raw if len(raw) <= max_body else None


def _count(said: object, default: int) -> int | None:
    """`from` or `size` as the engines read it (numbers in quotes too); None where they would refuse it."""
    if said is None:
        return default
    if isinstance(said, bool) or not isinstance(said, int | float | str):
        return None
    if isinstance(said, str) and _NUMBER.fullmatch(said) is None:
        return None
    try:
        number = int(said) if not isinstance(said, float) else int(said) if said.is_integer() else -1
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number < 2**31 else None
