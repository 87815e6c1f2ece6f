"""The ESCI shop set on a real engine: how it is indexed, and the first-stage lists that every ESCI figure starts from.

Rule: BM25 reads one `english` field joining title, text, brand and color; the vector is of title, brand, color and text
joined by spaces, the cross-encoder reads them joined by ". ", both cut at 450 characters; the fused list is reciprocal
rank (k 60) of 100 + 100.

    python -m bench.esci --engine-url http://127.0.0.1:9200            # index, then print first-stage figures (dev)
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workers.training.data import MAX_CHARS, TEXT_FIELDS, Collection, Grades, read_collection
from workers.training.embedding import Embedder
from workers.training.engine import EngineError, EngineIndex, Hit, call

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

INDEX = "esci"
WINDOW = 100
RRF_K = 60

Run = dict[str, list[str]]  # query id -> document ids, best first

MAPPING: dict[str, Any] = {
    "settings": {"index": {"number_of_shards": 1, "number_of_replicas": 0, "knn": True}},
    "mappings": {
        "properties": {
            "title": {"type": "text", "index": False},
            "brand": {"type": "text", "index": False},
            "color": {"type": "text", "index": False},
            "text": {"type": "text", "index": False},
            "text_all": {"type": "text", "analyzer": "english"},
            "embedding": {
                "type": "knn_vector",
                "dimension": 384,
                "method": {"name": "hnsw", "engine": "lucene", "space_type": "cosinesimil"},
            },
        }
    },
}


def data_folder() -> Path:
    """Return the ESCI folder: $SECONDPASS_TEST_DATA, else ../shared/data beside the checkout."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("SECONDPASS_TEST_DATA", default)) / "esci-opensearch"


def vector_text(document: Mapping[str, Any]) -> str:
    """Return what is embedded of a product."""
    return " ".join(str(document[name]) for name in TEXT_FIELDS if document[name])[:MAX_CHARS]


def index(url: str, collection: Collection, vectors: NDArray[np.float32], name: str = INDEX) -> None:
    """Create the index anew and load every document; one segment, so that kNN lists repeat exactly."""
    try:
        call(f"{url}/{name}", method="DELETE")
    except EngineError as error:
        if "404" not in str(error):
            raise
    call(f"{url}/{name}", json.dumps(MAPPING).encode(), "PUT")
    rows = list(zip(collection.documents.items(), vectors.tolist(), strict=True))
    for start in range(0, len(rows), 500):
        lines: list[str] = []
        for (key, document), vector in rows[start : start + 500]:
            shown = {field: document.get(field) for field in ("title", "brand", "color", "text", "category")}
            joined = " ".join(str(document[field]) for field in ("title", "text", "brand", "color") if document[field])
            lines.append(json.dumps({"index": {"_id": key}}))
            lines.append(json.dumps({**shown, "text_all": joined, "embedding": vector}))
        answer = call(f"{url}/{name}/_bulk", ("\n".join(lines) + "\n").encode(), kind="application/x-ndjson")
        if answer["errors"]:
            raise EngineError(f"{url}/{name}: a document was refused: {json.dumps(answer)[:500]}")
    call(f"{url}/{name}/_forcemerge?max_num_segments=1", b"")
    call(f"{url}/{name}/_refresh", b"")


def fuse(lexical: Sequence[Hit], nearest: Sequence[Hit], window: int = WINDOW) -> list[str]:
    """Return the ids of both lists by reciprocal rank, best first; ties go to the lexical order, then the id."""
    scores: dict[str, float] = {}
    place: dict[str, int] = {}
    for hits in (lexical, nearest):
        for rank, hit in enumerate(hits, 1):
            scores[hit.id] = scores.get(hit.id, 0.0) + 1.0 / (RRF_K + rank)
            place.setdefault(hit.id, rank if hits is lexical else window + rank)
    return sorted(scores, key=lambda key: (-scores[key], place[key], key))[:window]


def first_stage(url: str, queries: Mapping[str, str], embed: Embedder, name: str = INDEX) -> dict[str, Run]:
    """Return the runs `bm25`, `knn` and `fused` of the queries, 100 documents deep."""
    engine = EngineIndex(url, name)
    texts = list(queries.values())
    lexical = engine.lexical(texts, WINDOW)
    nearest = engine.nearest(embed(texts).tolist(), WINDOW)
    fused = [fuse(a, b) for a, b in zip(lexical, nearest, strict=True)]
    return {
        "bm25": dict(zip(queries, ([hit.id for hit in hits] for hits in lexical), strict=True)),
        "knn": dict(zip(queries, ([hit.id for hit in hits] for hits in nearest), strict=True)),
        "fused": dict(zip(queries, fused, strict=True)),
    }


def per_query(run: Run, grades: Grades, measure: str = "nDCG@10") -> dict[str, float]:
    """Return the measure of each graded query (ir-measures name; trec_eval gains, unjudged documents count 0)."""
    import ir_measures

    rows = {query: {key: -float(rank) for rank, key in enumerate(ids)} for query, ids in run.items() if query in grades}
    found = ir_measures.iter_calc([ir_measures.parse_measure(measure)], grades, rows)
    values = {metric.query_id: float(metric.value) for metric in found}
    return {query: values.get(query, 0.0) for query in grades}


def mean(values: Mapping[str, float]) -> float:
    """Return the mean over queries."""
    return sum(values.values()) / len(values)


def main() -> None:
    """Index the set and print the first-stage figures of one part of the split."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--engine-url", default="http://127.0.0.1:9200")
    parser.add_argument("--part", default="dev", choices=["train", "dev", "test"])
    parser.add_argument("--no-index", action="store_true", help="the index is there already")
    args = parser.parse_args()
    collection, embed = read_collection(data_folder()), Embedder()
    if not args.no_index:
        index(args.engine_url, collection, embed([vector_text(each) for each in collection.documents.values()]))
    queries, grades = collection.part(args.part)
    for name, run in first_stage(args.engine_url, queries, embed).items():
        ndcg, recall = (mean(per_query(run, grades, measure)) for measure in ("nDCG@10", "R@100"))
        print(f"{args.part} {name:6} nDCG@10 {ndcg:.4f}  R@100 {recall:.4f}")


if __name__ == "__main__":
    main()
