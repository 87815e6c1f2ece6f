"""Bars of the quality lab: what int8 and int4 give and cost, on ESCI dev and test and on scifact together.

Rule: nothing is chosen here. The model's folder with its ranges is what is shipped; ESCI test is looked at once a model
and written to test-evals.jsonl. The judged pools of ESCI are ordered as they are; scifact, of whose pool only one
abstract a claim is judged, as the first 20 of BM25 for 60 claims drawn with seed 0.

    taskset -c 0 python -m bench.quantize --engine-url URL --model bundled:products-en
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bench import evaluations
from bench.esci import TEXTS, data_folder
from bench.model_path import RESULTS, machine
from workers.checkpoint import read_config, read_weights
from workers.choose import opener
from workers.quantize.make import make
from workers.quantize.measure import Side, compare, in_turns, quality
from workers.runtimes.inputs import hash_weights
from workers.scorer import Pair
from workers.sources import locate
from workers.tokens import Tokens
from workers.training.data import Collection, Grades, document_text, read_collection
from workers.training.engine import EngineIndex, call

RECIPE = "judged pool, fp32 against quantised"
INDEX = "bench-quantize-scifact"
CLAIMS, DEPTH, SEED = 60, 20, 0

Places = list[tuple[str, str]]


def esci(part: str) -> tuple[Places, list[Pair], Grades]:
    """The judged pool of a part of the split."""
    collection = read_collection(data_folder())
    queries, grades = collection.part(part)
    places = [(query, document) for query, judged in grades.items() for document in judged]
    return places, [(queries[q], document_text(collection.documents[d])) for q, d in places], grades


@contextmanager
def scifact_index(url: str, collection: Collection) -> Iterator[EngineIndex]:
    """The abstracts under the english analyzer, in an index that is made here and deleted again."""
    field = {"properties": {"text_all": {"type": "text", "analyzer": "english"}}}
    call(f"{url}/{INDEX}", json.dumps({"mappings": field}).encode(), "PUT")
    try:
        lines = []
        for key, document in collection.documents.items():
            text = f"{document['title']} {document['text']}"
            lines += [json.dumps({"index": {"_id": key}}), json.dumps({"text_all": text})]
        call(f"{url}/{INDEX}/_bulk?refresh=true", ("\n".join(lines) + "\n").encode(), kind="application/x-ndjson")
        yield EngineIndex(url, INDEX, TEXTS)
    finally:
        call(f"{url}/{INDEX}", method="DELETE")


def scifact(url: str, count: int = CLAIMS) -> tuple[Places, list[Pair], Grades]:
    """The first `DEPTH` of BM25 for `count` claims."""
    collection = read_collection(data_folder().parent / "scifact")
    claims = random.Random(SEED).sample(sorted(collection.grades), count)
    with scifact_index(url, collection) as index:
        found = index.lexical([collection.queries[claim] for claim in claims], DEPTH)
    places = [(claim, hit.id) for claim, hits in zip(claims, found, strict=True) for hit in hits]
    pairs = [(collection.queries[claim], document_text(collection.documents[key])) for claim, key in places]
    return places, pairs, {claim: collection.grades[claim] for claim in claims}


def figures(name: str, places: Places, grades: Grades, reference: Side, side: Side) -> dict[str, Any]:
    """What one side loses on one set."""
    tau, difference = compare(reference, side)
    found = asdict(quality(name, places, grades, reference.logits, side.logits))
    return found | {"tau": round(tau, 4), "largest_difference_in_deviations": round(difference, 3)}


def together(
    sets: dict[str, tuple[Places, Grades]], reference: dict[str, Side], sides: dict[str, Side]
) -> dict[str, Any]:
    """All sets as one list of queries, their ids kept apart by the set's name."""
    places = [(f"{name} {query}", key) for name, (rows, _) in sets.items() for query, key in rows]
    grades = {f"{name} {query}": judged for name, (_, graded) in sets.items() for query, judged in graded.items()}
    logits = [np.concatenate([each[name].logits for name in sets]) for each in (reference, sides)]
    return asdict(quality(" + ".join(sets), places, grades, *logits))


def main() -> None:
    """Score all sets with fp32, int8 and int4 in turns, and write the result."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", default="bundled:products-en")
    parser.add_argument("--engine-url", default="http://127.0.0.1:9200")
    parser.add_argument("--no-test", action="store_true", help="leave ESCI test alone")
    args = parser.parse_args()
    folder = locate(args.model)
    weights = hash_weights(folder)
    if not args.no_test and evaluations.looked(RECIPE, weights):
        raise SystemExit("these weights were looked at on test before")
    before = machine()
    parts = {"ESCI dev": esci("dev"), "scifact": scifact(args.engine_url)}
    if not args.no_test:
        parts["ESCI test"] = esci("test")
    tokens = Tokens(folder, read_config(folder))
    with tempfile.TemporaryDirectory() as scratch:
        packed = Path(scratch) / "int4"
        make(folder, packed, "openvino", "int4", [])
        names = ("int8", "int4")
        runtimes = [opener(folder, "cpu")("openvino", "fp32"), opener(folder, "cpu")("openvino", "int8")]
        runtimes.append(opener(packed, "cpu")("openvino", "int4"))
        fp16 = 2 * sum(weight.size for weight in read_weights(folder).values())
        share = (packed / "int4.safetensors").stat().st_size / fp16
        scored = {name: in_turns(runtimes, tokens, pairs) for name, (_, pairs, _) in parts.items()}
    found: dict[str, Any] = {}
    for place, precision in enumerate(names, 1):
        found[precision] = {
            name: figures(name, places, grades, scored[name][0], scored[name][place])
            for name, (places, _, grades) in parts.items()
        }
        found[precision]["together"] = together(
            {name: (places, grades) for name, (places, _, grades) in parts.items()},
            {name: sides[0] for name, sides in scored.items()},
            {name: sides[place] for name, sides in scored.items()},
        )
        found[precision]["times_fp32"] = {
            name: round(sides[place].rate / sides[0].rate, 2) for name, sides in scored.items()
        }
        found[precision]["pairs_per_cpu_s"] = {name: round(sides[place].rate, 1) for name, sides in scored.items()}
    if not args.no_test:
        pools = {name: found[name]["ESCI test"] for name in names}
        looked = {"fp32": pools["int8"]["reference"]} | {name: pools[name]["quantised"] for name in names}
        evaluations.add(
            RECIPE, model=args.model, weights=weights, queries=pools["int8"]["queries"], **{"ndcg@10": looked}
        )
    result: dict[str, Any] = {
        "what": "int8 and int4 against fp32 of the same runtime (OpenVINO), in turns of 64 pairs, CPU time, one thread",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": Path(args.model).name,
        "weights": weights,
        "machine": before,
        "int4_share_of_fp16_size": round(share, 4),
        "found": found,
    }
    text = json.dumps(result, indent=1)
    print(text)
    (RESULTS / f"{result['date'][:10]}-quantize.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
