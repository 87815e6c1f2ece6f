"""Whether a model's own logits tell a kind of text that it does not know: windows of ESCI against those of another set.

Rule: a guard may keep at most one of the 90 train and dev windows from being reranked; what such a guard would catch
of the other set, and what that would save, is compared sign by sign. Only queries that other guards let through count.

    python -m bench.adaptive_depth score --engine-url URL --out known.json
    secondpass evaluate scifact --split test --index abstracts --out found
    python -m bench.unknown_text known.json found --data scifact --fields title,text
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from workers import Reranker
from workers.training.data import document_text, read_collection

Logits = Sequence[float]
LOST = 1  # of the known windows: 89 of 90 stay, 98.9 %
CHARACTERS = 1200  # more than 128 tokens hold

SIGNS: Mapping[str, Callable[[Logits], float]] = {
    "best": max,
    "mean of the best three": lambda logits: float(np.mean(sorted(logits)[-3:])),
    "mean of the best ten": lambda logits: float(np.mean(sorted(logits)[-10:])),
    "tenth best": lambda logits: sorted(logits)[-10],
    "mean of the first ten": lambda logits: float(np.mean(logits[:10])),
    "deviation": lambda logits: float(np.std(logits)),
}
"""Of a window's logits in first-stage order; each is lower where a model finds less that it knows."""


def windows(found: Path, data: Path, fields: Sequence[str]) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Logits of each fused window whose query was reranked, and what reranking gained there."""
    answers = [json.loads(line) for line in (found / "answers.jsonl").read_text().splitlines() if line]
    applied = {row["query"] for row in answers if row.get("state") == "applied"}
    values = {name: one["values"]["nDCG@10"] for name, one in _systems(found).items()}
    model, shelf = Reranker("bundled:products-en", runtime="openvino", precision="bf16"), read_collection(data)
    logits = {}
    for row in answers:
        if row["system"] == "fused" and row["query"] in applied:
            texts = [document_text(shelf.documents[key], fields, CHARACTERS) for key in row["ids"]]
            logits[row["query"]] = model.score([(shelf.queries[row["query"]], text) for text in texts]).tolist()
    return logits, {query: values["reranked"][query] - values["fused"][query] for query in logits}


def _systems(found: Path) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    systems: dict[str, dict[str, dict[str, dict[str, float]]]] = json.loads((found / "results.json").read_text())[
        "systems"
    ]
    return systems


def main() -> None:
    """Print, for every sign, the share of windows that a guard would catch and what would be left of the loss."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("known", type=Path, help="what bench.adaptive_depth score wrote")
    parser.add_argument("found", type=Path, help="folder of secondpass evaluate, with fused and reranked")
    parser.add_argument("--data", type=Path, required=True, help="folder of the other set")
    parser.add_argument("--fields", default="title,text")
    args = parser.parse_args()
    known = [[logit for _, logit in rows] for rows in json.loads(args.known.read_text()).values()]
    logits, gains = windows(args.found, args.data, args.fields.split(","))
    print(f"{len(known)} known windows, {len(logits)} others; sum of gains {sum(gains.values()):.2f}")
    for name, sign in SIGNS.items():
        mine, theirs = np.array([sign(one) for one in known]), {query: sign(one) for query, one in logits.items()}
        least = np.sort(mine)[LOST]
        caught = [query for query, value in theirs.items() if value < least]
        left = sum(gain for query, gain in gains.items() if query not in caught)
        others = np.array(list(theirs.values()))
        above = np.mean(mine[:, None] > others[None]) + np.mean(mine[:, None] == others[None]) / 2
        quartiles = [np.percentile(values, [25, 50, 75]).round(2).tolist() for values in (mine, others)]
        print(
            f"{name:22} from {least:6.2f}: catches {len(caught) / len(theirs):4.0%}, leaves {left:6.2f}; "
            f"AUC {above:.2f}; quartiles {quartiles[0]} and {quartiles[1]}"
        )


if __name__ == "__main__":
    main()
