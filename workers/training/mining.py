"""Training pairs out of queries and a live engine: the source, hard negatives of both lists, a random stranger.

Rule: the source of a made query is its positive; neighbours from the engine's BM25 and kNN lists get a soft label
between 0 and 0.9 (`soft_label`), because a neighbour is often a good answer too; a random document is 0.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from connector.agreement import path
from workers.training.data import Grades, by_text, folded
from workers.training.engine import Hit
from workers.training.queries import MadeQuery, words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from workers.training.embedding import Embed

    Vectors = NDArray[np.float32]

DEPTH = 100
"""Documents of each list that neighbours are drawn from: the window that is reranked later."""

BANDS = ((0, 8, 2), (8, 25, 2), (25, DEPTH, 1))
"""(from, to, how many) of the merged list: most from the top, where the model has to decide, some from the tail."""

SOURCE_LABEL = 0.95
SOFT_MAX = 0.9
EXCLUDED_FACTOR = 0.4
"""A neighbour whose title has the word that the query excludes keeps this share of its label."""

LABEL_WEIGHTS = (-5.17, 1.80, 2.19, 0.75, 1.67, 2.49)
"""Intercept, cosine, BM25, coverage, category, cosine to source: logistic regression on the ESCI train grades (75
queries, a random exact answer of each as its source). Log loss 0.378; 0.417 without the last two; the order by this sum
reaches nDCG@10 0.788 on train where the embedder's cosine alone has 0.734."""

GRADE_LABELS = {0: 0.02, 1: 0.2, 2: 0.55, 3: 0.95}
"""Labels of human grades, ESCI's scale: irrelevant, complement, substitute, exact."""

UNJUDGED_LABEL = 0.05
"""A graded query's neighbour that nobody judged: people judged what looked like an answer, so it rarely is one."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One training example: a query, the id of a document, and how relevant it is, 0 to 1."""

    query: str
    document: str
    label: float


class Neighbours(Protocol):
    """The two lists of an engine, best first, and the vectors it stores; `EngineIndex` is the real one."""

    def lexical(self, texts: Sequence[str], size: int) -> list[list[Hit]]: ...

    def nearest(self, vectors: Sequence[Sequence[float]], size: int) -> list[list[Hit]]: ...

    def vectors(self, ids: Sequence[str]) -> dict[str, list[float]]: ...


def merge(lexical: Sequence[Hit], nearest: Sequence[Hit]) -> list[str]:
    """Return the ids of both lists taken in turns, each once."""
    ids: dict[str, None] = {}
    for rank in range(max(len(lexical), len(nearest))):
        for hits in (lexical, nearest):
            if rank < len(hits):
                ids.setdefault(hits[rank].id)
    return list(ids)


def coverage(query: str, title: str) -> float:
    """Return the share of the query's words that the title has, plural "s" ignored; 0 to 1."""
    wanted = {word.rstrip("s") for word in words(query)}
    had = {word.rstrip("s") for word in words(title)}
    return len(wanted & had) / len(wanted) if wanted else 0.0


def category_overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """Return the share of the longer category path that both products have in common; 0.3 where one has none."""
    a, b = (path(document.get("category")) for document in (one, other))
    if not a or not b:
        return 0.3
    common = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        common += 1
    return common / max(len(a), len(b))


def soft_label(cosine: float, bm25: float, covered: float, category: float, to_source: float) -> float:
    """Return how relevant a neighbour of a made query probably is, 0 to 0.9, from what the engine and catalogue say.

    `cosine` query to neighbour; `bm25` score over that of the list's first; `covered` words; `category` overlap and
    `to_source` cosine, both between the neighbour and the query's source product.
    """
    values = (1.0, cosine, bm25, covered, category, to_source)
    logit = sum(weight * value for weight, value in zip(LABEL_WEIGHTS, values, strict=True))
    return min(1.0 / (1.0 + math.exp(-logit)), SOFT_MAX)


def mine(
    queries: Sequence[MadeQuery],
    documents: Mapping[str, Mapping[str, Any]],
    engine: Neighbours,
    embed: Embed,
    vectors: Mapping[str, Vectors],
    rng: random.Random,
) -> list[Pair]:
    """Return the pairs of made queries: source, neighbours by band, one random document that is none of these (a
    catalogue of fewer has none).

    `vectors` are the unit vectors of the documents; `embed` makes those of the queries.
    """
    texts = [query.text for query in queries]
    asked = embed(texts)
    lists = zip(engine.lexical(texts, DEPTH), engine.nearest(asked.tolist(), DEPTH), strict=True)
    keys = list(documents)
    pairs: list[Pair] = []
    for query, vector, (lexical, nearest) in zip(queries, asked, lists, strict=True):
        source = documents[query.source]
        bm25 = {hit.id: hit.score / lexical[0].score for hit in lexical}
        around = [key for key in merge(lexical, nearest) if key != query.source and key in documents]
        pairs.append(Pair(query.text, query.source, SOURCE_LABEL))
        drawn = _sample_bands(around, rng)
        for key in drawn:
            document = documents[key]
            title = f"{document.get('title') or ''} {document.get('brand') or ''}"
            label = soft_label(
                cosine=float(vectors[key] @ vector),
                bm25=bm25.get(key, 0.0),
                covered=coverage(query.text, title),
                category=category_overlap(source, document),
                to_source=float(vectors[query.source] @ vectors[key]),
            )
            excluded = bool(query.excluded) and query.excluded in words(title)
            pairs.append(Pair(query.text, key, label * (EXCLUDED_FACTOR if excluded else 1.0)))
        labelled = {query.source, *drawn}
        if len(labelled) < len(keys):
            while (stranger := rng.choice(keys)) in labelled:
                pass
            pairs.append(Pair(query.text, stranger, 0.0))
    return pairs


def _sample_bands(around: Sequence[str], rng: random.Random) -> list[str]:
    bands = ((around[low:high], size) for low, high, size in BANDS)
    return [key for band, size in bands for key in rng.sample(band, min(size, len(band)))]


def graded_label(grade: float) -> float:
    """The label of a grade of ESCI's scale, 0 to 3; of one between two of them, on the line between theirs."""
    import numpy as np

    return float(np.interp(grade, list(GRADE_LABELS), list(GRADE_LABELS.values())))


def mine_graded(
    queries: Mapping[str, str], grades: Grades, engine: Neighbours, embed: Embed, rng: random.Random, unjudged: int = 25
) -> list[Pair]:
    """Return the pairs of graded queries: every grade, and `unjudged` neighbours a query that nobody judged."""
    texts = list(queries.values())
    lists = zip(engine.lexical(texts, 100), engine.nearest(embed(texts).tolist(), 100), strict=True)
    told = by_text(queries, grades)
    pairs: list[Pair] = []
    for (query, text), (lexical, nearest) in zip(queries.items(), lists, strict=True):
        pairs += [Pair(text, key, graded_label(grade)) for key, grade in grades.get(query, {}).items()]
        others = [key for key in merge(lexical, nearest) if key not in told[folded(text)]]
        pairs += [Pair(text, key, UNJUDGED_LABEL) for key in rng.sample(others, min(unjudged, len(others)))]
    return pairs
