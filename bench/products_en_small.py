"""How the small bundled model `products-en-small` is made: what `products-en` says, by a quarter of its compute. The
shipped one learnt from the first edition of `products-en` (commit e03a020).

Rule: it learns from labels alone; no grade and no test query is read. Shop: queries made from ESCI's catalogue and
those of its train part, with neighbours of every rank band, under the large model's logits. Other: sentences and titles
of scifact's abstracts, under the cosines of all-MiniLM-L6-v2, because what the large model says of such texts is worse
than that and not worth learning.

    python -m bench.esci --engine-url URL                                 # index the products once
    python -m bench.products_en_small label --engine-url URL --out RUNS
    python -m bench.products_en_small train 1 --out RUNS
    python -m bench.products_en_small ship 1 --out RUNS --to RUNS/fp16
    secondpass quantize RUNS/fp16 --precision int4 --graded ESCI --parts dev,train --out SMALL
    secondpass quantize SMALL --precision int8 --graded ESCI --parts dev,train --out SMALL
    python -m bench.small_model --engine-url URL --small SMALL                     # workers/models/products-en-small
    python -m bench.products_en_small card --out RUNS --to SMALL
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

import numpy as np
import torch

from bench.esci import INDEX, data_folder
from bench.model_path import RESULTS
from bench.products_en import log, minutely
from bench.quantize import scifact_index
from bench.small_model import SLICES
from workers.runtimes.inputs import hash_weights
from workers.sources import locate
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
from workers.training.teachers import COSINE_SPREAD, open_teacher
from workers.training.trainer import Pass, fit
from workers.training.vocabulary import prune, used_tokens

NAME, LARGE = "products-en-small", "bundled:products-en"
LAYERS, UNITS, LEAST, MAX_TOKENS = 2, 1024, 15, 128
LEAST_SHIPPED = 22  # times a token must occur to be bundled: all models together have 50 MB
PASSES = [Pass(rate, batch=64, max_tokens=MAX_TOKENS, loss="mse") for rate in (3e-4, 1.5e-4)]
SHOP = Distillation(teachers=[], weights=[1.0], layers=LAYERS, units=UNITS, vocabulary=True, least=LEAST, made=6000)
PER_QUERY, OTHER_QUERIES = 10, 4500
SUMMARY = """A very small English cross-encoder for product search: two layers of the first edition of `products-en`,
narrowed, with the words of shop texts and of scientific abstracts, in four bits (3.7 MB). For machines where
`products-en` is too slow, with the blend."""
DATA = """Labels alone, no grades: the logits of `products-en`'s first edition for 59,160 pairs of queries made from
ESCI's catalogue (6,764 products, Amazon's Shopping Queries) and of its 75 train queries, with products of every rank
band; and the cosines of all-MiniLM-L6-v2 for 43,408 pairs of sentences and titles out of scifact's 5,183 abstracts,
each with what BM25 and the embedder find for it. Test queries and claims were not used; the texts that they search
were seen. One seed."""
COMMAND = "python -m bench.products_en_small label --engine-url URL --out RUNS    # and on: see its first lines"
LIMITS = (
    "English shop texts, queries of up to 60 characters, pairs of 128 tokens. It loses most where "
    "`products-en` is best: on products.",
    "As good as `products-en` on scientific abstracts, because there it learnt an embedder's similarities, and still "
    "worse than fused lists: not for other content.",
    "Words that neither corpus uses often are read in small pieces. Negation was not measured apart.",
)
THROUGH = """Through the proxy, fused windows of 100 (`python -m bench.through_proxy --precision int8`): as one voice
of three, `blend = { rerank = 1.0, lexical = 0.2, vector = 0.8 }`, nDCG@10 is 0.772 on the 75 train queries (fused
0.742; +0.007 to +0.052; it learnt these queries' labels, not their grades) and 0.642 on the 15 dev queries (fused
0.651; -0.047 to +0.030). Alone it has 0.749 and 0.616, no better than the fused lists: **use it with the blend, and
evaluate it on your own queries first**."""
SECOND = """The second edition of `products-en` is far better on products: 0.844 on the judged pools of ESCI's 15 dev
queries, where this one has 0.701; on scifact 0.567 and 0.572, together a loss of 0.002 (bound 0.028). This one scores
7.6 times as many pairs a second (`python -m bench.small_model --no-test`, 2026-11-23)."""
LICENCE = "Apache-2.0, as are products-en, all-MiniLM-L6-v2 and ESCI; scifact's abstracts are ODC-By 1.0."
HELD_OUT = 1500  # pairs


def shop_pairs(engine: EngineIndex) -> list[Example]:
    """Pairs of the catalogue under the large model's logits."""
    wanted = Distillation([open_teacher(LARGE)], [1.0], made=SHOP.made, per_query=PER_QUERY)
    return distil_examples(wanted, read_collection(data_folder()), engine, Embedder(), said("shop"))


def other_pairs(url: str) -> list[Example]:
    """Sentences of abstracts with what BM25 and the embedder find for them, under cosines."""
    rng, collection = random.Random("other"), read_collection(data_folder().parent / "scifact")
    texts = {key: document_text(row) for key, row in collection.documents.items()}
    queries = sentences(collection, rng)
    with scifact_index(url, collection) as index:
        lexical = index.lexical(queries, 20)
    embed, ids = Embedder(), list(texts)
    near = embed(queries) @ embed(list(texts.values())).T
    places = {key: place for place, key in enumerate(ids)}
    pairs, labels = [], []
    for query, hits, cosines in zip(queries, lexical, near, strict=True):
        nearest = [ids[place] for place in np.argsort(-cosines)[:10]]
        found = rng.sample([hit.id for hit in hits], min(6, len(hits))) + rng.sample(nearest, 3) + rng.sample(ids, 1)
        for key in dict.fromkeys(found):
            pairs.append((query, texts[key]))
            labels.append(float(cosines[places[key]]))
    middle, width = fmean(labels), pstdev(labels) / COSINE_SPREAD
    return [Example(*pair, (label - middle) / width) for pair, label in zip(pairs, labels, strict=True)]


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
    examples = [*kept(out / "shop.jsonl", list), *kept(out / "other.jsonl", list)]
    if not examples:
        raise SystemExit("run `label` first")
    random.Random(0).shuffle(examples)
    return examples[HELD_OUT:], examples[:HELD_OUT]


def train(seed: int, out: Path) -> None:
    """Train one seed; print how far it is from its labels on pairs that it has not seen."""
    examples, unseen = read(out)
    model, tokenizer = load(locate(LARGE), seed)
    tokenizer = SHOP.shrink(model, tokenizer, vocabulary_texts(examples))
    print(
        f"{len(tokenizer)} tokens, {sum(weight.numel() for weight in model.parameters()) / 1e6:.2f} M weights",
        flush=True,
    )
    progress = minutely(log(seed, time.monotonic()))
    for number, how in enumerate(PASSES):
        done = out / f"seed{seed}" / f"pass{number}"
        if done.exists():
            model, tokenizer = load(done, seed)
            continue
        done.parent.mkdir(exist_ok=True)
        fit(model, tokenizer, examples, how, seed + number, "cpu", 0.0, progress, done.with_suffix(".state"))
        save_whole(model, tokenizer, done)
    found = np.array(scores(model, tokenizer, [(one.query, one.document) for one in unseen]))
    labels = np.array([one.label for one in unseen])
    print(f"seed {seed}: held out: mse {np.mean((found - labels) ** 2):.4f}, r {np.corrcoef(found, labels)[0, 1]:.4f}")


def documents(other: str) -> list[dict[str, object]]:
    folder = data_folder().parent / other if other else data_folder()
    return list(read_collection(folder).documents.values())


def ship(seed: int, out: Path, to: Path) -> None:
    """Write a seed in fp16, with the positions and words that it has room for; `secondpass quantize` makes what is
    bundled of it.
    """
    limit = query_limit(example.query for example in kept(out / "shop.jsonl", list))
    model, tokenizer = load(out / f"seed{seed}" / f"pass{len(PASSES) - 1}", 0)
    tokenizer = prune(model, tokenizer, used_tokens(tokenizer, vocabulary_texts(read(out)[0]), LEAST_SHIPPED))
    keep_positions(model)
    print(f"{len(tokenizer)} tokens", flush=True)
    export(model, tokenizer, to, NAME, max_tokens=MAX_TOKENS, max_query_chars=limit)


def keep_positions(model: Any) -> None:
    """Cut the positions behind the longest pair, in place."""
    inner = model.bert.embeddings
    inner.position_embeddings = torch.nn.Embedding.from_pretrained(
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
    figures = ["| set | queries | products-en, first edition | this | loss (95 %) |", "|---|---|---|---|---|"]
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
        f"Pairs a second of one CPU thread: {same['times']} times those of the first edition where both are in bf16 "
        f"({low} to {high} over {SLICES} slices), {auto['times']} times where `auto` takes {auto['classes'][0]} for "
        f"that and {auto['classes'][1]} for this.",
        "",
        SECOND,
        "",
        THROUGH,
    ]
    (folder / "README.md").write_text(
        render(Card(NAME, SUMMARY, f"workers/models/{NAME}", DATA, COMMAND, figures, LIMITS, LICENCE, packed=True))
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
        kept(args.out / "shop.jsonl", lambda: shop_pairs(EngineIndex(args.engine_url, INDEX)))
        kept(args.out / "other.jsonl", lambda: other_pairs(args.engine_url))
    if args.what == "card":
        card(args.to)
    for seed in args.seeds:
        if args.what == "train":
            train(seed, args.out)
        elif args.what == "ship":
            ship(seed, args.out, args.to)


if __name__ == "__main__":
    main()
