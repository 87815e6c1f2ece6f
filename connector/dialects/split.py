"""The part of a caller's query that holds no query text: what the vector leg must obey.

Every rule here is an equivalence: a document that meets the clauses returned, and only lacks the words, is one that the
caller's query would take if it had them. Where that cannot be shown the answer is None and the leg stays out.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from connector.dialects.clauses import (
    FIELD_TEXT,
    QUERY_TEXT,
    TEXT_FREE,
    field_bodies,
    read_clause,
    read_clauses,
)
from connector.dialects.querytext import Unreadable, one_text, texts_in
from connector.dialects.request import SearchRequest
from connector.types import Reason

Clauses = tuple[object, ...]

_LIMITING = ("min_score", "knn", "slice", "terminate_after", "collapse")
"""Body keys that limit the hits in a way no filter clause can repeat; legs that collapse apart show a group twice."""


class _Part(NamedTuple):
    """Of a query: the conditions, and the fields that must have the words (empty: none must)."""

    clauses: Clauses = ()
    fields: frozenset[str] = frozenset()


def knn_filter(request: SearchRequest, text: str) -> Clauses | None:
    """Clauses (as parsed) that hold for the caller's hits whatever the words, which are `text`; None where that is not
    provably exact.
    """
    if any(request.body.get(key) is not None for key in _LIMITING) or one_text(request) is Reason.AMBIGUOUS:
        return None
    try:
        clauses = () if request.query is None else _split(request.query, text.casefold()).clauses
    except (Unreadable, RecursionError):
        return None
    after = request.body.get("post_filter")
    return clauses if after is None else (*clauses, after)


def _split(query: object, text: str) -> _Part:
    """`query` without its words, which are `text` in any case. Raises Unreadable."""
    kind, content = _read(query)
    if kind == "match_all":
        return _Part()
    if _is_text_free(query):
        return _Part((query,))
    match kind:
        case "bool":
            return _split_bool(content, text)
        case "dis_max":
            return _split_choice(read_clauses(content.get("queries")), text)
        case "function_score" | "script_score":
            if content.get("min_score") is not None:
                raise Unreadable
            inner = content.get("query")
            return _Part() if inner is None else _split(inner, text)
        case "constant_score":
            return _split(content.get("filter"), text)
        case "boosting":
            return _split(content.get("positive"), text)
        case "nested":
            return _split_choice([content.get("query")], text)
    if (kind in FIELD_TEXT or kind in QUERY_TEXT) and _is_words(query, text):
        return _Part(fields=_fields(kind, content))
    raise Unreadable


def _is_words(query: object, text: str) -> bool:
    """Whether a clause looks for the user's words. Other words are a condition, or theirs in a form we cannot tell."""
    return {" ".join(found.split()).casefold() for found in texts_in(query)} == {text}


def _fields(kind: str, content: Mapping[str, object]) -> frozenset[str]:
    """Where a clause of words looks for them; "" stands for the index's default."""
    if kind in FIELD_TEXT:
        return frozenset(content) - {"boost", "_name"}
    said = content.get("fields", content.get("default_field", ""))
    return frozenset(str(name).partition("^")[0] for name in (said if isinstance(said, list) else [said]))


def _split_bool(content: Mapping[str, object], text: str) -> _Part:
    must, filters = read_clauses(content.get("must")), read_clauses(content.get("filter"))
    clauses = list(filters)
    if must_not := read_clauses(content.get("must_not")):
        clauses.append({"bool": {"must_not": must_not}})
    parts = [_split(clause, text) for clause in must]
    should, least = read_clauses(content.get("should")), content.get("minimum_should_match")
    if should and not ((must or filters) and least in (None, 0, "0")):
        if all(_is_text_free(clause) for clause in should):
            parts.append(_Part(({"bool": {"should": should, "minimum_should_match": 1 if least is None else least}},)))
        elif least in (None, 0, "0", 1, "1"):
            parts.append(_split_choice(should, text))
        else:
            parts += [_split_choice([clause], text) for clause in should]
    clauses += [clause for part in parts for clause in part.clauses]
    return _Part(tuple(clauses), _same_fields(part.fields for part in parts))


def _same_fields(required: Iterable[frozenset[str]]) -> frozenset[str]:
    """Of clauses that must all have the words. In one field's place they are the user's; in a second one's they may be
    a condition that happens to hold the same word, such as whose documents these are. Raises Unreadable.
    """
    fields = {one for one in required if one}
    if len(fields) > 1:
        raise Unreadable
    return fields.pop() if fields else frozenset()


def _split_choice(queries: list[object], text: str) -> _Part:
    """Alternatives are words only, or the words and the conditions cannot be told apart."""
    fields: frozenset[str] = frozenset()
    for query in queries:
        if _is_text_free(query) or (part := _split(query, text)).clauses:
            raise Unreadable
        fields |= part.fields
    return _Part(fields=fields)


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
