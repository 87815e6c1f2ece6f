"""Adaptive depth: how many pairs a rule saves that stops scoring when the top is settled, and what it costs.

The rule is `connector.depth` with chunks of 32 ranks. Its margin is chosen on train and dev queries with models that
have seen no grade; the test queries are evaluated once, and the evaluation is written down.

    python -m bench.adaptive_depth score --engine-url URL --model RUNS/seed1/made --out seed1.json    # and so on
    python -m bench.adaptive_depth choose seed1.json seed2.json seed3.json
    python -m bench.adaptive_depth test --engine-url URL
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from bench import evaluations
from bench.esci import INDEX, TEXTS, data_folder
from connector.depth import settled
from connector.evaluation import compare, per_query
from workers import Reranker
from workers.training.data import Collection, document_text, read_collection
from workers.training.embedding import Embedder
from workers.training.engine import EngineIndex
from workers.training.measure import first_stage

CHUNK, WINDOW = 32, 100
MARGIN = 0.75
"""Chosen on train and dev with three models (2026-11-22): 2.37 times fewer pairs, nDCG@10 1.010 of full depth. 1.0
saves 2.07 times, 0.5 2.82 times, all within the noise of each other in nDCG@10; a fixed window of 32 3.1 times.
"""

Scored = Mapping[str, Sequence[tuple[str, float]]]
"""Query id -> (document id, logit) in first-stage order."""
Scores = dict[str, list[tuple[str, float]]]
Rule = Callable[[Sequence[float]], int]
"""Logits of a window in first-stage order -> how many of them are scored."""


def adaptive(margin: float) -> Rule:
    def depth(logits: Sequence[float]) -> int:
        for end in range(CHUNK, len(logits), CHUNK):
            if settled(logits[:end], margin):
                return end
        return len(logits)

    return depth


def fixed(window: int) -> Rule:
    return lambda logits: min(window, len(logits))


def measure(scored: Scored, grades: Mapping[str, Mapping[str, int]], rule: Rule) -> tuple[dict[str, list[str]], float]:
    """Each query's order when only `rule`'s depth is scored, and the mean number of pairs."""
    run, pairs = {}, []
    for query in grades:
        keys = [key for key, _ in scored[query]]
        logits = [logit for _, logit in scored[query]]
        depth = rule(logits)
        head = sorted(range(depth), key=lambda place: (-logits[place], place))
        run[query] = [keys[place] for place in head] + keys[depth:]
        pairs.append(depth)
    return run, fmean(pairs)


def score(
    model: Reranker, engine: EngineIndex, collection: Collection, part: str
) -> dict[str, list[tuple[str, float]]]:
    """Every pair of the part's fused windows."""
    queries, _ = collection.part(part)
    fused = first_stage(engine, queries, Embedder(half=False))["fused"]
    found = {}
    for query, keys in fused.items():
        pairs = [(queries[query], document_text(collection.documents[key])) for key in keys]
        found[query] = [(key, float(logit)) for key, logit in zip(keys, model.score(pairs), strict=True)]
    return found


def choose(files: Iterable[Path], collection: Collection) -> None:
    """Print what each rule saves and costs on train and dev together, averaged over the models."""
    grades = collection.part("train")[1] | collection.part("dev")[1]
    models = [json.loads(path.read_text()) for path in files]
    rules = {f"adaptive, margin {margin}": adaptive(margin) for margin in (0.5, 0.75, 1.0, 1.25, 1.5)}
    rules |= {f"fixed at {window}": fixed(window) for window in (16, 32, 50, 64, WINDOW)}
    whole = [_ndcg(measure(scored, grades, fixed(WINDOW))[0], grades) for scored in models]
    for name, rule in rules.items():
        found = [measure(scored, grades, rule) for scored in models]
        values = [_ndcg(run, grades) for run, _ in found]
        pairs = fmean(count for _, count in found)
        worst = min(value / full for value, full in zip(values, whole, strict=True))
        print(
            f"{name:22} {pairs:5.1f} pairs, {WINDOW / pairs:4.2f} times fewer, nDCG@10 {fmean(values):.4f}, "
            f"{fmean(values) / fmean(whole):.4f} of full depth (worst model {worst:.4f})"
        )


def evaluate(scored: Scored, grades: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """The chosen rule and its rivals on one part."""
    whole, full_pairs = measure(scored, grades, fixed(WINDOW))
    figures: dict[str, Any] = {"full": {"ndcg@10": round(_ndcg(whole, grades), 4), "pairs": full_pairs}}
    for name, rule in (("adaptive", adaptive(MARGIN)), ("fixed at 32", fixed(32)), ("fixed at 50", fixed(50))):
        run, pairs = measure(scored, grades, rule)
        gap = compare(whole, run, grades).mean
        figures[name] = {
            "ndcg@10": round(_ndcg(run, grades), 4),
            "of_full": round(_ndcg(run, grades) / _ndcg(whole, grades), 4),
            "pairs": round(pairs, 1),
            "times_fewer": round(full_pairs / pairs, 2),
            "difference": [round(gap.value, 4), round(gap.low, 4), round(gap.high, 4)],
        }
    return figures


def _ndcg(run: Mapping[str, Sequence[str]], grades: Mapping[str, Mapping[str, int]]) -> float:
    return fmean(per_query(run, grades).values())


def main() -> None:
    """Score, choose, or evaluate on test."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("what", choices=["score", "choose", "dev", "test"])
    parser.add_argument("files", nargs="*", type=Path, help="of choose: what score wrote")
    parser.add_argument("--engine-url", default="http://127.0.0.1:9200")
    parser.add_argument("--model", default="bundled:products-en")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    collection = read_collection(data_folder())
    if args.what == "choose":
        choose(args.files, collection)
        return
    engine = EngineIndex(args.engine_url, INDEX, TEXTS)
    model = Reranker(args.model, runtime="openvino", precision="bf16", activation="identity")
    if args.what == "score":
        found = score(model, engine, collection, "train") | score(model, engine, collection, "dev")
        args.out.write_text(json.dumps(found))
        return
    figures = evaluate(score(model, engine, collection, args.what), collection.part(args.what)[1])
    print(json.dumps(figures, indent=1))
    if args.what == "test":
        evaluations.add(f"adaptive depth, margin {MARGIN}", model=args.model, test=figures)


if __name__ == "__main__":
    main()
