"""`secondpass train`: from a catalogue, grades, clicks or labels to a cross-encoder folder that a policy can name."""

from pathlib import Path
from typing import Annotated

import typer

from connector.errors import ConfigError
from connector.extras import need
from workers.sources import MINILM, locate
from workers.training.options import (
    ENGINE,
    LEARNING,
    LIBRARIES,
    Batch,
    Config,
    Device,
    Dialect,
    Embedder,
    Epochs,
    MaxQueryChars,
    MaxTokens,
    Precision,
    SaveEvery,
    Seeds,
    TextField,
    VectorField,
)
from workers.training.told import INHERITED, claim, command_line, inherited, refuse

EXAMPLES = """
Examples:

  secondpass train --data shop --index products --out models/shop

  secondpass train --index products --fields name,brand,description \\
    --grades judgments.jsonl --loss lambda --out models/graded

  secondpass train --index products --fields name,description \\
    --clicks ubi --loss listwise --seed 1 --seed 2 --out models/clicked

  secondpass train --labels pairs.jsonl --epochs 3 --out models/nli

It learns from a catalogue alone (queries are made from it; --data's train
grades follow), from grades in any form that `secondpass evaluate` reads, from
clicks as UBI logs them, or from pairs with a label. `shop` holds corpus.jsonl
(id, title, brand, color, category, text) and, where people judged some,
queries.jsonl, qrels.tsv and split.json; without --data the documents are read
from the index. A run that was killed goes on when started again with the same
--out.
"""

CLASSES = "cross-entropy"
DATA, NEGATIVES = "What to learn from", "Hard negatives"
MINING = "negatives", "ranks", "per_query", "teacher", "guard"
STOPPING = "evaluations", "patience"


def train(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="Folder for the model and its checkpoints.")],
    data: Annotated[
        Path | None, typer.Option(help="Folder of corpus, queries, qrels and split.", rich_help_panel=DATA)
    ] = None,
    grades: Annotated[
        Path | None, typer.Option(help="Graded queries: BEIR, TREC qrels, JSONL, CSV, exports.", rich_help_panel=DATA)
    ] = None,
    queries: Annotated[Path | None, typer.Option(help="Query texts of TREC qrels.", rich_help_panel=DATA)] = None,
    clicks: Annotated[
        Path | None, typer.Option(help="Folder of UBI's queries and events as JSON lines.", rich_help_panel=DATA)
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="JSON lines of query, document, label.", rich_help_panel=DATA)
    ] = None,
    dev: Annotated[
        Path | None,
        typer.Option(help="Grades or labels to stop and measure by; else a share.", rich_help_panel=DATA),
    ] = None,
    fields: Annotated[
        str,
        typer.Option(
            help="Fields of the index's documents, title first; default: its policy's, else its texts.",
            rich_help_panel=DATA,
        ),
    ] = "",
    least_shown: Annotated[
        int, typer.Option(min=1, help="Impressions a document needs for a label.", rich_help_panel=DATA)
    ] = 3,
    made: Annotated[int, typer.Option(min=1, help="Queries to make from the catalogue.", rich_help_panel=DATA)] = 3200,
    languages: Annotated[str, typer.Option(help="Languages the texts are in.", rich_help_panel=DATA)] = "en",
    engine_url: Annotated[
        str,
        typer.Option(
            help="Engine to mine hard negatives from, which is sent engine.service_auth; default: the settings'.",
            rich_help_panel=ENGINE,
        ),
    ] = "",
    config: Config = None,
    index: Annotated[str, typer.Option(help="Index with the same documents.", rich_help_panel=ENGINE)] = "",
    dialect: Dialect = "",
    text_field: TextField = "",
    vector_field: VectorField = "embedding",
    embedder: Embedder = "",
    negatives: Annotated[str, typer.Option(help="bm25, knn or fused.", rich_help_panel=NEGATIVES)] = "fused",
    ranks: Annotated[str, typer.Option(help="Band of ranks they come from.", rich_help_panel=NEGATIVES)] = "1:100",
    per_query: Annotated[int, typer.Option(min=0, help="How many a query.", rich_help_panel=NEGATIVES)] = 16,
    teacher: Annotated[
        str, typer.Option(help="Model that keeps unmarked answers out.", rich_help_panel=NEGATIVES)
    ] = "",
    guard: Annotated[
        float, typer.Option(min=0, help="Share of the best answer's score allowed.", rich_help_panel=NEGATIVES)
    ] = 0.95,
    start: Annotated[
        str, typer.Option(help="Model to start from: name, folder or Hub id.", rich_help_panel=LEARNING)
    ] = MINILM,
    loss: Annotated[
        str,
        typer.Option(help="bce, contrastive, ranknet, lambda, listwise, mse or margin-mse.", rich_help_panel=LEARNING),
    ] = "bce",
    rate: Annotated[float, typer.Option(min=0, help="Peak learning rate; 0: usual.", rich_help_panel=LEARNING)] = 0.0,
    epochs: Epochs = 1,
    batch: Batch = 32,
    list_size: Annotated[
        int, typer.Option(min=2, help="Documents in a list of list losses.", rich_help_panel=LEARNING)
    ] = 16,
    in_batch: Annotated[
        int, typer.Option(min=0, help="In-batch negatives (contrastive).", rich_help_panel=LEARNING)
    ] = 0,
    accumulate: Annotated[int, typer.Option(min=1, help="Batches in a step.", rich_help_panel=LEARNING)] = 1,
    micro: Annotated[
        int, typer.Option(min=0, help="Pairs in memory at once; 0: a batch.", rich_help_panel=LEARNING)
    ] = 0,
    checkpointing: Annotated[
        bool, typer.Option(help="Keep no activations: less memory, slower.", rich_help_panel=LEARNING)
    ] = False,
    precision: Precision = "auto",
    curriculum: Annotated[bool, typer.Option(help="First epoch from easy to hard.", rich_help_panel=LEARNING)] = False,
    max_tokens: MaxTokens = 128,
    max_query_chars: MaxQueryChars = 0,
    evaluations: Annotated[
        int, typer.Option(min=0, help="Looks at dev in a run; 0: no early stopping.", rich_help_panel=LEARNING)
    ] = 8,
    patience: Annotated[
        int, typer.Option(min=1, help="Looks without a new best that end a run.", rich_help_panel=LEARNING)
    ] = 3,
    seed: Seeds = None,
    minutes: Annotated[
        float, typer.Option(min=0, help="Limit of each stage; 0: none.", rich_help_panel=LEARNING)
    ] = 0.0,
    save_every: SaveEvery = 60.0,
    device: Device = "auto",
) -> None:
    """Train a cross-encoder on a catalogue, on grades, on clicks, or on labels."""
    if sum(source is not None for source in (grades, clicks, labels)) > 1:
        raise ConfigError("--grades, --clicks and --labels are different things to learn: give one of them")
    if loss == CLASSES and labels is None:
        raise ConfigError(f"--loss {CLASSES} tells labels apart: give them with --labels")
    if labels:
        refuse(context, ("loss",) if loss != CLASSES else (), f"--labels are told apart by {CLASSES}")
        refuse(context, ("data", "index", "made", *MINING), "training on --labels reads no index")
    elif grades or clicks:
        refuse(context, ("made",), "queries are made where there is a catalogue alone")
    else:
        refuse(context, MINING, "a catalogue's recipe mines its own negatives; they belong to --grades and --clicks")
        refuse(context, STOPPING, "training on a catalogue runs to its end; early stopping is for the other sources")
    need("train", "train", *LIBRARIES)
    from dataclasses import replace

    from connector.settings import load
    from workers.training import run as runs
    from workers.training.digest import digest, digest_labelled
    from workers.training.encoder import device_name
    from workers.training.gather import from_clicks, from_judgments, languages_of, with_dev
    from workers.training.labels import read_labelled
    from workers.training.open import open_documents, open_guard, open_index, read_negatives, shown_progress
    from workers.training.recipe import DEFAULT
    from workers.training.trainer import Pass
    from workers.training.vectors import check_vectors

    how = Pass(
        rate or (5e-5 if labels else 3e-5),
        batch=batch,
        max_tokens=max_tokens,
        loss=CLASSES if labels else loss or "bce",
        shares=labels is None,
        epochs=epochs,
        list_size=list_size,
        strangers=in_batch,
        accumulate=accumulate,
        micro=micro,
        checkpointing=checkpointing,
        precision=precision,
        curriculum=curriculum,
    )
    how.check()
    chosen = device_name(device)
    with shown_progress() as (say, progress):
        run = runs.Run(
            out=out,
            seeds=tuple(seed or [1]),
            start=locate(start),
            how=how,
            device=chosen,
            minutes=minutes,
            evaluations=evaluations,
            patience=patience,
            save_s=save_every,
            languages=languages_of(languages),
            command=command_line(context),
            max_query_chars=max_query_chars,
            say=say,
            progress=progress,
        )
        if labels:
            labelled = read_labelled(labels, dev)
            claim(context, out, data=digest_labelled(labelled))
            typer.echo(runs.train_labels(run, labelled, labels.name))
            return
        hard = read_negatives(negatives, ranks, per_query, guard)
        read, words, vectors = (inherited(context, out, name) for name in INHERITED)
        settings = load(config)
        found = open_index(settings, data, engine_url, index, read, words, vector_field, dialect, vectors, chosen, say)
        engine, embed = found.engine, found.embed
        shop = open_documents(data, found, say)
        check_vectors(found, shop)
        if grades:
            shop = from_judgments(shop.documents, grades, queries, dev)
        elif clicks:
            shop = from_clicks(shop.documents, clicks, least_shown, dev)
        elif dev:
            shop = with_dev(shop, dev, queries)
        guardian = open_guard(teacher, chosen, settings.embedder)
        claim(context, out, found.told, digest(shop, data is not None))
        if grades or clicks:
            source = "grades" if grades else "clicks"
            folder = runs.train_from_grades(run, shop, engine, embed, hard, guardian, source)
        else:
            learn, refine = (
                replace(how, learning_rate=rate or usual.learning_rate, loss=loss or usual.loss)
                for usual in (DEFAULT.learn, DEFAULT.refine)
            )
            recipe = replace(DEFAULT, made=made, learn=learn, refine=refine)
            folder = runs.train_from_catalogue(run, shop, engine, embed, recipe)
    typer.echo(folder)


train.__doc__ = f"{train.__doc__}\n{EXAMPLES}"
