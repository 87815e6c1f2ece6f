"""How the small bundled model `products-en-small` is made: a quarter of the compute of `products-en`.

Rule: no person's grade and no test query is read. Shop: the pairs of `bench/judged` under a language model's grades,
and queries made from ESCI's catalogue and those of its train part, with neighbours of every rank band, under the large
model's logits. Other: sentences and titles of scifact's abstracts, under the mean of BM25 and the cosines of
all-MiniLM-L6-v2, because what the large model says of such texts is worse than that and not worth learning.

    python -m bench.esci --engine-url URL                                 # index the products once
    python -m bench.products_en_small label --engine-url URL --out RUNS
    python -m bench.products_en_small train 1 --out RUNS
    python -m bench.products_en_small ship 1 --out RUNS --to RUNS/fp16
    secondpass quantize RUNS/fp16 --precision fp8 --graded ESCI --parts dev,train --out SMALL
    secondpass quantize SMALL --precision int8 --graded ESCI --parts dev,train --out SMALL
    python -m bench.small_model --engine-url URL --small SMALL                     # workers/models/products-en-small
    python -m bench.products_en_small card --out RUNS --to SMALL
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.esci import INDEX, TEXTS, data_folder
from bench.model_path import RESULTS
from bench.products_en import JUDGED, KINDS, MORE, judged, log, minutely
from bench.quantize import scifact_index
from bench.small_model import SLICES
from workers.runtimes.inputs import hash_weights
from workers.sources import MINILM, locate
from workers.training.batches import Example
from workers.training.card import Card, render
from workers.training.data import Collection, document_text, read_collection
from workers.training.distil import Distillation, distil_examples
from workers.training.embedding import Embedder
from workers.training.encoder import load, scores
from workers.training.engine import EngineIndex
from workers.training.export import export, query_limit
from workers.training.recipe import save_whole
from workers.training.state import kept
from workers.training.student import keep_units
from workers.training.teachers import COSINE_SPREAD, open_teacher
from workers.training.trainer import Pass, fit

NAME, LARGE = "products-en-small", "bundled:products-en"
MAX_TOKENS = 128
PASSES = ((1280, 1.0, 3e-4), (1024, 0.5, 1.5e-4))  # units that it is narrowed to first, share of the pairs, peak rate
SHOP = Distillation([], [1.0], layers=3, vocabulary=True, least=3, made=3000, per_query=10)
OTHER_QUERIES, LEXICAL = 4500, 100
SUMMARY = """A small English cross-encoder for product search, for machines where `products-en` is too slow. Second
edition: three layers of all-MiniLM-L6-v2, narrowed, with the words of shop texts and of scientific abstracts, 10.3
million weights in eight bits (fp8)."""
DATA = """Labels of three kinds, no person's grade. A language model's grades for 125,270 pairs of 6,387 queries of our
own over ESCI's catalogue (`bench/judged`; 6,764 products, Amazon's Shopping Queries). The logits of `products-en` for
30,040 pairs of queries made from that catalogue and of its 75 train queries, with products of every rank band. The mean
of BM25 and the cosines of all-MiniLM-L6-v2 for 43,411 pairs of sentences and titles out of scifact's 5,183 abstracts.
Test queries and claims were not used; the texts that they search were seen. One seed."""
COMMAND = "python -m bench.products_en_small label --engine-url URL --out RUNS    # and on: see its first lines"
LIMITS = (
    "English shop texts, queries of up to 60 characters, pairs of 128 tokens. It loses most where "
    "`products-en` is best: on products.",
    "Better than `products-en` on scientific abstracts, because there it learnt what BM25 and an embedder say of them, "
    "and still worse than BM25 itself: not for other content.",
    "Words that neither corpus uses often are read in small pieces. Negation was not measured apart.",
)
THROUGH = """Through the proxy, fused windows of 100 (`python -m bench.through_proxy`), nDCG@10 and the gain over fused
lists (95 %):

| queries | fused | alone | `blend = { rerank = 1.0, lexical = 0.1, vector = 0.8 }` | `products-en` alone |
|---|---|---|---|---|
| ESCI test, 60 | 0.740 | 0.752 (-0.042 to +0.065) | 0.778 (-0.003 to +0.081) | 0.799 (+0.010 to +0.112) |
| dev, 15 | 0.651 | 0.696 (-0.048 to +0.151) | 0.718 (+0.002 to +0.160) | 0.763 |
| train, 75 | 0.742 | 0.777 (-0.013 to +0.081) | 0.796 (+0.015 to +0.093) | 0.827 |

It orders what people graded nearly as well as `products-en`, and lets more in that nobody graded: **use it with the
blend, and evaluate it on your own queries first**. It learnt `products-en`'s logits for the train queries, no grade."""
LICENCE = "Apache-2.0, as are products-en, all-MiniLM-L6-v2 and ESCI; scifact's abstracts are ODC-By 1.0."
HELD_OUT = 1500  # pairs
SOURCES = "shop", "judged", "other"


def shop_pairs(engine: EngineIndex) -> list[Example]:
    """Pairs of the catalogue under the large model's logits."""
    wanted = replace(SHOP, teachers=[open_teacher(LARGE)])
    return distil_examples(wanted, read_collection(data_folder()), engine, Embedder(), said("shop"))


def judged_pairs() -> list[Example]:
    """The pairs that a language model graded, under the logits of the labels that the large model learnt them by."""
    texts = {key: document_text(row) for key, row in read_collection(data_folder()).documents.items()}
    pairs = judged([*JUDGED, *MORE, *KINDS])
    return [Example(one.query, texts[one.document], math.log(one.label / (1 - one.label))) for one in pairs]


def other_pairs(url: str) -> list[Example]:
    """Sentences of abstracts with what BM25 and the embedder find for them, under the mean of both: a cosine, and the
    share of the query's best BM25 score (what is not among its first hundred has the last one's).
    """
    rng, collection = random.Random("other"), read_collection(data_folder().parent / "scifact")
    texts = {key: document_text(row) for key, row in collection.documents.items()}
    queries = sentences(collection, rng)
    with scifact_index(url, collection) as index:
        lexical = index.lexical(queries, LEXICAL)
    embed, ids = Embedder(), list(texts)
    near = embed(queries) @ embed(list(texts.values())).T
    places = {key: place for place, key in enumerate(ids)}
    pairs, labels = [], []
    for query, hits, cosines in zip(queries, lexical, near, strict=True):
        nearest = [ids[place] for place in np.argsort(-cosines)[:10]]
        first = [hit.id for hit in hits[:20]]
        found = rng.sample(first, min(6, len(first))) + rng.sample(nearest, 3) + rng.sample(ids, 1)
        shares = {hit.id: hit.score / hits[0].score for hit in hits}
        for key in dict.fromkeys(found):
            pairs.append((query, texts[key]))
            labels.append((float(cosines[places[key]]), shares.get(key, min(shares.values(), default=0.0))))
    both = np.array(labels)
    both = ((both - both.mean(axis=0)) / both.std(axis=0)).mean(axis=1)
    both *= COSINE_SPREAD / both.std()
    return [Example(*pair, float(label)) for pair, label in zip(pairs, both, strict=True)]


def sentences(collection: Collection, rng: random.Random) -> list[str]:
    """Titles, and sentences with a fifth of their words left out, as nobody asks in an abstract's own words."""
    found = []
    for row in rng.sample(list(collection.documents.values()), OTHER_QUERIES):
        parts = [part for part in re.split(r"(?<=[.!?])\s+", row["text"]) if 40 <= len(part) <= 200]
        said = rng.choice(parts) if parts and rng.random() < 0.75 else row["title"]
        words = [word for word in said.split() if rng.random() < 0.8]
        found.append(" ".join(words) or said)
    return list(dict.fromkeys(found))


def read(out: Path) -> tuple[list[Example], list[Example]]:
    """What is learnt and what is held out, from the files of `label`."""
    examples = [example for name in SOURCES for example in kept(out / f"{name}.jsonl", list)]
    if not examples:
        raise SystemExit("run `label` first")
    random.Random(0).shuffle(examples)
    return examples[HELD_OUT:], examples[:HELD_OUT]


def train(seed: int, out: Path) -> None:
    """Train one seed; print how far it is from its labels on pairs that it has not seen."""
    examples, unseen = read(out)
    model, tokenizer = load(locate(MINILM), seed)
    tokenizer = SHOP.shrink(model, tokenizer, vocabulary_texts(examples))
    print(
        f"{len(tokenizer)} tokens, {sum(weight.numel() for weight in model.parameters()) / 1e6:.2f} M weights",
        flush=True,
    )
    progress = minutely(log(seed, time.monotonic()))
    for number, (units, share, rate) in enumerate(PASSES):
        done = out / f"seed{seed}" / f"pass{number}"
        if done.exists():
            model, tokenizer = load(done, seed)
            continue
        done.parent.mkdir(exist_ok=True)
        keep_units(model, units)
        some = random.Random(seed + number).sample(examples, round(share * len(examples)))
        how = Pass(rate, batch=64, max_tokens=MAX_TOKENS, loss="mse")
        fit(model, tokenizer, some, how, seed + number, "cpu", 0.0, progress, done.with_suffix(".state"))
        save_whole(model, tokenizer, done)
    found = np.array(scores(model, tokenizer, [(one.query, one.document) for one in unseen]))
    labels = np.array([one.label for one in unseen])
    print(f"seed {seed}: held out: mse {np.mean((found - labels) ** 2):.4f}, r {np.corrcoef(found, labels)[0, 1]:.4f}")


def documents(other: str) -> list[dict[str, object]]:
    folder = data_folder().parent / other if other else data_folder()
    return list(read_collection(folder).documents.values())


def ship(seed: int, out: Path, to: Path) -> None:
    """Write a seed in fp16, with the positions that it uses; `secondpass quantize` makes what is bundled of it."""
    limit = query_limit(example.query for example in kept(out / "shop.jsonl", list))
    model, tokenizer = load(out / f"seed{seed}" / f"pass{len(PASSES) - 1}", 0)
    keep_positions(model)
    export(model, tokenizer, to, NAME, max_tokens=MAX_TOKENS, max_query_chars=limit)


def keep_positions(model: Any) -> None:
    """Cut the positions behind the longest pair, in place."""
    inner = model.bert.embeddings
    inner.position_embeddings = torch.nn.Embedding.from_pretrained(  # type: ignore[no-untyped-call]
        inner.position_embeddings.weight[:MAX_TOKENS].detach()
    )
    for name in ("position_ids", "token_type_ids"):
        inner.register_buffer(name, getattr(inner, name)[:, :MAX_TOKENS], persistent=False)
    model.config.max_position_embeddings = MAX_TOKENS


def vocabulary_texts(examples: list[Example]) -> list[str]:
    """What the vocabulary is counted on: both corpora, and the queries."""
    found = [document_text(row) for name in ("", "scifact") for row in documents(name)]
    return [*found, *{example.query for example in examples}]


def card(folder: Path) -> None:
    """Write the card from what `bench.small_model` measured of the packed model."""
    found = json.loads(sorted(RESULTS.glob("*-small-model.json"))[-1].read_text())
    if found["weights"] != hash_weights(folder):
        raise SystemExit("bench.small_model has not measured these weights")
    figures = ["| set | queries | products-en | this | loss (95 %) |", "|---|---|---|---|---|"]
    for name, row in found["losses"].items():
        low, high = row["loss_95"]
        loss = f"{row['loss']:+.4f} ({low:+.4f} to {high:+.4f})"
        figures.append(f"| {name} | {row['queries']} | {row['reference']} | {row['quantised']} | {loss} |")
    same, auto = found["speed"]["both in bf16"], found["speed"]["as auto takes them"]
    low, high = same["spread"]
    figures += [
        "",
        "nDCG@10 of ESCI's judged pools and of the first 20 of BM25 for scifact's 300 claims "
        "(`python -m bench.small_model`).",
        "",
        f"Pairs a second of one CPU thread: {same['times']} times those of `products-en` where both are in bf16 "
        f"({low} to {high} over {SLICES} slices), {auto['times']} times where `auto` takes {auto['classes'][0]} for "
        f"that and {auto['classes'][1]} for this.",
        "",
        THROUGH,
    ]
    (folder / "README.md").write_text(
        render(Card(NAME, SUMMARY, f"workers/models/{NAME}", DATA, COMMAND, figures, LIMITS, LICENCE))
    )


def said(name: str):  # type: ignore[no-untyped-def]
    return lambda done, total: print(f"{name}: {done}/{total} pairs labelled", flush=True)


def main() -> None:
    """Label, train, ship, or write the card of `--to`."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("what", choices=["label", "train", "ship", "card"])
    parser.add_argument("seeds", type=int, nargs="*")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--to", type=Path, help="where ship writes the model")
    parser.add_argument("--engine-url", default="http://127.0.0.1:9200")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if args.what == "label":
        kept(args.out / "other.jsonl", lambda: other_pairs(args.engine_url))
        kept(args.out / "shop.jsonl", lambda: shop_pairs(EngineIndex(args.engine_url, INDEX, TEXTS)))
        kept(args.out / "judged.jsonl", judged_pairs)
    if args.what == "card":
        card(args.to)
    for seed in args.seeds:
        if args.what == "train":
            train(seed, args.out)
        elif args.what == "ship":
            ship(seed, args.out, args.to)


if __name__ == "__main__":
    main()
