"""Request bodies of both dialects, as pure functions. What two engines understand alike is written once."""

from collections.abc import Sequence
from dataclasses import dataclass

from connector.engines.base import Dialect, Json

MAX_CANDIDATES = 10_000  # both engines refuse a larger k or num_candidates


def lexical_query(text: str, fields: Sequence[str], filter: Sequence[object] = ()) -> Json:
    """Words over several fields: `best_fields` with a tie breaker (see `TIE_BREAKER`)."""
    words: Json = {
        "multi_match": {"query": text, "fields": list(fields), "type": "best_fields", "tie_breaker": TIE_BREAKER}
    }
    return {"bool": {"must": [words], "filter": list(filter)}} if filter else words


TIE_BREAKER = 0.3


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
