"""Opening what the commands name: the engine, its documents, a teacher as a guard, the progress bar.

Rule: the one place of the training commands where a name becomes something that costs memory or a connection.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from ssl import SSLContext
from typing import TYPE_CHECKING

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from connector.credentials import authorization, tls_context
from connector.errors import ConfigError
from connector.settings import Embedder, Settings
from workers.training import negatives
from workers.training.corpus import MOST, read_index
from workers.training.data import Collection, read_collection
from workers.training.embedding import NONE, Embed, embedder_of
from workers.training.engine import DIALECTS, Access, EngineIndex, Hit
from workers.training.fields import known_fields, named, read_from, searched
from workers.training.gather import split_dev
from workers.training.negatives import Negatives
from workers.training.teachers import open_teacher

if TYPE_CHECKING:
    from collections.abc import Callable


class Lexical(EngineIndex):
    """An index without vectors: the kNN list is empty, and every document stands at the same place."""

    def nearest(self, vectors: Sequence[Sequence[float]], size: int) -> list[list[Hit]]:
        return [[] for _ in vectors]

    def vectors(self, ids: Sequence[str]) -> dict[str, list[float]]:
        return {key: [1.0] for key in ids}


@dataclass(frozen=True, slots=True)
class Opened:
    """An index to learn from: its two lists, the embedder of its vectors and its name, the fields that documents are
    read from (none where they come from a folder, and other fields are searched).
    """

    engine: EngineIndex
    embed: Embed
    embedder: str
    fields: tuple[str, ...]

    @property
    def told(self) -> dict[str, str]:
        """What --fields, --text-field and --embedder came to."""
        words = {"fields": ",".join(self.fields), "text_field": ",".join(self.engine.fields)}
        return words | {"embedder": self.embedder}


def open_index(
    settings: Settings,
    data: Path | None,
    engine_url: str,
    index: str,
    fields: str,
    text_field: str,
    vector_field: str,
    dialect: str,
    embedder: str,
    device: str,
    say: Callable[[str], None] = print,
) -> Opened:
    """Ask the index for its fields, under the settings' service account, and load the embedder; `none` uses no vectors.

    An empty `engine_url`, `dialect` or `embedder` is that of the settings; what `fields` and `text_field` mean says
    `workers.training.fields`; with `data`, a folder of documents, fields to read need not be found.
    Raises ConfigError, and EngineError's kinds where the engine does not answer.
    """
    told = settings.engine
    spoken = dialect or (told.dialect if told.dialect != "auto" else DIALECTS[0])
    if spoken not in DIALECTS:
        raise ConfigError(f"--dialect {spoken}: one of {', '.join(DIALECTS)}")
    if not index:
        raise ConfigError("--index: name the index that documents and hard negatives come from")
    url, own = split_account(engine_url or told.url[0])
    tls = tls_context(told)
    access = Access(own or authorization(told.service_auth), tls if isinstance(tls, SSLContext) else None)
    known = known_fields(url, index, access)
    words = named(text_field, index, known)
    read = () if data and words and not fields.strip() else read_from(fields, index, settings.policy, known)
    words = words or searched(read, index, known)
    say(f"{index}: BM25 searches {', '.join(words)}")
    source = embedder or settings.embedder.source
    kind = Lexical if source == NONE else EngineIndex
    engine = kind(url, index, words, vector_field, spoken, access, say)
    return Opened(engine, embedder_of(source, settings.embedder, device), source, read)


def split_account(url: str) -> tuple[str, str]:
    """Return an engine's address without the user and password that may stand in it, and their Authorization header,
    "" where there are none. Raises ConfigError.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL()
    if parsed.scheme not in ("http", "https") or not parsed.host:  # not said: a password may stand in it
        raise ConfigError("engine.url or --engine-url is no address, such as http://127.0.0.1:9200")
    own = authorization(f"basic:{parsed.username}:{parsed.password}") if parsed.userinfo else ""
    return str(parsed.copy_with(userinfo=b"")).rstrip("/"), own


def open_documents(data: Path | None, found: Opened, say: Callable[[str], None] = print) -> Collection:
    """Return the folder's collection, a dev part set apart where it has none, or the index's documents."""
    if data:
        return split_dev(read_collection(data))
    engine = found.engine
    say(f"{engine.index}: documents are read from {', '.join(found.fields)}")
    documents = read_index(engine.url, engine.index, found.fields, access=engine.access)
    if len(documents) == MOST:
        say(f"{engine.index}: only its first {MOST} documents are read, and learnt from")
    return Collection(documents, {}, {}, {})


def open_guard(source: str, device: str, told: Embedder) -> negatives.Teacher | None:
    """Return what scores pairs from 0 to 1; None without a source."""
    if not source:
        return None
    teacher = open_teacher(source, device, told)

    def score(pairs: Sequence[tuple[str, str]]) -> list[float]:
        found = teacher.score(pairs)
        return [1 / (1 + math.exp(-value)) for value in found] if teacher.logits else found

    return score


def read_negatives(source: str, ranks: str, count: int, guard: float) -> Negatives:
    """Return the settings of hard negatives; `ranks` is FIRST:LAST. Raises ConfigError."""
    first, _, last = ranks.partition(":")
    if not (first.isdigit() and last.isdigit()):
        raise ConfigError(f"--ranks {ranks}: the first and the last rank, such as 5:60")
    found = Negatives(source, int(first), int(last), count, guard)
    found.check()
    return found


@contextmanager
def shown_progress() -> Iterator[tuple[Callable[[str], None], Callable[[int, int, float], None]]]:
    """Show a bar on the terminal, and no other library's; give what prints a line above it and what moves it."""
    from transformers.utils import logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("pairs", total=None)

        def move(done: int, total: int, loss: float) -> None:
            bar.update(task, completed=done, total=total, description=f"pairs, loss {loss:.3f}")

        yield partial(bar.console.print, markup=False, soft_wrap=True), move
