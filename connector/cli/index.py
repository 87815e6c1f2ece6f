"""`secondpass index`: a file becomes an index with a mapping, vectors and an alias."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
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
from connector.records import Record, count_lines, look, read
from connector.services import Services
from connector.settings import Settings
from connector.vectors import Vectors, gets_vector
from mappings.loader import install, switch
from mappings.render import LANGUAGES, MAPPINGS, render, text_fields

WORKER_WAIT_BEATS = 5  # how long a worker that has just been started may take to be seen
EMBED_S = 600.0  # for one batch of 256 documents: 5 to 20 s on one core, longer where several loads share a worker
SHOWN_REJECTS = 10
SHOWN_NAMES = 12
MANY_BARE = 0.1  # share of the documents without a text, above which other fields are advised
IDS = ("id", "_id")


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

    Run it again to go on after an interruption, or to load a changed file over
    the old documents. Documents that the engine refuses are listed and kept in
    a file, with the reason; the others are indexed.

    Examples:

      secondpass index products.jsonl --index products --mapping shop --port 9280

      secondpass index articles.csv.gz --index handbook --id-field sku \\
        --text-fields title,text

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
    items, (first, whole) = read(wanted.source, wanted.id_field), look(wanted.source, wanted.id_field)
    fields = _fields(wanted)
    lacking = _lacking(first, fields, wanted) if wanted.vectors else ""
    if lacking and whole:
        raise ConfigError(lacking)
    engine = await open_engine(settings.engine)
    try:
        async with _embedder(settings if wanted.vectors else None) as embedder:
            dims = embedder.dims if embedder else None
            installed = await install(engine, wanted.mapping, wanted.name, dims=dims, language=wanted.language)
            journal = Journal(state_folder() / "index", wanted.source, installed.index, _how(wanted, fields, embedder))
            if journal.start(wanted.resume).records:
                console.print(f"Going on after document {journal.tally.records} (--restart begins again).")
            elif journal.changed:
                console.print(
                    f"Beginning again: the run that ended here had another {', another '.join(journal.changed)}. What "
                    "it indexed is written anew; documents with other ids than today's stay.",
                    style="yellow",
                )
            elif lacking:
                console.print(f"{escape(lacking)}, if the others are no better.", style="yellow")
            began = time.monotonic()
            with _progress(console, wanted.source, journal.tally) as watch:
                tally = await load(
                    engine,
                    items,
                    installed.index,
                    journal,
                    vectors=Vectors(partial(embedder.documents, timeout_s=EMBED_S), fields) if embedder else None,
                    rate=wanted.rate,
                    watch=watch,
                )
            total = await engine.count(installed.index)
            takes_over = not installed.live and total > 0
            if takes_over:
                await switch(engine, wanted.name, installed.index)
    finally:
        await engine.close()
    console.print(
        f"{escape(wanted.name)} -> {escape(installed.index)}: {tally.indexed} indexed, {tally.rejected} rejected in "
        f"{time.monotonic() - began:.1f} s; {total} documents there now."
    )
    if not (installed.live or takes_over):
        said = f"{wanted.name} still leads to the index of before: nothing came into {installed.index}."
        console.print(escape(said), style="yellow")
    if tally.bare:
        many = tally.bare > MANY_BARE * tally.indexed
        advice = ": name the fields of their texts with --text-fields, and run it again" if many else ""
        console.print(
            f"{tally.bare} of them have no vector, because there is no text in {escape(', '.join(fields))}{advice}.",
            style="yellow" if many else None,
        )
    _tell_rejected(journal, console)
    return tally


def _fields(wanted: _Wanted) -> tuple[str, ...]:
    """The fields that are embedded: those named, else all texts of the mapping."""
    return wanted.fields or _texts(wanted.mapping, wanted.language)


def _how(wanted: _Wanted, fields: tuple[str, ...], embedder: EmbedClient | None) -> dict[str, object]:
    """What ids and vectors follow from beside the file: a run that goes on must do as the one that ended."""
    return {
        "--id-field": wanted.id_field,
        "--text-fields": list(fields) if embedder else [],
        "embedder": [one.fingerprint for one in embedder.live.live("embed", MODEL)[:1]] if embedder else [],
    }


def _texts(mapping: str, language: str) -> tuple[str, ...]:
    return tuple(field for field in text_fields(render(mapping, "opensearch", language=language)) if "." not in field)


def _lacking(first: Sequence[Record], fields: Sequence[str], wanted: _Wanted) -> str:
    """What to say, and advise, where none of the first documents has what is to be embedded; else nothing."""
    if not first or any(gets_vector(record.source, fields) for record in first):
        return ""
    pairs = (pair for record in first for pair in record.source.items())
    names = list(dict.fromkeys(name for name, value in pairs if isinstance(value, str | list) and name not in IDS))
    fitting = max(MAPPINGS, key=lambda mapping: len({*names} & {*_texts(mapping, wanted.language)}))
    fits = fitting != wanted.mapping and {*names} & {*_texts(fitting, wanted.language)}
    advice = [f"--mapping {fitting}"] if fits and not wanted.fields else []
    if names:
        advice.append("--text-fields with some of these")
    return (
        f"{wanted.source}: none of the first {len(first)} documents has text in {', '.join(fields)}, which are "
        f"embedded; they have {', '.join(names[:SHOWN_NAMES]) or 'no text at all'}. Give "
        f"{''.join(f'{one}, ' for one in advice)}{'or ' if advice else ''}--no-vectors"
    )


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
