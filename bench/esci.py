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
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connector.errors import EngineRefused
from workers.training.data import MAX_CHARS, TEXT_FIELDS, Collection, read_collection
from workers.training.embedding import Embedder
from workers.training.engine import EngineIndex, call
from workers.training.measure import first_stage, mean, per_query

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

INDEX = "esci"
TEXTS = ("text_all",)  # the field that BM25 searches
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
    """Create the index anew and load every document in bulks of 500.

    Equal BM25 scores are ordered by place in the index, so another order of segments moves BM25 by up to 0.002.
    """
    try:
        call(f"{url}/{name}", method="DELETE")
    except EngineRefused as error:
        if error.engine_status != 404:
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
            raise EngineRefused(f"{url}/{name}: a document was refused: {json.dumps(answer)[:500]}")
    call(f"{url}/{name}/_refresh", b"")


def main() -> None:
    """Index the set and print the first-stage figures of one part of the split."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--engine-url", default="http://127.0.0.1:9200")
    parser.add_argument("--part", default="dev", choices=["train", "dev", "test"])
    parser.add_argument("--no-index", action="store_true", help="the index is there already")
    args = parser.parse_args()
    collection, embed = read_collection(data_folder()), Embedder(half=False)
    if not args.no_index:
        index(args.engine_url, collection, embed([vector_text(each) for each in collection.documents.values()]))
    queries, grades = collection.part(args.part)
    for name, run in first_stage(EngineIndex(args.engine_url, INDEX, TEXTS), queries, embed).items():
        ndcg, recall = (mean(per_query(run, grades, measure)) for measure in ("nDCG@10", "R@100"))
        print(f"{args.part} {name:6} nDCG@10 {ndcg:.4f}  R@100 {recall:.4f}")


if __name__ == "__main__":
    main()
