"""The card of the bundled model `products-en`: how it was made, and every evaluation of its recipe on test.

python -m bench.products_en_card FOLDER
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from bench import evaluations
from bench.products_en import NAME, RECIPE
from workers.manifest import longest_query
from workers.probability.record import read_record
from workers.runtimes.inputs import hash_weights
from workers.training.card import Card, render
from workers.training.measure import gain

SUMMARY = """A small English cross-encoder for product search: how relevant is a product's text to a shopper's query.
Second edition: twelve layers, 33.4 million weights in eight bits (fp8), started from bge-small-en-v1.5 and trained on a
CPU in about 100 minutes of a core."""
DATA = """Products of ESCI (Amazon's Shopping Queries, US) as carried by the OpenSearch project: 6,764 of them. First
3,200 queries made from the products' own titles and categories, each with its source, five neighbours out of the
engine's BM25 and kNN lists under soft labels, and a random product (the weights of the soft labels were fitted on the
grades of the 75 train queries). Then 3,010 queries of our own over the same products with 64,484 grades of a
language model (`bench/judged`), which saw no grade of the data set, and of its queries some of train and dev as
examples of style and of what is hard. No person's grade was learnt; seed, blend and rules were chosen on train and dev.
No test query and no test grade was used; the catalogue that the test queries search was seen, as a shop sees its
own."""
COMMAND = "python -m bench.products_en train --engine-url URL --out RUNS 1 2 3    # and on: see its first lines"
LIMITS = (
    "English shop texts only. It was made for queries of up to {longest} characters, and a proxy does not rerank "
    "longer ones: `skipped;reason=length`. Pairs are cut at 128 tokens.",
    "The test queries search the catalogue it was trained on; the demo shop's products it never saw. Train your own "
    "with `secondpass train`.",
    "Products that nobody graded count as irrelevant in the figures; 60 test queries leave a standard error near 0.02.",
    "Each pair takes twice the time of the first edition's six layers. Where that is too long: `window = 32`, "
    "`stop_margin`, or `products-en-small`.",
    "`CrossEncoder` reads it with transformers 5. With 4 its matrices stay in eight bits: `.float()` first.",
    'Negation ("without a lid") is better left to the policy\'s `exclusion`.',
)
LICENCE = "Apache-2.0, as is the data; bge-small-en-v1.5, from which it started, is MIT."
OTHERS = """These weights are seed 2, trained again and stored in eight bits (judged pools of the 90 train and dev
queries: 0.8686 before, 0.8694 after). The model alone is as good on test as with the blend and the rules, which were
chosen on train and dev (there, fused 0.727, with them 0.814). Alone it is 0.033 better than the first edition's three
seeds (0.7665; +0.001 to +0.070; 34 queries better, 16 worse).

On the demo shop (104 queries, 80 of them English), none of whose products it saw, windows of 100: alone 0.843, where
the first edition has 0.795 (+0.025 to +0.073); with the demo's rules 0.887, where that has 0.868 (+0.002 to +0.036).

`stop_margin = 0.75` reads 2.26 times fewer pairs at 0.991 of full depth's nDCG@10 on test, but loses 0.013 on the
demo shop; `window = 50` loses 0.002 there.

Where it harms: SciFact's claims over abstracts, fused 0.726, the model without its length guard 0.508, with it 0.672
(docs/evaluate.md)."""
COLUMNS = "", "BM25", "kNN", "fused", "reranked", "judged pool", "gain over fused (95 %)"


def line(name: str, row: dict[str, Any]) -> str:
    """A row of the table."""
    figures = {order: found["nDCG@10"] for order, found in row["figures"].items()}
    low, high = row["gain_95"]
    cells = [name, *(figures[order] for order in ("BM25", "kNN", "fused", "reranked")), row["judged_pool"]]
    return f"| {' | '.join(map(str, cells))} | {row['gain']:+.4f} ({low:+.4f} to {high:+.4f}) |"


def settings(row: dict[str, Any]) -> str:
    """How a look was made, in a few words."""
    blend = "/".join(f"{weight:g}" for weight in row["blend"])
    rules = f"blend {blend}, agreement {row['agreement']:g}, exclusion {row['exclusion']:g}"
    alone = blend == "1/0/0" and not row["agreement"] and not row["exclusion"]
    return f"{row['precision']}, {'the model alone' if alone else rules}"


def mean_of(rows: Sequence[dict[str, Any]]) -> str:
    """The seeds together: what the bar of the recipe is measured by."""
    found = [row["per_query"] for row in rows]
    fused = {query: fmean(part[query][0] for part in found) for query in found[0]}
    after = {query: fmean(part[query][1] for part in found) for query in found[0]}
    difference, low, high = gain(after, fused)
    better = sum(after[query] > fused[query] + 0.005 for query in fused)
    worse = sum(after[query] < fused[query] - 0.005 for query in fused)
    reranked = [row["figures"]["reranked"]["nDCG@10"] for row in rows]
    return (
        f"Mean of {len(rows)} seeds on test: nDCG@10 **{fmean(reranked):.4f}** ({min(reranked)} to {max(reranked)}), "
        f"{difference:+.4f} over the fused list (95 % bootstrap interval over queries {low:+.4f} to {high:+.4f}); "
        f"{better} queries better, {worse} worse, {len(fused) - better - worse} the same within 0.005. Judged pools "
        f"**{fmean(row['judged_pool'] for row in rows):.4f}**."
    )


def card(folder: Path) -> str:
    """Return the card, from every evaluation on test of the recipe and of the folder's own weights."""
    rows = evaluations.looks()
    weights = hash_weights(folder)
    seeds = [row for row in rows if row["recipe"].startswith(f"{RECIPE},")]
    own = [row for row in rows if row.get("weights") == weights and "figures" in row]
    figures = ["ESCI's 60 test queries through the proxy, fused windows of 100 (`python -m bench.through_proxy`):", ""]
    figures += [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    figures += [line(f"seed {number}, {settings(row)}", row) for number, row in enumerate(seeds, start=1)]
    figures += [line(f"**these weights**, {settings(row)}", row) for row in own]
    known = read_record(folder)
    figures += ["", mean_of(seeds), "", OTHERS, "", *(f"- {said}" for said in (known.lines() if known else ()))]
    limits = [limit.format(longest=longest_query(folder)) for limit in LIMITS]
    return render(Card(NAME, SUMMARY, f"workers/models/{NAME}", DATA, COMMAND, figures, limits, LICENCE))


def main() -> None:
    """Write the card of a folder."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    (folder / "README.md").write_text(card(folder), encoding="utf-8")


if __name__ == "__main__":
    main()
