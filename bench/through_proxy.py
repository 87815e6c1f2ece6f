"""nDCG@10 and R@100 of ESCI through the whole product: proxy, real engine, embed worker, score worker, window 100.

    python -m bench.esci --engine-url http://127.0.0.1:9200                  # once: index the set
    python -m bench.through_proxy --engine-url http://127.0.0.1:9200 --part dev

The judged pool is the same search among the documents that people graded for its query. Runs without a deadline and
fails where one answer is not `applied` with `knn=fused`. `--part test` appends what it finds to bench/test-evals.jsonl:
every evaluation on test is written down, and the same weights are looked at once under a name.
"""

import argparse
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import httpx
from rich.console import Console
from rich.progress import track

from bench import evaluations
from bench.esci import INDEX, TEXTS, data_folder
from connector.evaluation import summarise
from connector.evaluation.results import JUDGED, LEFT_OUT
from connector.fusion import fuse
from connector.local.stack import Wish, running
from connector.types import Candidate
from workers.runtimes.inputs import hash_weights
from workers.sources import locate
from workers.training.data import read_collection
from workers.training.embedding import Embedder
from workers.training.engine import EngineIndex
from workers.training.measure import gain, per_query

MEASURES = ("nDCG@10", "R@100", JUDGED, LEFT_OUT)
SETTINGS = """
[[model]]
name = "measured"
source = "{model}"
languages = ["en"]
max_tokens = {max_tokens}
runtime = "openvino"
precision = "{precision}"

[redis]
page_ttl_s = 0
"""
POLICY = """
[[policy]]
name = "{name}"
indices = ["{index}"]
fields = ["title", "brand", "color", "text"]
template = "{{title}}. {{brand}}. {{color}}. {{text}}"
vector_field = "embedding"
candidates = "fused"
window = 100
budget_ms = 600000
model = "measured"
blend = {{ rerank = {blend[0]}, lexical = {blend[1]}, vector = {blend[2]} }}
agreement = {agreement}
agreement_field = "category"
exclusion = {exclusion}
stop_margin = {stop_margin}
"""


def reranked(
    url: str, queries: dict[str, str], policy: str, pools: Mapping[str, Collection[str]] | None = None
) -> tuple[dict[str, list[str]], float]:
    """Each query's final hundred, as the proxy answers it, and how many of them the model read in the mean; of `pools`
    only, where there are some.
    """
    run: dict[str, list[str]] = {}
    scored: list[int] = []
    with httpx.Client(base_url=url, timeout=700, headers={"Secondpass": f'policy="{policy}"'}) as client:
        for key, text in track(list(queries.items()), policy):
            query: dict[str, Any] = {"match": {"text_all": text}}
            if pools:
                query = {"bool": {"must": query, "filter": {"ids": {"values": sorted(pools[key])}}}}
            body = {"query": query, "size": 100, "_source": False}
            answer = client.post(f"/{INDEX}/_search", json=body)
            said = answer.headers["secondpass-rerank"]
            if not said.startswith("applied") or "knn=fused" not in said:
                raise SystemExit(f"{key} {text!r}: {said}; a table of quality needs every answer applied")
            run[key] = [hit["_id"] for hit in answer.json()["hits"]["hits"]]
            scored.append(int(said.partition("scored=")[2].partition(";")[0]))
    return run, fmean(scored)


def first_stage(url: str, queries: dict[str, str]) -> dict[str, dict[str, list[str]]]:
    """BM25, kNN and the product's own fusion of both, straight from the engine."""
    engine, embed = EngineIndex(url, INDEX, TEXTS), Embedder()
    words = engine.lexical(list(queries.values()), 100)
    near = engine.nearest(embed(list(queries.values())).tolist(), 100)
    runs: dict[str, dict[str, list[str]]] = {"BM25": {}, "kNN": {}, "fused": {}}
    for key, lexical, vector in zip(queries, words, near, strict=True):
        left = [Candidate(INDEX, hit.id, b"", engine_rank=rank) for rank, hit in enumerate(lexical, start=1)]
        right = [Candidate(INDEX, hit.id, b"", knn_rank=rank) for rank, hit in enumerate(vector, start=1)]
        runs["BM25"][key] = [candidate.id for candidate in left]
        runs["kNN"][key] = [candidate.id for candidate in right]
        runs["fused"][key] = [candidate.id for candidate in fuse(left, right, "rrf", [1.0, 1.0])][:100]
    return runs


def main() -> None:
    """Measure one part of the split."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--engine-url", required=True)
    parser.add_argument("--part", default="dev", choices=["train", "dev", "test"])
    parser.add_argument("--model", default="bundled:products-en")
    parser.add_argument("--max-tokens", type=int, default=128)
    parser.add_argument("--precision", default="bf16")
    parser.add_argument(
        "--blend", type=float, nargs=3, default=[1.0, 0.0, 0.0], metavar=("RERANK", "LEXICAL", "VECTOR")
    )
    parser.add_argument("--agreement", type=float, default=0.0, help="weight of a category like those of the best")
    parser.add_argument("--exclusion", type=float, default=0.0, help='logits that "without x" takes from what has x')
    parser.add_argument("--stop-margin", type=float, default=0.0, help="measure adaptive depth too")
    parser.add_argument("--recipe", default="through the proxy", help="what the list of looks at test calls it")
    parser.add_argument("--port", type=int, default=29280)
    args = parser.parse_args()
    weights = hash_weights(locate(args.model))
    if args.part == "test" and evaluations.looked(args.recipe, weights):
        raise SystemExit("these weights were looked at on test before, under this --recipe")
    queries, grades = read_collection(data_folder()).part(args.part)
    runs = first_stage(args.engine_url, queries)
    console, pairs = Console(), {}
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "secondpass.toml"
        known = {"model": args.model, "max_tokens": args.max_tokens, "precision": args.precision, "blend": args.blend}
        known |= {"agreement": args.agreement, "exclusion": args.exclusion}
        margins = {"reranked": 0.0} | ({"settled": args.stop_margin} if args.stop_margin else {})
        policies = [
            POLICY.format(name=name, index=INDEX, stop_margin=margin, **known) for name, margin in margins.items()
        ]
        config.write_text(SETTINGS.format(**known) + "".join(policies))
        wish = Wish("bench", engine_url=args.engine_url, port=args.port, config=config)
        with running(wish, console) as stack:
            for name in margins:
                runs[name], pairs[name] = reranked(stack.url, queries, name)
            pool, _ = reranked(stack.url, queries, "reranked", grades)
    figures = {}
    for name, run in runs.items():
        means = summarise(run, grades, MEASURES)
        figures[name] = {measure: round(one.value, 4) for measure, one in means.items()}
        print(f"{args.part} {name:9} {figures[name]}")
    judged = round(fmean(per_query(pool, grades).values()), 4)
    print(f"{args.part} judged pool {judged}")
    found = {name: per_query(runs[name], grades) for name in ("fused", "reranked")}
    difference, low, high = gain(found["reranked"], found["fused"])
    print(f"{args.part} gain over fused {difference:+.4f} (95 % interval {low:+.4f} to {high:+.4f})")
    settled: dict[str, Any] = {}
    if args.stop_margin:
        loss, least, most = gain(per_query(runs["settled"], grades), found["reranked"])
        settled = {
            "stop_margin": args.stop_margin,
            "loss": round(-loss, 4),
            "loss_95": [round(-most, 4), round(-least, 4)],
        }
        settled |= {"times_fewer_pairs": round(pairs["reranked"] / pairs["settled"], 2)}
        settled |= {"of_full_depth": round(figures["settled"]["nDCG@10"] / figures["reranked"]["nDCG@10"], 4)}
        print(f"{args.part} adaptive depth {settled}")
    if args.part == "test":
        evaluations.add(
            args.recipe,
            model=args.model,
            weights=weights,
            max_tokens=args.max_tokens,
            precision=args.precision,
            blend=args.blend,
            agreement=args.agreement,
            exclusion=args.exclusion,
            queries=len(queries),
            figures=figures,
            judged_pool=judged,
            gain=round(difference, 4),
            gain_95=[round(low, 4), round(high, 4)],
            **settled,
            per_query={query: [round(found[name][query], 4) for name in found] for query in grades},
        )


if __name__ == "__main__":
    main()
