"""An index of things in three colours on a real engine, with workers whose scores are made up, for whole commands."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import orjson
import pytest
from typer.testing import CliRunner, Result

from connector.cli.main import build
from tests.connector.stage import stub_worker
from tests.stub_worker import DIMS, vector

MODEL = "model-evaluate"
START_S = 120  # two workers on a busy machine
PATIENCE_S = 60  # with the engine there
WORDS = ("red", "blue", "green")
DOCUMENTS = {f"{word}-{n}": f"{word} thing number {n}" for word in WORDS for n in range(8)}
CONFIG = """
[redis]
url = "{cache}"
cache_key = "of the tests"

[broker]
url = "{broker}"

[engine]
url = ["{engine}"]

[[model]]
name = "{model}"
source = "stub"
languages = ["en"]

[[policy]]
name = "things"
indices = ["{index}"]
fields = ["name"]
model = "{model}"
vector_field = "embedding"
window = 8
"""


@dataclass(frozen=True, slots=True)
class Bench:
    """A folder with settings and judgments for an index of things in three colours."""

    folder: Path
    index: str

    def run(self, *arguments: str, judged: str = "judged.jsonl") -> Result:
        typed = [str(self.folder / judged), "--index", self.index, "--config", str(self.folder / "secondpass.toml")]
        return CliRunner().invoke(build("evaluate"), ["evaluate", *typed, *arguments])


def await_workers(one: Bench) -> None:
    """The command itself waits for 5 s."""
    limit = time.monotonic() + START_S
    while one.run("--system", "fused", "--system", "reranked", "--out", str(one.folder / "warm")).exit_code:
        assert time.monotonic() < limit, "the workers did not start"


FIELDS: dict[str, dict[str, object]] = {
    "opensearch": {"type": "knn_vector", "dimension": DIMS, "method": {"name": "hnsw", "engine": "lucene"}},
    "elasticsearch": {"type": "dense_vector", "dims": DIMS, "index": True, "similarity": "cosine"},
}
SETTINGS: dict[str, dict[str, object]] = {"opensearch": {"knn": True}, "elasticsearch": {}}


@contextmanager
def laid(dialect: str, engine: str, cache: str, broker: str, folder: Path) -> Iterator[Bench]:
    """The index on an engine, and beside it the settings and judgments."""
    index = f"test-evaluate-{folder.name}-{os.getpid()}"
    mappings = {"properties": {"name": {"type": "text"}, "embedding": FIELDS[dialect]}}
    body = {"settings": {"index": {"number_of_shards": 1, **SETTINGS[dialect]}}, "mappings": mappings}
    httpx.put(f"{engine}/{index}", json=body, timeout=PATIENCE_S).raise_for_status()
    lines = b"".join(
        orjson.dumps({"index": {"_id": key}}) + b"\n" + orjson.dumps({"name": name, "embedding": vector(name)}) + b"\n"
        for key, name in DOCUMENTS.items()
    )
    headers = {"content-type": "application/x-ndjson"}
    httpx.post(
        f"{engine}/{index}/_bulk?refresh=true", content=lines, headers=headers, timeout=PATIENCE_S
    ).raise_for_status()
    rows = [{"id": word, "query": f"{word} thing", "grades": {f"{word}-3": 2, f"{word}-5": 1}} for word in WORDS]
    (folder / "judged.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    (folder / "secondpass.toml").write_text(
        CONFIG.format(cache=cache, broker=broker, engine=engine, model=MODEL, index=index)
    )
    try:
        yield Bench(folder, index)
    finally:
        httpx.delete(f"{engine}/{index}", timeout=PATIENCE_S)


@pytest.fixture(scope="package")
def bench(
    opensearch_url: str, broker_url: str, valkey_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    with (
        laid("opensearch", opensearch_url, valkey_url, broker_url, tmp_path_factory.mktemp("evaluate")) as one,
        stub_worker(broker_url, broker_url, MODEL),
        stub_worker(broker_url, broker_url, "default", role="embed", fingerprint="e" * 32),
    ):
        await_workers(one)
        yield one


@pytest.fixture(scope="package")
def bench_on_elasticsearch(
    bench: Bench, elasticsearch_url: str, broker_url: str, valkey_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    """The same documents, settings and workers before the other engine."""
    folder = tmp_path_factory.mktemp("evaluate-elasticsearch")
    with laid("elasticsearch", elasticsearch_url, valkey_url, broker_url, folder) as one:
        yield one
