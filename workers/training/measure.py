"""How good an order is: first-stage lists of a live engine, the model's order of their fused window, nDCG, intervals.

Rule: nDCG has trec_eval gains and a document that nobody judged counts 0; an interval is the 95 % percentile bootstrap
over queries (10,000 draws, fixed seed).
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from workers.training.data import Collection, Grades, document_text
from workers.training.encoder import MAX_TOKENS, scores
from workers.training.engine import Hit

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from workers.training.embedding import Embed
    from workers.training.mining import Neighbours

WINDOW = 100
RRF_K = 60  # as connector.fusion has it
WORSE = (
    "worse than the fused list, so do not serve it. What may help: --start with a model that reranks already "
    "(bundled:products-en for English shops), the catalogue first (a run without --grades, then its model as --start), "
    "or more graded queries"
)

Run = dict[str, list[str]]  # query id -> document ids, best first


def fuse(lexical: Sequence[Hit], nearest: Sequence[Hit], window: int = WINDOW) -> list[str]:
    """Return the ids of both lists by reciprocal rank, best first; ties go to the lexical order, then the id."""
    total: dict[str, float] = {}
    for hits in (lexical, nearest):
        for rank, hit in enumerate(hits, 1):
            total[hit.id] = total.get(hit.id, 0.0) + 1.0 / (RRF_K + rank)
    place = {hit.id: rank for rank, hit in enumerate(lexical)}
    return sorted(total, key=lambda key: (-total[key], place.get(key, len(place)), key))[:window]


def first_stage(engine: Neighbours, queries: Mapping[str, str], embed: Embed) -> dict[str, Run]:
    """Return the runs `bm25`, `knn` and `fused` of the queries, `WINDOW` documents deep."""
    texts = list(queries.values())
    lexical = dict(zip(queries, engine.lexical(texts, WINDOW), strict=True))
    nearest = dict(zip(queries, engine.nearest(embed(texts).tolist(), WINDOW), strict=True))
    return {
        "bm25": {query: [hit.id for hit in hits] for query, hits in lexical.items()},
        "knn": {query: [hit.id for hit in hits] for query, hits in nearest.items()},
        "fused": {query: fuse(lexical[query], nearest[query]) for query in queries},
    }


def known(run: Run, collection: Collection) -> Run:
    """Return the run without the documents that the collection does not have."""
    return {query: [key for key in keys if key in collection.documents] for query, keys in run.items()}


def rerank(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    collection: Collection,
    queries: Mapping[str, str],
    run: Run,
    max_tokens: int = MAX_TOKENS,
) -> Run:
    """Return the run with each list in the model's order; equal scores keep the order they had."""
    pairs = [(queries[query], document_text(collection.documents[key])) for query, keys in run.items() for key in keys]
    found = iter(scores(model, tokenizer, pairs, max_tokens))
    scored = {query: {key: next(found) for key in keys} for query, keys in run.items()}
    return {query: sorted(by_key, key=lambda key: -by_key[key]) for query, by_key in scored.items()}


def per_query(run: Run, grades: Grades, measure: str = "nDCG@10") -> dict[str, float]:
    """Return the measure (an ir-measures name) of each graded query; a query without an answer counts 0."""
    import ir_measures

    ranked = {query: {key: -float(rank) for rank, key in enumerate(keys)} for query, keys in run.items()}
    found = ir_measures.iter_calc([ir_measures.parse_measure(measure)], grades, ranked)
    values = {metric.query_id: float(metric.value) for metric in found}
    return {query: values.get(query, 0.0) for query in grades}


def mean(values: Mapping[str, float]) -> float:
    """Return the mean over queries."""
    return fmean(values.values())


def gain(after: Mapping[str, float], before: Mapping[str, float], draws: int = 10_000) -> tuple[float, float, float]:
    """Return the mean difference over the queries and the ends of its 95 % bootstrap interval."""
    differences = [after[query] - before[query] for query in sorted(before)]
    rng = random.Random(0)
    means = sorted(fmean(rng.choices(differences, k=len(differences))) for _ in range(draws))
    return fmean(differences), means[int(0.025 * draws)], means[int(0.975 * draws) - 1]


def report(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    collection: Collection,
    engine: Neighbours,
    embed: Embed,
    max_tokens: int = MAX_TOKENS,
    part: str = "dev",
) -> list[str]:
    """Return one line a ranking of a part of the split: nDCG@10, recall, and the model's gain over the fused list; one
    more where it is a loss beyond chance.
    """
    queries, grades = collection.part(part)
    if not grades:
        return [f"no graded {part} queries: nothing measured"]
    runs = first_stage(engine, queries, embed)
    runs["reranked"] = rerank(model, tokenizer, collection, queries, known(runs["fused"], collection), max_tokens)
    found = {name: per_query(run, grades) for name, run in runs.items()}
    recall = {name: mean(per_query(run, grades, "R@100")) for name, run in runs.items()}
    lines = [f"{part} {name}: nDCG@10 {mean(found[name]):.4f}, R@100 {recall[name]:.4f}" for name in runs]
    difference, low, high = gain(found["reranked"], found["fused"])
    lines.append(f"{part} gain over fused: {difference:+.4f} (95 % interval {low:+.4f} to {high:+.4f})")
    return lines + ([f"{part}: {WORSE}"] if high < 0 else [])
