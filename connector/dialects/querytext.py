"""The words the user typed, found in a query. One distinct text is found; none is `no_text`; several are `ambiguous`.

Never a guess. Only scoring places count: text under `filter` and `must_not` was put there by the application. Of
query string syntax only what asks for all words is read (`connector.dialects.syntax`).
"""

from collections.abc import Iterator, Mapping

from connector.dialects.clauses import (
    FIELD_TEXT,
    MODEL_TEXT,
    QUERY_TEXT,
    TEXT_FREE,
    TYPED,
    field_bodies,
    read_clause,
    read_clauses,
)
from connector.dialects.request import SearchRequest
from connector.dialects.syntax import lucene_words, simple_words
from connector.querypath import find_texts, header_name
from connector.types import Reason


class Unreadable(Exception):
    """Raised inside this module where a clause may hold words that cannot be told."""


def query_text(request: SearchRequest, query_path: str = "") -> str | Reason:
    """The text, or NO_TEXT or AMBIGUOUS. Where the policy's `query_path` leads to words, these are the text."""
    said = _follow(request, query_path) if query_path else []
    if len(said) > 1:
        return Reason.AMBIGUOUS
    return said[0] if said else one_text(request)


def _follow(request: SearchRequest, path: str) -> list[str]:
    name = header_name(path)
    if name is None:
        return find_texts(path, request.body)
    words = " ".join((request.header(name) or b"").decode("utf-8", "replace").split())
    return [words] if words else []


def one_text(request: SearchRequest) -> str | Reason:
    """The one text of the query itself, or NO_TEXT or AMBIGUOUS."""
    found: dict[str, str] = {}
    try:
        for text in _request_texts(request):
            words = " ".join(text.split())
            if words:
                found.setdefault(words.casefold(), words)
    except (Unreadable, RecursionError):
        return Reason.AMBIGUOUS
    if len(found) > 1:
        return Reason.AMBIGUOUS
    return next(iter(found.values()), Reason.NO_TEXT)


def _request_texts(request: SearchRequest) -> Iterator[str]:
    if request.query is not None:
        yield from texts_in(request.query)
    for leg in read_clauses(request.body.get("knn")):  # Elasticsearch's top-level knn, one or several
        yield from _knn_texts(leg)


def texts_in(query: object) -> Iterator[str]:
    """Every text in a scoring place of `query`. Raises Unreadable."""
    clause = read_clause(query)
    if clause is None:
        raise Unreadable
    kind, content = clause
    if kind in TEXT_FREE or kind in TYPED:
        return
    if not isinstance(content, Mapping):
        raise Unreadable
    if kind in FIELD_TEXT:
        for body in field_bodies(content):
            yield from _words(body.get("query") if isinstance(body, Mapping) else body)
    elif kind in QUERY_TEXT:
        yield from _query_words(kind, content)
    elif kind in MODEL_TEXT:
        for body in field_bodies(content):
            yield from _words(body.get(MODEL_TEXT[kind]) if isinstance(body, Mapping) else None)
    elif kind in ("semantic", "sparse_vector"):
        yield from _words(content.get("query"))
    elif kind == "knn":
        yield from _knn_texts(content)
    else:
        for inner in _inner(kind, content):
            yield from texts_in(inner)


def _inner(kind: str, content: Mapping[str, object]) -> list[object]:
    """The clauses in scoring places of a clause that wraps others. Raises Unreadable for unknown kinds."""
    match kind:
        case "bool":
            return read_clauses(content.get("must")) + read_clauses(content.get("should"))
        case "dis_max" | "hybrid":
            return read_clauses(content.get("queries"))
        case "function_score" | "script_score" | "nested" | "has_child" | "has_parent":
            return read_clauses(content.get("query"))
        case "constant_score":
            return read_clauses(content.get("filter"))
        case "boosting":
            return read_clauses(content.get("positive"))
    raise Unreadable


def _words(value: object) -> Iterator[str]:
    """A text is words; a number or a boolean in its place is data."""
    if isinstance(value, str):
        yield value


def _query_words(kind: str, content: Mapping[str, object]) -> Iterator[str]:
    for text in _words(content.get("query")):
        words: str | None = text
        if kind == "query_string":
            words = lucene_words(text)
        elif kind == "simple_query_string":
            words = simple_words(text, content)
        if words is None:
            raise Unreadable
        yield words


def _knn_texts(content: object) -> Iterator[str]:
    """A vector holds no words; Elasticsearch's `query_vector_builder` does."""
    if not isinstance(content, Mapping):
        raise Unreadable
    builder = content.get("query_vector_builder")
    if isinstance(builder, Mapping):
        for inner in builder.values():
            yield from _words(inner.get("model_text") if isinstance(inner, Mapping) else None)
