"""One recipe, several seeds: how far chance moves the figure, and which run is kept.

Rule: each seed has its folder; a finished one is not trained again; the best on dev is kept, the first where there is
no dev, and the spread is said beside it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from workers.training.encoder import load
from workers.training.recipe import save_whole
from workers.whole import write_whole

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    Trained = tuple[PreTrainedModel, PreTrainedTokenizerFast]

FINAL = "final"


@dataclass(frozen=True, slots=True)
class Seeded:
    """A finished run: its seed, its model's folder, its figure on dev (None: nothing to measure on)."""

    seed: int
    folder: Path
    figure: float | None


def train_seeds(
    seeds: Sequence[int],
    out: Path,
    train: Callable[[int, Path], Trained],
    figure: Callable[[PreTrainedModel, PreTrainedTokenizerFast], float] | None,
    say: Callable[[str], None],
    labels: Sequence[str] = (),
) -> list[Seeded]:
    """Train each seed in `out/seedN` and measure it; what is there already is used as it is."""
    runs: list[Seeded] = []
    for seed in seeds:
        folder = out / f"seed{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / FINAL).exists():
            say(f"seed {seed}: found a finished model in {folder / FINAL}")
        else:
            save_whole(*train(seed, folder), folder / FINAL)
        for state in folder.glob("*.state"):
            state.unlink()
        measured = folder / "dev.json"
        if figure and not measured.exists():
            found = json.dumps(figure(*load(folder / FINAL, seed, labels=labels)))
            write_whole(measured, lambda part, found=found: part.write_text(found))  # type: ignore[misc]
        value = float(json.loads(measured.read_text())) if figure else None
        say(f"seed {seed}: finished" + ("" if value is None else f", dev {value:.4f}"))
        runs.append(Seeded(seed, folder / FINAL, value))
    return runs


def best(runs: Sequence[Seeded]) -> Seeded:
    """Return the run with the highest figure on dev; the first of equals."""
    return max(runs, key=lambda run: run.figure or 0.0)


def spread(runs: Sequence[Seeded], what: str) -> list[str]:
    """Return the line that says how far the seeds are apart; none for a single one."""
    figures = [run.figure for run in runs if run.figure is not None]
    if len(figures) < 2:
        return []
    told = ", ".join(f"{run.seed}: {run.figure:.4f}" for run in runs)
    return [
        f"{what} of {len(figures)} seeds ({told}): mean {fmean(figures):.4f}, standard deviation {stdev(figures):.4f}; "
        f"seed {best(runs).seed} is kept, so its own figure is a little lucky"
    ]
