"""`secondpass index`: a file becomes an index with a mapping, vectors and an alias."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from connector.cli.where import BrokerUrl, Config, EngineUrl, Port, RedisUrl, settings_at
from connector.contract import BEAT_S
from connector.embedding import MODEL, EmbedClient
from connector.engines.open import open_engine
from connector.errors import ConfigError, RerankError, SecondpassError
from connector.indexing import Waiting, Watch, load
from connector.journal import Journal, Tally
from connector.keys import state_folder
from connector.records import count_lines, read
from connector.services import Services
from connector.settings import Settings
from connector.vectors import Vectors
from mappings.loader import install, switch
from mappings.render import LANGUAGES, MAPPINGS, render, text_fields

WORKER_WAIT_BEATS = 5  # how long a worker that has just been started may take to be seen
EMBED_S = 600.0  # for one batch of 256 documents: 5 to 20 s on one core, longer where several loads share a worker
SHOWN_REJECTS = 10


def index(
    source: Annotated[Path, typer.Argument(help="A .jsonl, .ndjson, .csv or .tsv file; each may end in .gz.")],
    name: Annotated[str, typer.Option("--index", help="Name to search by: an alias, over a numbered index.")],
    mapping: Annotated[str, typer.Option(help=f"What the documents are: {', '.join(MAPPINGS)}.")] = "documents",
    language: Annotated[str, typer.Option(help=f"Of the texts: {', '.join(LANGUAGES)}.")] = "mixed",
    id_field: Annotated[str | None, typer.Option(help="Field of the ids; default: id or _id, else the line.")] = None,
    text_fields: Annotated[
        str, typer.Option(help="Fields that are embedded, comma-separated; default: all texts of the mapping.")
    ] = "",
    vectors: Annotated[bool, typer.Option("--vectors/--no-vectors", help="Embed the documents.")] = True,
    rate: Annotated[float | None, typer.Option(min=0.1, help="Documents a second at most.")] = None,
    resume: Annotated[bool, typer.Option("--resume/--restart", help="Go on where an ended run was.")] = True,
    config: Config = None,
    port: Port = None,
    engine_url: EngineUrl = "",
    redis_url: RedisUrl = "",
    broker_url: BrokerUrl = "",
) -> None:
    """Make an index from a file of documents: mapping, vectors, alias.

    Run it again to go on after an interruption, or to load a changed file over the old documents. Documents that the
    engine refuses are listed and kept in a file, with the reason; the others are indexed.

    Examples:

      secondpass index products.jsonl --index products --mapping shop --language en --port 9280

      secondpass index articles.csv.gz --index handbook --id-field sku --text-fields title,text

      secondpass index big.jsonl --index logs --no-vectors --rate 500
    """
    for value, known in ((mapping, MAPPINGS), (language, LANGUAGES)):
        if value not in known:
            raise ConfigError(f"{value!r} is none of: {', '.join(known)}")
    fields = tuple(field.strip() for field in text_fields.split(",") if field.strip())
    wanted = _Wanted(source, name, mapping, language, id_field, fields, vectors, rate, resume)
    console = Console(stderr=True)
    try:
        tally = asyncio.run(_run(wanted, settings_at(config, port, engine_url, redis_url, broker_url), console))
    except KeyboardInterrupt:
        console.print("Stopped. Nothing is lost: the same command goes on from here.")
        raise
    raise typer.Exit(1 if tally.records and not tally.indexed else 0)


@dataclass(frozen=True, slots=True)
class _Wanted:
    source: Path
    name: str
    mapping: str
    language: str
    id_field: str | None
    fields: tuple[str, ...]
    vectors: bool
    rate: float | None
    resume: bool


async def _run(wanted: _Wanted, settings: Settings, console: Console) -> Tally:
    items = read(wanted.source, wanted.id_field)
    engine = await open_engine(settings.engine)
    try:
        async with _embedder(settings if wanted.vectors else None) as embedder:
            dims = embedder.dims if embedder else None
            installed = await install(engine, wanted.mapping, wanted.name, dims=dims, language=wanted.language)
            journal = Journal(state_folder() / "index", wanted.source, installed.index)
            if journal.start(wanted.resume).records:
                console.print(f"Going on after document {journal.tally.records} (--restart begins again).")
            began = time.monotonic()
            with _progress(console, wanted.source, journal.tally) as watch:
                tally = await load(
                    engine,
                    items,
                    installed.index,
                    journal,
                    vectors=_vectors(wanted, embedder),
                    rate=wanted.rate,
                    watch=watch,
                )
            if not installed.live:
                await switch(engine, wanted.name, installed.index)
            total = await engine.count(installed.index)
    finally:
        await engine.close()
    console.print(
        f"{escape(wanted.name)} -> {escape(installed.index)}: {tally.indexed} indexed, {tally.rejected} rejected in "
        f"{time.monotonic() - began:.1f} s; {total} documents there now."
    )
    _tell_rejected(journal, console)
    return tally


@asynccontextmanager
async def _embedder(settings: Settings | None) -> AsyncIterator[EmbedClient | None]:
    """The living embed workers; None without settings."""
    if settings is None:
        yield None
        return
    services = await Services.open(settings)
    try:
        for _ in range(WORKER_WAIT_BEATS):
            if services.live.live("embed", MODEL):
                break
            await asyncio.sleep(BEAT_S)
        try:
            yield services.embedder
        except RerankError as error:
            raise SecondpassError(
                f"documents cannot be embedded ({error}): an embed worker must run on {settings.broker.url} "
                "(`secondpass worker --role embed`, or `secondpass up` and --port 9280 here); --no-vectors does without"
            ) from error
    finally:
        await services.close()


def _vectors(wanted: _Wanted, embedder: EmbedClient | None) -> Vectors | None:
    if embedder is None:
        return None
    body = render(wanted.mapping, "opensearch", language=wanted.language)
    fields = wanted.fields or tuple(field for field in text_fields(body) if "." not in field)
    return Vectors(partial(embedder.documents, timeout_s=EMBED_S), fields)


@contextmanager
def _progress(console: Console, source: Path, done: Tally) -> Iterator[Watch]:
    columns = (TextColumn("indexing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, TextColumn("[yellow]{task.description}"), console=console) as bar:
        task = bar.add_task("", total=count_lines(source), completed=done.records)

        def watch(event: Tally | Waiting) -> None:
            if isinstance(event, Waiting):
                bar.update(task, description=f"engine busy, next try in {event.seconds:.0f} s")
            else:
                bad = f"{event.rejected} rejected" if event.rejected else ""
                bar.update(task, completed=event.records, description=bad)

        yield watch


def _tell_rejected(journal: Journal, console: Console) -> None:
    for item in journal.rejected(SHOWN_REJECTS):
        console.print(f"  line {item.line} {escape(item.id)}: {escape(item.reason[:300])}", style="yellow")
    if journal.tally.rejected:
        console.print(f"All that were rejected, with reasons: {escape(str(journal.rejects))}")
