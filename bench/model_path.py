"""Bar 8: pairs a second of the model path against `CrossEncoder.predict` with its defaults, same pairs, one run.

Rule: both sides take turns on the same blocks of pairs, with the same cores, threads and length; the ratio is reported
with its spread, by wall clock and by CPU time (which a busy machine disturbs less), beside nDCG@10 of both orders.

    taskset -c 0 python -m bench.model_path --model bundled:products-en      # writes bench/results/DATE-model-path.json
"""

import argparse
import datetime
import json
import os
import platform
import random
import statistics
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.esci import data_folder
from workers import Reranker
from workers.runtimes.base import threads
from workers.sources import locate
from workers.training.data import document_text, read_collection
from workers.training.measure import mean, per_query

RESULTS = Path(__file__).parent / "results"
FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
PACKAGES = ("sentence-transformers", "transformers", "torch", "openvino", "tokenizers", "numpy")
MAX_TOKENS = 128  # what the bundled model reads; both sides are told, so that both cut alike

Pair = tuple[str, str]
Side = Callable[[Sequence[Pair]], NDArray[np.float32]]


def machine() -> dict[str, Any]:
    """What the figures depend on: the CPU by name and by the flags that matter, cores in use, load, versions."""
    lines = (line.partition(":") for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines())
    facts = {key.strip(): value.strip() for key, _, value in lines}
    return {
        "cpu": facts.get("model name", platform.processor()),
        "flags": [flag for flag in FLAGS if flag in facts.get("flags", "").split()],
        "cores": len(os.sched_getaffinity(0)),
        "threads": threads(),
        "load": [round(value, 1) for value in os.getloadavg()],
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
    }


def sentence_transformers(folder: Path) -> Side:
    """The reference, as its users call it."""
    import torch
    from sentence_transformers import CrossEncoder

    torch.set_num_threads(threads())
    model = CrossEncoder(str(folder), max_length=MAX_TOKENS, device="cpu")
    return lambda pairs: np.asarray(model.predict(list(pairs), show_progress_bar=False), np.float32)


def timed(side: Side, pairs: Sequence[Pair]) -> tuple[float, float, NDArray[np.float32]]:
    """Wall and CPU seconds, and the scores."""
    wall, cpu = time.perf_counter(), time.process_time()
    scores = side(pairs)
    return time.perf_counter() - wall, time.process_time() - cpu, scores


def main() -> None:
    """Run both sides over the judged pool of the dev queries and write the result."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", default="bundled:products-en")
    parser.add_argument("--blocks", type=int, default=6, help="blocks of pairs on which the sides take turns")
    parser.add_argument("--pairs", type=int, default=0, help="only so many pairs; 0: all, the whole pool")
    parser.add_argument("--classes", default="bf16,fp32", help="measured beside what auto takes")
    args = parser.parse_args()
    before = machine()
    collection = read_collection(data_folder())
    queries, grades = collection.part("dev")
    pool = [(query, document) for query, judged in grades.items() for document in judged]
    random.Random(0).shuffle(pool)
    pool = pool[: args.pairs or None]
    pairs = [(queries[query], document_text(collection.documents[document])) for query, document in pool]

    sides: dict[str, Side] = {"sentence-transformers": sentence_transformers(locate(args.model))}
    why = {}
    for name in ("auto", *args.classes.split(",")):
        runtime = "auto" if name == "auto" else "openvino"
        reranker = Reranker(
            args.model, max_tokens=MAX_TOKENS, runtime=runtime, precision=name, device="cpu", activation="sigmoid"
        )
        sides[name] = reranker.score
        info = reranker.scorer.info
        why[name] = {"runtime": info.runtime, "class": info.precision, "why": info.why, "fingerprint": info.fingerprint}
    for side in sides.values():
        side(pairs[:32])

    times: dict[str, list[tuple[float, float, int]]] = {name: [] for name in sides}
    scores = {name: np.empty(len(pairs), np.float32) for name in sides}
    for number in range(args.blocks):
        places = list(range(number, len(pairs), args.blocks))
        order = list(sides)[number % len(sides) :] + list(sides)[: number % len(sides)]
        for name in order:
            wall, cpu, found = timed(sides[name], [pairs[place] for place in places])
            times[name].append((wall, cpu, len(places)))
            scores[name][places] = found

    def ndcg(found: NDArray[np.float32]) -> float:
        runs: dict[str, list[str]] = {}
        for place in np.argsort(-found, kind="stable"):
            runs.setdefault(pool[place][0], []).append(pool[place][1])
        return mean(per_query(runs, grades))

    base = times["sentence-transformers"]
    sides_found = {}
    for name, rows in times.items():
        by_wall = [theirs[0] / ours[0] for theirs, ours in zip(base, rows, strict=True)]
        by_cpu = [theirs[1] / ours[1] for theirs, ours in zip(base, rows, strict=True)]
        sides_found[name] = {
            **why.get(name, {}),
            "pairs_per_s": round(sum(row[2] for row in rows) / sum(row[0] for row in rows), 1),
            "pairs_per_cpu_s": round(sum(row[2] for row in rows) / sum(row[1] for row in rows), 1),
            "ratio_wall": [round(pick(by_wall), 2) for pick in (min, statistics.median, max)],
            "ratio_cpu": [round(pick(by_cpu), 2) for pick in (min, statistics.median, max)],
            "ndcg_at_10": round(ndcg(scores[name]), 4),
            "largest_score_difference": float(np.abs(scores[name] - scores["sentence-transformers"]).max()),
        }
    result: dict[str, Any] = {
        "what": "model path, ratio is [min, median, max] over blocks",
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "model": Path(args.model).name,  # no path of this machine
        "max_tokens": MAX_TOKENS,
        "pairs": len(pairs),
        "machine": before,
        "load_after": [round(value, 1) for value in os.getloadavg()],
        "sides": sides_found,
    }
    text = json.dumps(result, indent=1)
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{result['date'][:10]}-model-path.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
