"""Queries of the in-memory engine: each clause is a function of one document: its score, or None for no match.

BM25 with Lucene's constants and idf, over plain word splitting (each Chinese character is a word); cosine is exact and
scored (1 + cos) / 2 as both engines do. A clause that is not known here is refused, as an engine would.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from connector.engines.base import Json
from connector.errors import EngineRefused

K1, B = 1.2, 0.75

Document = Mapping[str, Any]
Clause = Callable[[str, Document], float | None]
"""(id, source) -> score, or None."""


def compile_query(query: Json, documents: Mapping[str, Document]) -> Clause:
    """The clause of a parsed query over these documents. EngineRefused (400) for what is not known."""
    if len(query) != 1:
        raise EngineRefused("parsing_exception: a query has exactly one name", 400)
    ((name, body),) = query.items()
    if name not in _CLAUSES:
        raise EngineRefused(f"parsing_exception: unknown query [{name}]", 400)
    return _CLAUSES[name](body, documents)


def words(value: object) -> list[str]:
    """Lower-case words of a text or of a list of texts; each Chinese character by itself."""
    if isinstance(value, (list, tuple)):
        return [word for part in value for word in words(part)]
    return re.findall(r"[一-鿿]|[^\W一-鿿]+", str(value).lower()) if value is not None else []


def _match_all(body: Json, documents: Mapping[str, Document]) -> Clause:
    return lambda key, source: 1.0


def _ids(body: Json, documents: Mapping[str, Document]) -> Clause:
    return lambda key, source: 1.0 if key in body["values"] else None


def _exists(body: Json, documents: Mapping[str, Document]) -> Clause:
    return lambda key, source: 1.0 if source.get(body["field"]) is not None else None


def _term(body: Json, documents: Mapping[str, Document]) -> Clause:
    ((field, wanted),) = body.items()
    values = wanted if isinstance(wanted, list) else [wanted.get("value") if isinstance(wanted, dict) else wanted]
    return lambda key, source: 1.0 if any(value in values for value in _values(source, field)) else None


def _range(body: Json, documents: Mapping[str, Document]) -> Clause:
    ((field, limits),) = body.items()
    tests: dict[str, Callable[[Any, Any], bool]] = {
        "gte": lambda a, b: a >= b,
        "gt": lambda a, b: a > b,
        "lte": lambda a, b: a <= b,
        "lt": lambda a, b: a < b,
    }

    def clause(key: str, source: Document) -> float | None:
        found = any(
            all(tests[name](value, limit) for name, limit in limits.items()) for value in _values(source, field)
        )
        return 1.0 if found else None

    return clause


def _match(body: Json, documents: Mapping[str, Document]) -> Clause:
    ((field, wanted),) = body.items()
    text = wanted["query"] if isinstance(wanted, dict) else wanted
    return _multi_match({"query": text, "fields": [field]}, documents)


def _multi_match(body: Json, documents: Mapping[str, Document]) -> Clause:
    """Term-centric, whatever `type` says: each word counts in its best field, plus `tie_breaker` times the others."""
    terms = words(body["query"])
    weights = _weights(body["fields"], documents)
    tie = float(body.get("tie_breaker", 0.0))
    split = {key: {f: Counter(words(source.get(f))) for f in weights} for key, source in documents.items()}
    lengths = {f: [sum(counts[f].values()) for counts in split.values() if counts[f]] for f in weights}
    mean = {f: sum(found) / len(found) if found else 1.0 for f, found in lengths.items()}
    holding = {
        (f, term): sum(1 for counts in split.values() if term in counts[f]) for f in weights for term in set(terms)
    }

    def weigh(counts: Counter[str], f: str, term: str) -> float:
        frequency = counts[term]
        if not frequency:
            return 0.0
        total, n = len(lengths[f]), holding[f, term]
        idf = math.log(1 + (total - n + 0.5) / (n + 0.5))
        norm = K1 * (1 - B + B * sum(counts.values()) / mean[f])
        return weights[f] * idf * frequency / (frequency + norm)

    def clause(key: str, source: Document) -> float | None:
        score = 0.0
        for term in terms:
            found = sorted((weigh(split[key][f], f, term) for f in weights), reverse=True)
            score += found[0] + tie * sum(found[1:]) if found else 0.0
        return score or None

    return clause


def _bool(body: Json, documents: Mapping[str, Document]) -> Clause:
    def part(name: str) -> list[Clause]:
        given = body.get(name, [])
        return [compile_query(query, documents) for query in (given if isinstance(given, list) else [given])]

    must, should, silent, never = part("must"), part("should"), part("filter"), part("must_not")
    least = int(body.get("minimum_should_match", 0 if must or silent else min(1, len(should))))

    def clause(key: str, source: Document) -> float | None:
        if any(test(key, source) is not None for test in never):
            return None
        needed = [test(key, source) for test in must]
        if None in needed or any(test(key, source) is None for test in silent):
            return None
        optional = [score for test in should if (score := test(key, source)) is not None]
        return sum(score or 0.0 for score in needed) + sum(optional) if len(optional) >= least else None

    return clause


def _knn(body: Json, documents: Mapping[str, Document]) -> Clause:
    ((field, wanted),) = body.items()
    allowed = compile_query(wanted["filter"], documents) if "filter" in wanted else _match_all({}, documents)
    near = {
        key: (1 + _cosine(wanted["vector"], source[field])) / 2
        for key, source in documents.items()
        if source.get(field) and allowed(key, source) is not None
    }
    nearest = dict(sorted(near.items(), key=lambda item: (-item[1], item[0]))[: wanted["k"]])
    return lambda key, source: nearest.get(key)


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    if len(one) != len(other):
        raise EngineRefused(f"query vector has invalid dimension: {len(one)}. Dimension should be: {len(other)}", 400)
    length = math.hypot(*one) * math.hypot(*other)
    return sum(a * b for a, b in zip(one, other, strict=True)) / length if length else 0.0


def _values(source: Document, field: str) -> list[Any]:
    value = source.get(field, source.get(field.removesuffix(".keyword")))
    return value if isinstance(value, list) else [] if value is None else [value]


def _weights(fields: Sequence[str], documents: Mapping[str, Document]) -> dict[str, float]:
    known = sorted({name for source in documents.values() for name in source})
    weights: dict[str, float] = {}
    for field in fields:
        name, _, weight = field.partition("^")
        for found in known if "*" in name else [name]:
            if fnmatchcase(found, name):
                weights[found] = float(weight or 1)
    return weights


_CLAUSES: dict[str, Callable[[Json, Mapping[str, Document]], Clause]] = {
    "bool": _bool,
    "exists": _exists,
    "ids": _ids,
    "knn": _knn,
    "match": _match,
    "match_all": _match_all,
    "multi_match": _multi_match,
    "range": _range,
    "term": _term,
    "terms": _term,
}
