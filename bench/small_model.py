"""A student of the bundled model: how much faster than the large one, and what it costs in nDCG@10.

Rule: both are run as a worker runs them (tokens, batches, the class that `auto` takes, then both in bf16), in turns of
64 pairs, in CPU time of one thread. Loss: the judged pools of ESCI dev and test and the first 20 of BM25 for scifact's
300 claims, together; test is looked at once for each weights and written to test-evals.jsonl.

    taskset -c 0 python -m bench.small_model --engine-url URL --small FOLDER [--no-test]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import evaluations
from bench.model_path import RESULTS, machine
from bench.quantize import esci, scifact
from workers import Reranker, int4
from workers.quantize.measure import quality
from workers.runtimes.inputs import hash_weights
from workers.scorer import Pair
from workers.sources import locate

LARGE = "bundled:products-en"
RECIPE = "judged pool, large against small"
CLAIMS = 300
BLOCK = 64
SLICES = 6  # of the pairs, for the spread of the ratio

Scores = NDArray[np.float32]


def in_turns(models: Sequence[Reranker], pairs: Sequence[Pair]) -> tuple[list[Scores], list[list[float]]]:
    """Logits [pairs] of each model, and its CPU seconds block by block."""
    found: list[list[Scores]] = [[] for _ in models]
    seconds: list[list[float]] = [[] for _ in models]
    for model in models:
        model.score(pairs[:BLOCK], progress=False)
    for start in range(0, len(pairs), BLOCK):
        for place, model in enumerate(models):
            began = time.process_time()
            found[place].append(model.score(pairs[start : start + BLOCK], progress=False))
            seconds[place].append(time.process_time() - began)
    return [np.concatenate(parts) for parts in found], seconds


def faster(seconds: Sequence[Sequence[float]]) -> dict[str, Any]:
    """How many times faster the second model was, over all blocks and by slices of them."""
    slices = np.array_split(np.arange(len(seconds[0])), SLICES)
    ratios = [sum(seconds[0][n] for n in part) / sum(seconds[1][n] for n in part) for part in slices]
    return {
        "times": round(median(ratios), 2),
        "spread": [round(min(ratios), 2), round(max(ratios), 2)],
        "pairs_per_cpu_s": [round(BLOCK * len(each) / sum(each), 1) for each in seconds],
    }


def main() -> None:
    """Score all sets with both models in turns, and write the result."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--engine-url", default="http://127.0.0.1:9200")
    parser.add_argument("--small", required=True, help="folder of a student, as `secondpass distil` writes it")
    parser.add_argument("--no-test", action="store_true", help="leave ESCI test alone")
    args = parser.parse_args()
    weights = hash_weights(locate(args.small))
    if not args.no_test and evaluations.looked(RECIPE, weights):
        raise SystemExit("these weights were looked at on test before")
    parts = {"ESCI dev": esci("dev"), "scifact": scifact(args.engine_url, CLAIMS)}
    if not args.no_test:
        parts["ESCI test"] = esci("test")
    before = machine()
    pairs = [pair for _, asked, _ in parts.values() for pair in asked]
    taken = [Reranker(source, device="cpu") for source in (LARGE, args.small)]
    scores, seconds = in_turns(taken, pairs)
    speed = {"as auto takes them": faster(seconds) | {"classes": [each.scorer.info.precision for each in taken]}}
    plain = "int4" if (locate(args.small) / int4.FILE).exists() else "bf16"
    same = [Reranker(LARGE, device="cpu", precision="bf16"), Reranker(args.small, device="cpu", precision=plain)]
    speed["both in bf16"] = faster(in_turns(same, pairs[: 10 * BLOCK])[1])
    places = {name: [(f"{name} {q}", d) for q, d in asked] for name, (asked, _, _) in parts.items()}
    grades = {name: {f"{name} {q}": own for q, own in each.items()} for name, (_, _, each) in parts.items()}
    losses: dict[str, Any] = {}
    start = 0
    for name, asked in places.items():
        one, other = (each[start : start + len(asked), None] for each in scores)
        losses[name] = asdict(quality(name, asked, grades[name], one, other))
        start += len(asked)
    everything = [place for asked in places.values() for place in asked]
    judged = {query: own for each in grades.values() for query, own in each.items()}
    losses["together"] = asdict(quality(" + ".join(parts), everything, judged, *(each[:, None] for each in scores)))
    if not args.no_test:
        pool = losses["ESCI test"]
        figures = {"large": pool["reference"], "small": pool["quantised"]}
        evaluations.add(RECIPE, weights=weights, queries=pool["queries"], **{"ndcg@10": figures})
    result: dict[str, Any] = {
        "what": "the large and the small bundled model, in turns of 64 pairs, CPU time; losses are large minus small",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "weights": weights,
        "machine": before,
        "speed": speed,
        "losses": losses,
    }
    text = json.dumps(result, indent=1)
    print(text)
    if not args.no_test:
        (RESULTS / f"{result['date'][:10]}-small-model.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
