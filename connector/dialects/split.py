"""The part of a caller's query that holds no query text: what the vector leg must obey.

Every rule here is an equivalence: a document that meets the clauses returned, and only lacks the words, is one that the
caller's query would take if it had them. Where that cannot be shown the answer is None and the leg stays out.
"""

from collections.abc import Mapping

from connector.dialects.clauses import (
    FIELD_TEXT,
    QUERY_TEXT,
    TEXT_FREE,
    field_bodies,
    read_clause,
    read_clauses,
)
from connector.dialects.querytext import Unreadable, one_text
from connector.dialects.request import SearchRequest
from connector.types import Reason

Clauses = tuple[object, ...]

_LIMITING = ("min_score", "knn", "slice", "terminate_after")
"""Body keys that limit the hits in a way no filter clause can repeat."""


def knn_filter(request: SearchRequest) -> Clauses | None:
    """Clauses (as parsed) that hold for the caller's hits whatever the words; None where that is not provably exact."""
    if any(request.body.get(key) is not None for key in _LIMITING) or one_text(request) is Reason.AMBIGUOUS:
        return None
    try:
        clauses = () if request.query is None else _split(request.query)
    except (Unreadable, RecursionError):
        return None
    after = request.body.get("post_filter")
    return clauses if after is None else (*clauses, after)


def _split(query: object) -> Clauses:
    """The conditions of `query` without its words. Raises Unreadable."""
    kind, content = _read(query)
    if kind == "match_all":
        return ()
    if _is_text_free(query):
        return (query,)
    match kind:
        case "bool":
            return _split_bool(content)
        case "dis_max":
            return _split_choice(read_clauses(content.get("queries")))
        case "function_score" | "script_score":
            if content.get("min_score") is not None:
                raise Unreadable
            inner = content.get("query")
            return () if inner is None else _split(inner)
        case "constant_score":
            return _split(content.get("filter"))
        case "boosting":
            return _split(content.get("positive"))
        case "nested":
            return _split_choice([content.get("query")])
    if kind in FIELD_TEXT or kind in QUERY_TEXT:
        return ()
    raise Unreadable


def _split_bool(content: Mapping[str, object]) -> Clauses:
    must, filters = read_clauses(content.get("must")), read_clauses(content.get("filter"))
    clauses = list(filters)
    if must_not := read_clauses(content.get("must_not")):
        clauses.append({"bool": {"must_not": must_not}})
    for clause in must:
        clauses.extend(_split(clause))
    should, least = read_clauses(content.get("should")), content.get("minimum_should_match")
    if should and least not in (0, "0") and (least is not None or not (must or filters)):
        if all(_is_text_free(clause) for clause in should):
            clauses.append({"bool": {"should": should, "minimum_should_match": 1 if least is None else least}})
        else:
            _split_choice(should)
    return tuple(clauses)


def _split_choice(queries: list[object]) -> Clauses:
    """Alternatives are words only, or the words and the conditions cannot be told apart."""
    if any(_is_text_free(query) or _split(query) for query in queries):
        raise Unreadable
    return ()


def _is_text_free(query: object) -> bool:
    """Whether nothing in `query` is matched against words. Raises Unreadable for kinds that nobody knows."""
    kind, content = _read(query)
    if kind in TEXT_FREE:
        return True
    if kind in FIELD_TEXT:  # a number or a boolean in a text's place is data
        values = [body.get("query") if isinstance(body, Mapping) else body for body in field_bodies(content)]
        return bool(values) and not any(isinstance(value, str) for value in values)
    if kind in QUERY_TEXT:
        return not isinstance(content.get("query"), str)
    inner = _all_inner(kind, content)
    return inner is not None and all(_is_text_free(clause) for clause in inner)


def _all_inner(kind: str, content: Mapping[str, object]) -> list[object] | None:
    """Every clause inside, scoring or not; None where `kind` wraps none."""
    match kind:
        case "bool":
            return [one for key in ("must", "filter", "should", "must_not") for one in read_clauses(content.get(key))]
        case "dis_max":
            return read_clauses(content.get("queries"))
        case "nested" | "has_child" | "has_parent":
            return read_clauses(content.get("query"))
        case "constant_score":
            return read_clauses(content.get("filter"))
        case "boosting":
            return [content.get("positive")]
    return None


def _read(query: object) -> tuple[str, Mapping[str, object]]:
    clause = read_clause(query)
    if clause is None or not isinstance(clause[1], Mapping):
        raise Unreadable
    return clause[0], clause[1]
