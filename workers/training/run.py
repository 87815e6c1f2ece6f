"""A training run from start to card: seeds, early stopping, figures, the folder that a policy can name.

Rule: what the command was told and what came out of it stand in the model's card, limits included.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workers.probability.record import Record, write_record
from workers.training.batches import Example
from workers.training.calibrated import on_dev
from workers.training.card import Card, render
from workers.training.data import Collection
from workers.training.encoder import load, logits_of
from workers.training.export import export, query_limit
from workers.training.gather import CLICK_GRADES
from workers.training.labels import Classification, Labelled, classify
from workers.training.lessons import dev_figure, graded_examples
from workers.training.measure import report
from workers.training.negatives import Negatives, Teacher
from workers.training.queries import make_queries
from workers.training.recipe import Recipe, train_catalogue
from workers.training.seeds import Seeded, best, spread, train_seeds
from workers.training.state import kept
from workers.training.trainer import Pass, Progress, Watch, fit

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from workers.training.embedding import Embed
    from workers.training.mining import Neighbours
    from workers.training.seeds import Trained


@dataclass(frozen=True, slots=True)
class Run:
    """What every kind of training is told; `minutes` bounds a stage (0: no bound), `command` goes into the card.
    `max_query_chars` is the longest query that the model is for (0: as `query_limit` finds it in what it learns from).
    """

    out: Path
    seeds: tuple[int, ...]
    start: Path
    how: Pass
    device: str
    minutes: float
    evaluations: int
    patience: int
    save_s: float
    languages: tuple[str, ...]
    command: str
    max_query_chars: int
    say: Callable[[str], None]
    progress: Progress

    @property
    def model(self) -> Path:
        return self.out / "model"

    def watch(self, measure: Callable[[], float] | None) -> Watch | None:
        """Return the early stopping that `measure` allows; none where there is nothing to measure on."""
        return Watch(measure, self.evaluations, self.patience) if measure and self.evaluations else None

    def fit(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerFast,
        examples: list[Example],
        seed: int,
        folder: Path,
        measure: Callable[[], float] | None,
    ) -> None:
        """Train a model on examples, from the state in `folder` where there is one."""
        self.say(f"seed {seed}: {len(examples)} pairs, loss {self.how.loss}")
        state, watch = folder / "fit.state", self.watch(measure)
        loss = fit(
            model,
            tokenizer,
            examples,
            self.how,
            seed,
            self.device,
            self.minutes,
            self.progress,
            state,
            watch,
            self.save_s,
        )
        self.say(f"seed {seed}: loss {loss:.6f}")


def train_from_catalogue(run: Run, collection: Collection, engine: Neighbours, embed: Embed, recipe: Recipe) -> Path:
    """Train on queries made from the catalogue, then on its train grades; return the model's folder."""

    def train(seed: int, folder: Path) -> Trained:
        return train_catalogue(
            collection,
            engine,
            embed,
            run.start,
            folder,
            seed,
            recipe,
            run.device,
            run.minutes,
            run.say,
            run.progress,
            save_s=run.save_s,
        )

    graded = sum(1 for key in collection.part("train")[1])
    figure = dev_figure(collection, engine, embed, run.how.max_tokens)
    runs = train_seeds(run.seeds, run.out, train, figure, run.say)
    made = make_queries(collection.documents, recipe.made, random.Random(best(runs).seed))
    data = f"{len(collection.documents)} documents, {len(made)} queries made from them, and {graded} graded queries."
    asked = [query.text for query in made]
    return _finish_ranking(run, runs, data, collection, engine, embed, asked)


def train_from_grades(
    run: Run,
    collection: Collection,
    engine: Neighbours,
    embed: Embed,
    negatives: Negatives,
    teacher: Teacher | None = None,
    source: str = "grades",
) -> Path:
    """Train on graded (or clicked) queries with hard negatives from the engine; return the model's folder."""
    figure = dev_figure(collection, engine, embed, run.how.max_tokens)

    def train(seed: int, folder: Path) -> Trained:
        def examples() -> list[Example]:
            top = CLICK_GRADES if source == "clicks" else 0
            return graded_examples(collection, engine, embed, negatives, seed, teacher, top)

        pairs = kept(folder / "examples.jsonl", examples)
        model, tokenizer = load(run.start, seed, run.device)
        run.fit(model, tokenizer, pairs, seed, folder, (lambda: figure(model, tokenizer)) if figure else None)
        return model, tokenizer

    runs = train_seeds(run.seeds, run.out, train, figure, run.say)
    texts, grades = collection.part("train")
    data = (
        f"{len(texts)} queries with {sum(map(len, grades.values()))} {source}, over {len(collection.documents)} "
        f"documents; up to {negatives.count} hard negatives a query, ranks {negatives.first} to {negatives.last} of "
        f"the {negatives.source} list" + (", those that a teacher takes for answers left out." if teacher else ".")
    )
    return _finish_ranking(run, runs, data, collection, engine, embed, judged=source == "grades")


def train_labels(run: Run, data: Labelled, source: str) -> Path:
    """Train a model with several labels; return its folder."""
    how = run.how

    def said(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> Classification:
        pairs = [(example.query, example.document) for example in data.dev]
        right = [int(example.label) for example in data.dev]
        return classify(data.names, right, logits_of(model, tokenizer, pairs, how.max_tokens))

    def figure(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> float:
        return said(model, tokenizer).macro_f1

    def train(seed: int, folder: Path) -> Trained:
        model, tokenizer = load(run.start, seed, run.device, data.names)
        run.fit(model, tokenizer, data.train, seed, folder, lambda: figure(model, tokenizer))
        return model, tokenizer

    runs = train_seeds(run.seeds, run.out, train, figure, run.say, data.names)
    chosen = best(runs)
    model, tokenizer = load(chosen.folder, chosen.seed, run.device, data.names)
    figures = [*said(model, tokenizer).lines(), "", *spread(runs, "Dev macro-F1")]
    limits = [
        _dev_chose("pairs", len(data.dev)),
        "A label is told only as well as the table says, and only for texts like those it learnt from.",
        'To rank by one label, name it: `label = "..."` and `activation = "softmax"` under [[model]].',
    ]
    summary = f"A model that tells {len(data.names)} labels apart: {', '.join(data.names)}."
    told_data = f"{len(data.train)} pairs of {source}; {len(data.dev)} others for dev."
    asked = [example.query for example in data.train]
    return finish(run, model, tokenizer, summary, told_data, figures, limits, asked)


def _finish_ranking(
    run: Run,
    runs: list[Seeded],
    data: str,
    collection: Collection,
    engine: Neighbours,
    embed: Embed,
    made: Sequence[str] = (),
    judged: bool = True,
) -> Path:
    """Measure and export the best seed. `made`: queries it learnt from besides those of the collection; `judged`:
    people graded the documents, so that a probability can be fitted to them.
    """
    chosen = best(runs)
    model, tokenizer = load(chosen.folder, chosen.seed, run.device)
    found = [*report(model, tokenizer, collection, engine, embed, run.how.max_tokens), *spread(runs, "Dev nDCG@10")]
    limits = [
        f"Texts in {', '.join(run.languages)} that look like this catalogue; measure before using it on anything else.",
        _dev_chose("queries", len(collection.part("dev")[1])),
    ]
    summary = "A cross-encoder for one catalogue: it orders the documents that a search engine found for a query."
    asked = [*made, *collection.part("train")[0].values(), *collection.part("dev")[0].values()]
    known = on_dev(model, tokenizer, collection, run.how.max_tokens, run.say) if judged else None
    return finish(run, model, tokenizer, summary, data, [f"- {line}" for line in found], limits, asked, known)


def _dev_chose(what: str, count: int) -> str:
    """The limit of figures on what a model was chosen by."""
    return (
        f"The dev {what} ({count}) chose when to stop and which seed to keep: expect a little less on new ones, and "
        "see the interval."
    )


def finish(
    run: Run,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    summary: str,
    data: str,
    figures: list[str],
    limits: list[str],
    asked: Iterable[str],
    calibration: Record | None = None,
) -> Path:
    """Export the model with its card, and say the figures. `asked` are the queries that it learnt from."""
    if calibration:
        figures = [*figures, *(f"- {line}" for line in calibration.lines())]
    if longest := run.max_query_chars or query_limit(asked):
        limits = [*limits, f"Queries of up to {longest} characters; a proxy does not rerank longer ones, and says so."]
    for line in figures:
        run.say(line)
    how = run.how
    said = (
        f"Loss {how.loss}, {how.epochs} epoch{'s' * (how.epochs > 1)}, seeds {', '.join(map(str, run.seeds))}. {data}"
    )
    card = Card(
        name=run.out.name,
        summary=summary,
        folder=str(run.model),
        data=said,
        command=run.command,
        figures=figures,
        limits=limits,
        max_tokens=how.max_tokens,
        several=(model.config.num_labels or 1) > 1,
    )
    export(model, tokenizer, run.model, run.out.name, run.languages, how.max_tokens, longest, render(card))
    if calibration:
        write_record(run.model, calibration)
    return run.model
