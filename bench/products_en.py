"""How the bundled model `products-en` is made: seeds of the default recipe on ESCI, one test evaluation each.

Rule: training and choosing read the train and dev queries only; `test` writes every evaluation to test-evals.jsonl and
refuses to evaluate a seed of the same weights twice. The shipped seed is the best on dev.

    python -m bench.esci --engine-url URL                                 # index the products once
    python -m bench.products_en train --engine-url URL --out RUNS 1 2 3
    python -m bench.products_en test --engine-url URL --out RUNS 1 2 3
    python -m bench.products_en ship --out RUNS 1
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.esci import INDEX, data_folder
from workers.sources import MINILM, MODELS, locate
from workers.training.data import read_collection
from workers.training.embedding import Embedder
from workers.training.engine import EngineIndex
from workers.training.export import export, sha256
from workers.training.measure import first_stage, gain, mean, per_query, rerank
from workers.training.recipe import save_whole, train_catalogue
from workers.training.trainer import load

NAME = "products-en"
RECIPE = "catalogue-1"
EVALUATIONS = Path(__file__).parent / "test-evals.jsonl"


def measure(folder: Path, engine: EngineIndex, part: str) -> dict[str, Any]:
    """Return the figures of a trained model and of the first stage on one part of the split."""
    collection, embed = read_collection(data_folder()), Embedder()
    queries, grades = collection.part(part)
    runs = first_stage(engine, queries, embed)
    runs["reranked"] = rerank(*load(folder, 0), collection, queries, runs["fused"])
    found = {name: per_query(run, grades) for name, run in runs.items()}
    difference, low, high = gain(found["reranked"], found["fused"])
    return {
        "queries": len(queries),
        "ndcg@10": {name: round(mean(values), 4) for name, values in found.items()},
        "recall@100": {name: round(mean(per_query(run, grades, "R@100")), 4) for name, run in runs.items()},
        "gain": round(difference, 4),
        "gain_95": [round(low, 4), round(high, 4)],
    }


def train(seed: int, engine: EngineIndex, out: Path) -> None:
    """Train one seed and write its model and its dev figures."""
    began, shown = time.monotonic(), 0.0
    say = log(seed, began)

    def progress(done: int, total: int, loss: float) -> None:
        nonlocal shown
        if time.monotonic() - shown > 60:
            shown = time.monotonic()
            say(f"{done}/{total} pairs, loss {loss:.4f}")

    folder = out / f"seed{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "final").exists():
        say("found a finished model")
    else:
        shop, start = read_collection(data_folder()), locate(MINILM)
        trained = train_catalogue(shop, engine, Embedder(), start, folder, seed, say=say, progress=progress)
        save_whole(*trained, folder / "final")
        say("trained")
    figures = measure(folder / "final", engine, "dev")
    (folder / "dev.json").write_text(json.dumps(figures) + "\n")
    say(f"dev: {json.dumps(figures)}")


def test(seed: int, engine: EngineIndex, out: Path) -> None:
    """Evaluate one seed on the test queries, once, and append the figures to the list of all such evaluations."""
    folder = out / f"seed{seed}"
    weights = sha256(folder / "final" / "model.safetensors")
    known = [json.loads(line) for line in EVALUATIONS.read_text().splitlines()] if EVALUATIONS.exists() else []
    if any(row.get("weights") == weights for row in known):
        raise SystemExit(f"seed {seed}: these weights were evaluated on test before")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout
    row: dict[str, Any] = {
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ"),
        "commit": commit.strip(),
        "recipe": RECIPE,
    }
    row |= {"seed": seed, "weights": weights, "dev": json.loads((folder / "dev.json").read_text())}
    row |= {"test": measure(folder / "final", engine, "test")}
    with EVALUATIONS.open("a") as stream:
        stream.write(json.dumps(row) + "\n")
    log(seed, time.monotonic())(json.dumps(row["test"]))


def ship(seed: int, out: Path, to: Path) -> None:
    """Write the chosen seed as the bundled model; an existing card is kept."""
    card = to / "README.md"
    export(*load(out / f"seed{seed}" / "final", 0), to, NAME, card=card.read_text() if card.exists() else "")


def log(seed: int, began: float) -> Callable[[str], None]:
    """Return a printer that names the seed and the seconds since it began."""
    return lambda text: print(f"seed {seed} {time.monotonic() - began:5.0f} s  {text}", flush=True)


def main() -> None:
    """Train, test or ship seeds."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("what", choices=["train", "test", "ship"])
    parser.add_argument("seeds", type=int, nargs="+")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--to", type=Path, default=MODELS / NAME, help="where ship writes the model")
    parser.add_argument("--engine-url", default="http://127.0.0.1:9200")
    args = parser.parse_args()
    for seed in args.seeds:
        if args.what == "ship":
            ship(seed, args.out, args.to)
        else:
            (train if args.what == "train" else test)(seed, EngineIndex(args.engine_url, INDEX), args.out)


if __name__ == "__main__":
    main()
