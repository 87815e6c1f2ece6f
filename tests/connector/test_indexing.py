"""Every document of a file ends as indexed or as rejected with a reason, however the run is disturbed."""

import asyncio
import gzip
import time
from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest

from connector.engines.base import Item, Operation
from connector.engines.memory import MemoryEngine
from connector.engines.open import open_engine
from connector.errors import ConfigError, EngineError, EngineRefused, EngineUnreachable, RerankError
from connector.indexing import BATCH, Waiting, load
from connector.journal import Journal, Tally
from connector.records import Record, Rejected, look, read
from connector.settings import Engine as EngineSettings
from connector.types import Reason
from connector.vectors import Vectors, document_text
from mappings.loader import install


async def embed(texts: list[str]) -> Sequence[Sequence[float]]:
    """Refuses a batch that holds "poison", gives NaN for "nan"."""
    if any("poison" in text for text in texts):
        raise RerankError(Reason.MODEL, "the model fails")
    return [[float("nan") if "nan" in text else 1.0, float(len(text)), 0.0] for text in texts]


VECTORS = Vectors(embed, ["name", "features"])

BAD_LINES = b"""\
{"id": "a", "name": "good", "features": ["x", "y"], "price": 3}

{"id": "b", "name": "cut off
{"id": "c", "name": "wrong type", "price": "cheap"}
{"id": "d", "name": "nan"}
{"id": "e", "name": "own vector", "embedding": [0, 0, 1]}
{"id": "f", "name": "own bad vector", "embedding": [0, null, 1]}
{"id": "g", "name": "short vector", "embedding": [1]}
["no object"]
{"id": {"no": "id"}, "name": "h"}
{"id": "i", "name": "poison"}
{"id": "j", "name": "NaN in JSON", "embedding": [NaN, 0, 1]}
{"id": "k", "name": "not UTF-8 \xff"}
{"id": "l", "name": ""}
{"_id": 13, "name": "an id of the engine's name"}
{"name": "no id"}
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "products.jsonl"
    path.write_bytes(BAD_LINES)
    return path


@pytest.fixture
async def memory() -> MemoryEngine:
    engine = MemoryEngine()
    await install(engine, "shop", "products", dims=3, language="any")
    return engine


def started(tmp_path: Path, source: Path, index: str = "products", resume: bool = True) -> Journal:
    journal = Journal(tmp_path / "state", source, index)
    journal.start(resume)
    return journal


async def test_bad_documents_are_listed_and_the_rest_goes_on(
    memory: MemoryEngine, source: Path, tmp_path: Path
) -> None:
    journal = started(tmp_path, source)
    assert await load(memory, read(source), "products", journal, vectors=VECTORS) == Tally(15, 5, 10, bare=1)
    assert await memory.count("products") == 5
    said = {item.line: item.reason for item in journal.rejected(100)}
    expected = {
        3: "not JSON",
        4: "price",
        5: "holds nan",
        7: "holds None",
        8: "dimension",
        9: "not a JSON object",
        10: "holds no id",
        11: "cannot read it",
        12: "not JSON",
        13: "not JSON",
    }
    assert list(said) == list(expected)
    for line, reason in expected.items():
        assert reason in said[line]


async def test_on_a_real_engine_too(opensearch_url: str, unique_index: str, source: Path, tmp_path: Path) -> None:
    await check_engine(opensearch_url, unique_index, source, tmp_path)


async def test_on_the_other_engine_too(elasticsearch_url: str, unique_index: str, source: Path, tmp_path: Path) -> None:
    await check_engine(elasticsearch_url, unique_index, source, tmp_path)


async def check_engine(url: str, index: str, source: Path, tmp_path: Path) -> None:
    engine = await open_engine(EngineSettings(url=[url]))
    with source.open("ab") as file:
        file.write(orjson.dumps({"id": "x" * 600, "name": "an id that spoils the whole request"}))
    try:
        installed = await install(engine, "shop", index, dims=3, language="any")
        journal = started(tmp_path, source, installed.index)
        tally = await load(engine, read(source), installed.index, journal, vectors=VECTORS)
        assert await engine.count(index) == tally.indexed
        assert [item.line for item in journal.rejected(100)] == [3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 17]
        assert tally == Tally(16, 5, 11, bare=1)
        await engine.update_aliases([{"remove_index": {"index": installed.index}}])
    finally:
        await engine.close()


class Disturbed(MemoryEngine):
    """Takes what it is told to; else fails in the way of `faults`, one a call."""

    def __init__(self, *faults: Exception | Item) -> None:
        super().__init__()
        self.faults = list(faults)
        self.sizes: list[int] = []

    async def bulk(self, operations: Sequence[Operation]) -> list[Item]:
        self.sizes.append(len(operations))
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, Exception):
            raise fault
        if fault is None:
            return await super().bulk(operations)
        return [fault, *await super().bulk(operations[1:])]


async def numbered(tmp_path: Path, count: int, *faults: Exception | Item) -> tuple[Disturbed, Path]:
    engine = Disturbed(*faults)
    await install(engine, "documents", "numbers", language="any")
    path = tmp_path / "numbers.jsonl"
    path.write_bytes(b"".join(orjson.dumps({"title": f"number {n}"}) + b"\n" for n in range(count)))
    return engine, path


async def test_a_busy_engine_gets_what_it_refused_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.indexing.WAITS_S", (0.01, 0.01, 0.01))
    away, busy = EngineUnreachable("restarting"), EngineRefused("too many requests", 429)
    engine, path = await numbered(tmp_path, 10, Item("1", 429, "queue full"), away, busy)
    events: list[Tally | Waiting] = []
    tally = await load(engine, read(path), "numbers", started(tmp_path, path), watch=events.append)
    assert tally == Tally(10, 10, 0)
    assert engine.sizes == [10, 1, 1, 1]
    assert [event.why for event in events if isinstance(event, Waiting)] == ["queue full", str(away), str(busy)]
    assert await engine.count("numbers") == 10


async def test_an_engine_that_stays_away_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.indexing.WAITS_S", (0.01,))
    engine, path = await numbered(tmp_path, 10, *[EngineUnreachable("gone")] * 5)
    with pytest.raises(EngineError, match="gone"):
        await load(engine, read(path), "numbers", started(tmp_path, path))


async def test_a_missing_right_is_no_fault_of_the_documents(tmp_path: Path) -> None:
    engine, path = await numbered(tmp_path, 10, Item("1", 403, "security_exception: no permissions"))
    with pytest.raises(EngineRefused, match="no permissions"):
        await load(engine, read(path), "numbers", started(tmp_path, path))


async def test_an_ended_run_goes_on_where_it_was(tmp_path: Path) -> None:
    engine, path = await numbered(tmp_path, 3 * BATCH)
    path.write_bytes(b"no json\n" + path.read_bytes())
    engine.faults = [Item("0", 400, "first of its batch"), EngineRefused("ended", 500)]
    with pytest.raises(EngineRefused, match="ended"):
        await load(engine, read(path), "numbers", started(tmp_path, path))
    journal = started(tmp_path, path)
    assert journal.tally == Tally(BATCH, BATCH - 2, 2)
    journal.rejects.write_bytes(journal.rejects.read_bytes() + b'{"line": 999}\n')  # written, its position was not
    journal.start()
    assert await load(engine, read(path), "numbers", journal) == Tally(3 * BATCH + 1, 3 * BATCH - 1, 2)
    assert [item.line for item in journal.rejected(9)] == [1, 2]
    assert sum(engine.sizes) == 4 * BATCH - 2 + 2  # the second batch twice, none else
    assert started(tmp_path, path).tally == Tally(), "a finished run leaves no position"


async def test_a_changed_file_and_restart_begin_again(tmp_path: Path) -> None:
    engine, path = await numbered(tmp_path, 2 * BATCH)
    engine.faults = [Item("0", 400, "refused"), EngineRefused("ended", 500)]
    with pytest.raises(EngineRefused):
        await load(engine, read(path), "numbers", started(tmp_path, path))
    assert started(tmp_path, path, index="others").tally == Tally()
    assert started(tmp_path, path).tally.records == BATCH
    path.write_bytes(path.read_bytes() + b"{}\n")
    assert started(tmp_path, path).tally == Tally()


async def test_a_run_that_would_do_otherwise_begins_again(tmp_path: Path) -> None:
    engine, path = await numbered(tmp_path, 2 * BATCH)
    how = {"--id-field": None, "--text-fields": ["name"], "embedder": ["a"]}

    def begun(**other: object) -> Journal:
        journal = Journal(tmp_path / "state", path, "numbers", how | other)
        journal.start()
        return journal

    engine.faults = [Item("0", 400, "refused"), EngineRefused("ended", 500)]
    with pytest.raises(EngineRefused):
        await load(engine, read(path), "numbers", begun())
    assert (begun().tally.records, begun().changed) == (BATCH, [])
    again = begun(**{"--id-field": "sku", "embedder": ["b"]})
    assert (again.tally, again.changed) == (Tally(), ["--id-field", "embedder"])


async def test_a_run_of_a_version_that_noted_less_goes_on(tmp_path: Path) -> None:
    engine, path = await numbered(tmp_path, 2 * BATCH)
    engine.faults = [Item("0", 400, "refused"), EngineRefused("ended", 500)]
    with pytest.raises(EngineRefused):
        await load(engine, read(path), "numbers", started(tmp_path, path))
    (position,) = (tmp_path / "state").glob("*[0-9a-f].json")
    known = orjson.loads(position.read_bytes())
    position.write_bytes(orjson.dumps({name: known[name] for name in ("stamp", "tally", "bytes")}))
    journal = Journal(tmp_path / "state", path, "products", {"--id-field": "sku"})
    assert journal.start().records == BATCH


async def test_ctrl_c_keeps_what_was_settled(tmp_path: Path) -> None:
    engine, path = await numbered(tmp_path, 4 * BATCH)
    settled = asyncio.Event()

    async def slow(texts: list[str]) -> Sequence[Sequence[float]]:
        if settled.is_set():
            await asyncio.sleep(60)
        return [[1.0]] * len(texts)

    task = asyncio.create_task(
        load(
            engine,
            read(path),
            "numbers",
            started(tmp_path, path),
            vectors=Vectors(slow, ["title"]),
            watch=lambda event: settled.set(),
        )
    )
    await settled.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(asyncio.all_tasks()) == 1
    assert started(tmp_path, path).tally.records in (BATCH, 2 * BATCH)


async def test_no_worker_ends_the_run(memory: MemoryEngine, source: Path, tmp_path: Path) -> None:
    async def nobody(texts: list[str]) -> Sequence[Sequence[float]]:
        raise RerankError(Reason.NO_WORKER)

    with pytest.raises(RerankError, match="no_worker"):
        await load(memory, read(source), "products", started(tmp_path, source), vectors=Vectors(nobody, ["name"]))


async def test_a_rate_is_kept(tmp_path: Path) -> None:
    engine, path = await numbered(tmp_path, 60)
    began = time.monotonic()
    await load(engine, read(path), "numbers", started(tmp_path, path), rate=20)
    assert 1.9 < time.monotonic() - began < 3.5
    assert engine.sizes == [20, 20, 20]


def test_csv(tmp_path: Path) -> None:
    path = tmp_path / "products.csv.gz"
    path.write_bytes(
        gzip.compress(
            b'\xef\xbb\xbfsku,name,price\r\n1,"a ""b"", c\nd",2.5\r\n\r\n2,,\r\n3,x\r\n,y,1\r\n5,\xff,1\r\n6,z,9\r\n'
        )
    )
    assert list(read(path, "sku")) == [
        Record(2, "1", {"sku": "1", "name": 'a "b", c\nd', "price": "2.5"}),
        Record(5, "2", {"sku": "2"}),
        Rejected(6, "", "2 cells under 3 names", ["3", "x"]),
        Rejected(7, "", "field 'sku' holds no id: None", {"name": "y", "price": "1"}),
        Rejected(8, "", "not UTF-8", ["5", "?", "1"]),
        Record(9, "6", {"sku": "6", "name": "z", "price": "9"}),
    ]
    assert [item.id for item in read(path) if isinstance(item, Record)] == ["2", "5", "7", "9"]


@pytest.mark.parametrize("sign", [";", "\t", "|"])
def test_another_delimiter_is_seen(tmp_path: Path, sign: str) -> None:
    path = tmp_path / "shop.csv"
    path.write_text("id;name\n1;a, b and c\n".replace(";", sign))
    assert list(read(path)) == [Record(2, "1", {"id": "1", "name": "a, b and c"})]


@pytest.mark.parametrize(
    ("name", "content", "document"),
    [
        ("a.tsv", "title|text\nlamp\n", {"title|text": "lamp"}),
        ("a.tsv", "title, subtitle\nlamp, red\n", {"title, subtitle": "lamp, red"}),
        ("a.csv", "name|alias\nlamp\n", {"name|alias": "lamp"}),
        ("a.csv", "name;alias\n\nlamp\n", {"name;alias": "lamp"}),
        ("a.csv", "id;title;text\n1;foo\n2;bar;baz\n", {"id": "2", "title": "bar", "text": "baz"}),
        ("a.csv", "id;price, EUR;text\n1;5,00;lamp\n", {"id": "1", "price, EUR": "5,00", "text": "lamp"}),
        ("a.csv", 'id;"a, b";text\n1;"x\n;y";lamp\n', {"id": "1", "a, b": "x\n;y", "text": "lamp"}),
    ],
)
def test_a_delimiter_is_what_the_next_row_has_too(
    tmp_path: Path, name: str, content: str, document: dict[str, str]
) -> None:
    (tmp_path / name).write_text(content)
    assert [item.source for item in read(tmp_path / name) if isinstance(item, Record)] == [document]


@pytest.mark.parametrize("document", [{"index": {"name": "DAX"}}, {"update": {"version": 2, "notes": "x"}}])
def test_a_document_may_have_a_field_called_index(tmp_path: Path, document: dict[str, object]) -> None:
    path = tmp_path / "funds.jsonl"
    path.write_bytes(orjson.dumps(document))
    assert [item.source for item in look(path)[0]] == [document]


FOLDER = b"a folder"


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.parquet", b"", "not a .jsonl"),
        ("a.jsonl", b'[\n{"id": 1}]', "a JSON array"),
        ("a.csv", b"a,a\n1,2\n", "each once"),
        ("a.csv", b"", "it is empty"),
        ("missing.csv", None, "cannot be read: No such file"),
        ("folder.jsonl", FOLDER, "cannot be read: Is a directory"),
        ("cut.jsonl.gz", gzip.compress(b'{"title": "t"}\n' * 99)[:-9], "cut.jsonl.gz: cannot be read: Compressed file"),
        ("plain.csv.gz", b"id,name\n1,x\n", "plain.csv.gz: cannot be read: Not a gzipped file"),
        ("spoilt.csv.gz", gzip.compress(b"id,name\n1,x\n")[:10] + b"\xff" * 20, "cannot be read: Error -3"),
        ("bulk.ndjson", b'{"index": {"_id": "1"}}\n{"title": "t"}\n', "line 1 is an action line"),
        ("bulk.ndjson", b'{"index": {"routing": "1"}}\n{"title": "t"}\n', "line 1 is an action line"),
        ("bulk.ndjson", b'{"create": {"_type": "_doc"}}\n{"title": "t"}\n', "line 1 is an action line"),
        ("bulk.ndjson", b'\n{"index": {}}\n{"title": "t"}\n', r"line 2 is .*gzip -cdf .*bulk\.ndjson \| awk"),
        ("b.jsonl", b'\n[\n{"id": 1}]', "a JSON array"),
    ],
)
def test_files_that_are_none_of_ours(tmp_path: Path, name: str, content: bytes | None, why: str) -> None:
    if content == FOLDER:
        (tmp_path / name).mkdir()
    elif content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=why):
        list(read(tmp_path / name))


def test_the_text_that_is_embedded() -> None:
    source = {"name": " Kettle ", "features": ["1 l", "steel"], "stock": 3, "parts": {"a": 1}, "none": None}
    assert document_text(source, ["name", "parts", "none", "features", "absent", "stock"]) == "Kettle. 1 l, steel. 3"
