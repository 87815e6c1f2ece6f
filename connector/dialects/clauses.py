"""The query languages' clause kinds: which hold a user's words, which hold none, which wrap others.

A kind that stands in none of these tables is unknown, and whoever meets one must not guess.
"""

from collections.abc import Iterator, Mapping
from typing import TypeGuard

FIELD_TEXT = frozenset({"match", "match_phrase", "match_phrase_prefix", "match_bool_prefix"})
"""{"kind": {field: text | {"query": text}}}"""

QUERY_TEXT = frozenset({"multi_match", "combined_fields", "query_string", "simple_query_string"})
"""{"kind": {"query": text}}"""

MODEL_TEXT = {"neural": "query_text", "neural_sparse": "query_text", "text_expansion": "model_text"}
"""{"kind": {field: {key: text}}}: text that a model in the engine turns into a vector"""

TEXT_FREE = frozenset(
    {
        "match_all",
        "match_none",
        "term",
        "terms",
        "terms_set",
        "range",
        "exists",
        "ids",
        "parent_id",
        "geo_bounding_box",
        "geo_distance",
        "geo_polygon",
        "geo_shape",
        "geo_grid",
        "shape",
        "xy_shape",
        "rank_feature",
        "distance_feature",
    }
)
"""Conditions and signals; what they compare with is data, not words."""

TYPED = frozenset({"prefix", "wildcard", "regexp", "fuzzy"})
"""Patterns over terms. They give no text to rerank by, but may hold what a user typed: in a scoring place the vector
leg's filter cannot be told from the query."""


def read_clause(query: object) -> tuple[str, object] | None:
    """(kind, content) of a clause; None where it is not one object with one key."""
    if not isinstance(query, Mapping) or len(query) != 1:
        return None
    (kind,) = query
    return str(kind), query[kind]


def read_clauses(said: object) -> list[object]:
    """What a bool section holds: one clause or a list of them."""
    if said is None:
        return []
    return list(said) if isinstance(said, list) else [said]


def takes_size(said: object) -> bool:
    """Whether a clause anywhere in `said` finds as many neighbours as the search's `size` says. On Elasticsearch these
    are `knn` without `k` and `semantic`, whose k is max(size, 10); OpenSearch's `knn` has no default.
    """
    waiting = [said]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if any(_names_field(leg) and leg.get("k") is None for leg in read_clauses(one.get("knn"))):
                return True
            if _names_field(one.get("semantic")):
                return True
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
    return False


def _names_field(content: object) -> TypeGuard[dict[str, object]]:
    """Whether a clause's content is {"field": name, ...}, not {field: value}."""
    return isinstance(content, dict) and isinstance(content.get("field"), str)


def field_bodies(content: object) -> Iterator[object]:
    """The values of {field: value}, without the options that stand beside the field."""
    if isinstance(content, Mapping):
        yield from (value for key, value in content.items() if key not in ("boost", "_name"))
