"""Request bodies of both dialects, as pure functions. What two engines understand alike is written once."""

from collections.abc import Sequence
from dataclasses import dataclass

from connector.engines.base import Dialect, Json

MAX_CANDIDATES = 10_000  # both engines refuse a larger k or num_candidates


FIRST_FIELD = 1.5
TIE_BREAKER = 0.1
"""Measured on 90 shop queries (ESCI, not its test part; OpenSearch 3.6.0; name, brand, color, text), nDCG@10 / R@100:
best_fields 0.693 / 0.840, most_fields 0.688 / 0.836, cross_fields 0.708 / 0.844, cross_fields with the name at 1.5
0.723 / 0.864; one joined field, as a reference, 0.712 / 0.861.
"""


def lexical_query(text: str, fields: Sequence[str], filter: Sequence[object] = ()) -> Json:
    """Words over several fields: `cross_fields`, so that "red acme jacket" may find each word in another field.

    The first field is what a thing is called and weighs `FIRST_FIELD`, unless it is a pattern or has a weight of its
    own. `lenient`: a number or date among the fields is skipped for words that are none.
    """
    weighed = [_weighed(fields[0]), *fields[1:]] if len(fields) > 1 else list(fields)
    words: Json = {
        "multi_match": {
            "query": text,
            "fields": weighed,
            "type": "cross_fields",
            "tie_breaker": TIE_BREAKER,
            "lenient": True,
        }
    }
    return {"bool": {"must": [words], "filter": list(filter)}} if filter else words


def _weighed(field: str) -> str:
    return field if "*" in field or "^" in field else f"{field}^{FIRST_FIELD}"


@dataclass(frozen=True, slots=True)
class OpenSearchDialect:
    """Bodies for OpenSearch with the k-NN plugin."""

    name: str = "opensearch"

    def knn_clause(self, field: str, vector: Sequence[float], k: int, filter: Sequence[object] = ()) -> Json:
        """`{"query": {"knn": {field: {"vector", "k", "filter"}}}}`: the filter works inside the graph search."""
        clause: Json = {"vector": list(vector), "k": min(k, MAX_CANDIDATES)}
        if filter:
            clause["filter"] = {"bool": {"filter": list(filter)}}
        return {"query": {"knn": {field: clause}}}

    def lexical_query(self, text: str, fields: Sequence[str], filter: Sequence[object] = ()) -> Json:
        return lexical_query(text, fields, filter)


@dataclass(frozen=True, slots=True)
class ElasticsearchDialect:
    """Bodies for Elasticsearch 8.19 and 9: top-level `knn`, free in every licence."""

    name: str = "elasticsearch"

    def knn_clause(self, field: str, vector: Sequence[float], k: int, filter: Sequence[object] = ()) -> Json:
        """`{"knn": {"field", "query_vector", "k", "num_candidates", "filter"}}`.

        A shard looks at `num_candidates` = 2 k, at least 100: with the quantised graphs that are the default from 384
        dimensions on, k candidates alone would lose neighbours.
        """
        k = min(k, MAX_CANDIDATES)
        clause: Json = {
            "field": field,
            "query_vector": list(vector),
            "k": k,
            "num_candidates": min(max(2 * k, 100), MAX_CANDIDATES),
        }
        if filter:
            clause["filter"] = list(filter)
        return {"knn": clause}

    def lexical_query(self, text: str, fields: Sequence[str], filter: Sequence[object] = ()) -> Json:
        return lexical_query(text, fields, filter)


DIALECTS: dict[str, Dialect] = {"opensearch": OpenSearchDialect(), "elasticsearch": ElasticsearchDialect()}
"""By `EngineInfo.dialect`."""
