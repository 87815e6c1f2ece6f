"""`secondpass train`: from a catalogue and a live engine to a cross-encoder folder that a policy can name."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from connector.errors import ConfigError
from workers.sources import MINILM, locate
from workers.training.engine import DIALECTS

EXAMPLES = """
Examples:

  secondpass train --data shop --engine-url http://127.0.0.1:9200 --index products --out models/shop

  secondpass train --data shop --engine-url http://127.0.0.1:9200 --index products --out models/shop --made 800 --seed 2

`shop` holds corpus.jsonl (id, title, brand, color, category, text) and, where people judged some, queries.jsonl,
qrels.tsv and split.json. The index holds the same ids, an analysed text field and their vectors. A run that was
interrupted goes on after its last finished stage when it is started again with the same --out.
"""


def train(
    data: Annotated[Path, typer.Option(help="Folder of corpus.jsonl[.gz], queries, qrels and split.")],
    engine_url: Annotated[str, typer.Option(help="Engine that hard negatives are mined from.")],
    index: Annotated[str, typer.Option(help="Index with the same documents.")],
    out: Annotated[Path, typer.Option(help="Folder for the model and its checkpoints.")],
    start: Annotated[str, typer.Option(help="Encoder to start from: all-MiniLM-L6-v2, a folder or a Hub id.")] = MINILM,
    embedder: Annotated[str, typer.Option(help="Embedder of the index's vectors.")] = MINILM,
    text_field: Annotated[str, typer.Option(help="Analysed field that BM25 reads.")] = "text_all",
    vector_field: Annotated[str, typer.Option(help="Vector field.")] = "embedding",
    dialect: Annotated[str, typer.Option(help="opensearch or elasticsearch.")] = "opensearch",
    made: Annotated[int, typer.Option(min=1, help="Queries to make from the catalogue.")] = 3200,
    minutes: Annotated[float, typer.Option(min=0, help="Limit of each stage; 0: none.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Order, sampling and first weights follow from it.")] = 1,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    languages: Annotated[str, typer.Option(help="Languages the texts are in, comma-separated.")] = "en",
) -> None:
    """Train a cross-encoder on a catalogue, and on grades where there are some."""
    if dialect not in DIALECTS:
        raise ConfigError(f"--dialect {dialect}: one of {', '.join(DIALECTS)}")
    from dataclasses import replace

    from workers.training.card import Card, render
    from workers.training.data import read_collection
    from workers.training.embedding import Embedder
    from workers.training.engine import EngineIndex
    from workers.training.export import export
    from workers.training.measure import report
    from workers.training.recipe import DEFAULT, train_catalogue
    from workers.training.trainer import device_name

    console = Console(stderr=True)
    collection = read_collection(data)
    engine = EngineIndex(engine_url.rstrip("/"), index, text_field, vector_field, dialect)
    embed = Embedder(embedder, device_name(device))
    out.mkdir(parents=True, exist_ok=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("pairs", total=None)
        model, tokenizer = train_catalogue(
            collection,
            engine,
            embed,
            locate(start),
            out,
            seed,
            replace(DEFAULT, made=made),
            device_name(device),
            minutes,
            say=bar.console.print,
            progress=lambda done, total, loss: bar.update(
                task, completed=done, total=total, description=f"pairs, loss {loss:.3f}"
            ),
        )
    figures = report(model, tokenizer, collection, engine, embed)
    for line in figures:
        console.print(line)
    card = Card(
        name=out.name,
        summary="A cross-encoder for one catalogue: it orders the products that a search engine found for a query.",
        folder=str(out / "model"),
        data=f"{len(collection.documents)} documents, {made} queries made from them, seed {seed}; and the graded "
        f"queries of the train split ({len(collection.part('train')[1])}).",
        command=f"secondpass train --data {data} --engine-url {engine_url} --index {index} --out {out} --seed {seed}",
        figures=[f"- {line}" for line in figures],
        limits=[f"Texts in {languages} that look like this catalogue; measure before using it on anything else."],
    )
    export(model, tokenizer, out / "model", out.name, tuple(languages.split(",")), card=render(card))
    typer.echo(out / "model")


train.__doc__ = f"{train.__doc__}\n{EXAMPLES}"
