"""The command as it is typed, on a real engine; vectors are the business of tests/e2e."""

import os
import re
import resource
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import httpx
import orjson
import pytest
from typer.testing import CliRunner, Result

from connector.cli.main import build
from connector.cli.where import own_stack, settings_at
from connector.errors import ConfigError
from connector.journal import Journal
from connector.keys import state_folder
from connector.local.runs import note_addresses
from connector.records import FIRST
from connector.settings import Engine, Proxy, Settings, chosen_file


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SECONDPASS_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "state"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(build("index"), ["index", *arguments])


def test_a_file_becomes_an_index_and_is_loaded_again(opensearch_url: str, unique_index: str, tmp_path: Path) -> None:
    source = tmp_path / "articles.jsonl"
    good = [{"id": str(n), "title": f"Article {n}", "text": "words"} for n in range(3)]
    source.write_bytes(b"".join(orjson.dumps(d) + b"\n" for d in good) + b'{"id": "x", "updated": "never"}\n{broken\n')
    typed = (str(source), "--index", unique_index, "--language", "en", "--no-vectors", "--engine-url", opensearch_url)
    first = run(*typed)
    assert first.exit_code == 0, first.output
    said = " ".join(first.output.split())
    assert f"{unique_index} -> {unique_index}-000001: 3 indexed, 2 rejected" in said
    assert "line 4 x: mapper_parsing_exception" in said
    assert "line 5 : not JSON" in said
    (kept,) = (tmp_path / "state" / "index").iterdir()
    assert [orjson.loads(line)["line"] for line in kept.read_bytes().splitlines()] == [4, 5]
    again = " ".join(run(*typed).output.split())
    assert f"{unique_index}-000001: 3 indexed, 2 rejected" in again
    assert "3 documents there now" in again


def test_a_new_definition_is_loaded_beside_and_takes_over(
    opensearch_url: str, unique_index: str, tmp_path: Path
) -> None:
    source = tmp_path / "articles.csv"
    source.write_text("sku,title\n7,Seven\n8,Eight\n")
    typed = (str(source), "--index", unique_index, "--id-field", "sku", "--no-vectors", "--engine-url", opensearch_url)
    assert run(*typed, "--language", "en").exit_code == 0
    assert run(*typed, "--language", "any").exit_code == 0
    assert list(httpx.get(f"{opensearch_url}/{unique_index}/_mapping").json()) == [f"{unique_index}-000002"]
    assert httpx.get(f"{opensearch_url}/{unique_index}/_count").json()["count"] == 2
    assert httpx.get(f"{opensearch_url}/{unique_index}-000001/_count").json()["count"] == 2


def test_an_index_without_a_document_takes_over_nothing(opensearch_url: str, unique_index: str, tmp_path: Path) -> None:
    source = tmp_path / "articles.jsonl"
    typed = (str(source), "--index", unique_index, "--no-vectors", "--engine-url", opensearch_url)
    source.write_text('{"id": "1", "title": "One"}\n')
    assert run(*typed, "--language", "en").exit_code == 0
    source.write_text('{"id": "x", "updated": "never"}\n')
    found = run(*typed, "--language", "any")
    assert found.exit_code == 1
    assert f"{unique_index} still leads to the index of before" in " ".join(found.output.split())
    assert httpx.get(f"{opensearch_url}/{unique_index}/_count").json()["count"] == 1
    source.write_text('{"id": "2", "title": "Two"}\n{"id": "3", "title": "Three"}\n')
    assert run(*typed, "--language", "any").exit_code == 0
    assert httpx.get(f"{opensearch_url}/{unique_index}/_count").json()["count"] == 2


def test_a_file_without_one_good_document_is_a_failure(opensearch_url: str, unique_index: str, tmp_path: Path) -> None:
    source = tmp_path / "bad.jsonl"
    source.write_text("no\nno\n")
    found = run(str(source), "--index", unique_index, "--no-vectors", "--engine-url", opensearch_url)
    assert found.exit_code == 1
    assert "0 indexed, 2 rejected" in " ".join(found.output.split())


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--mapping", "cars"], "'cars' is none of: documents, shop"),
        (["--language", "klingon"], "'klingon' is none of"),
        ([], "no engine node can be reached"),
    ],
)
def test_what_cannot_work_says_why(arguments: list[str], why: str, tmp_path: Path) -> None:
    source = tmp_path / "one.jsonl"
    source.write_text("{}\n")
    found = run(str(source), "--index", "x", "--engine-url", "http://127.0.0.1:9", "--no-vectors", *arguments)
    assert why in str(found.exception)


@pytest.mark.parametrize(
    ("name", "content", "arguments", "why"),
    [
        ("a.jsonl", None, [], "cannot be read: No such file"),
        ("a.txt", "x", [], "not a .jsonl"),
        ("a.jsonl", '[{"title": "t"}]', [], "a JSON array"),
        ("a.csv", "id,title\n", [], "holds no document"),
        ("a.jsonl", "", [], "holds no document"),
        (
            "a.csv",
            "id,name,brand\n1,lamp,Acme\n",
            [],
            "text in title, text, which are embedded; they have name, brand. ",
        ),
        (
            "a.csv",
            "id,name,brand\n1,lamp,Acme\n",
            [],
            "Give --mapping shop, --text-fields with some of these, or --no-v",
        ),
        ("a.csv", "id,title\n1,lamp\n", ["--text-fields", "nosuch"], "text in nosuch, .* Give --text-fields with some"),
        ("a.csv", "id,name\n1,lamp\n", ["--text-fields", "nosuch"], "text in nosuch, .* Give --text-fields with some"),
        ("a.jsonl", '{"id": 1, "price": 2}', [], "they have no text at all. Give --no-vectors"),
    ],
)
def test_a_file_is_looked_at_before_an_index_is_made(
    opensearch_url: str,
    unique_index: str,
    tmp_path: Path,
    name: str,
    content: str | None,
    arguments: list[str],
    why: str,
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    found = run(str(tmp_path / name), "--index", unique_index, "--engine-url", opensearch_url, *arguments)
    assert isinstance(found.exception, ConfigError)
    assert re.search(why, str(found.exception))
    assert httpx.get(f"{opensearch_url}/{unique_index}").status_code == 404


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    class Embedder:
        dims = 3
        live = SimpleNamespace(live=lambda role, model: [])

        async def documents(self, texts: list[str], timeout_s: float) -> list[list[float]]:
            return [[1.0, 0.0, 0.0] for _ in texts]

    monkeypatch.setattr("connector.cli.index._embedder", lambda settings: nullcontext(Embedder()))


@pytest.mark.usefixtures("embedded")
def test_documents_without_a_vector_are_counted(opensearch_url: str, unique_index: str, tmp_path: Path) -> None:
    source = tmp_path / "some.jsonl"
    source.write_text('{"title": "a text"}\n{"name": "b"}\n{"name": "c"}\n{"name": "d", "updated": "never"}\n')
    said = " ".join(run(str(source), "--index", unique_index, "--engine-url", opensearch_url).output.split())
    assert "3 indexed, 1 rejected" in said
    assert "2 of them have no vector, because there is no text in title, text" in said
    assert "--text-fields" in said


@pytest.mark.usefixtures("embedded")
def test_other_options_begin_again_and_say_so(opensearch_url: str, unique_index: str, tmp_path: Path) -> None:
    source = tmp_path / "two.jsonl"
    source.write_text('{"id": "a", "sku": "x", "title": "a text"}\n{"id": "b", "sku": "y", "title": "a text"}\n')
    typed = (str(source), "--index", unique_index, "--engine-url", opensearch_url)
    how = {"--id-field": None, "--text-fields": ["title", "text"], "embedder": []}
    ended = Journal(state_folder() / "index", source, f"{unique_index}-000001", how)
    ended.start()
    ended.note(1, [])
    said = " ".join(run(*typed, "--id-field", "sku").output.split())
    assert "Beginning again: the run that ended here had another --id-field." in said
    assert "2 indexed, 0 rejected" in said


@pytest.mark.usefixtures("embedded")
def test_documents_without_a_text_first_are_no_reason_to_refuse(
    opensearch_url: str, unique_index: str, tmp_path: Path
) -> None:
    source = tmp_path / "many.jsonl"
    source.write_text('{"name": "b"}\n' * FIRST + '{"title": "a text"}\n' * 20 * FIRST)
    found = run(str(source), "--index", unique_index, "--engine-url", opensearch_url)
    said = " ".join(found.output.split())
    assert f"none of the first {FIRST} documents has text in title, text" in said
    assert f"{21 * FIRST} indexed, 0 rejected" in said
    assert f"{FIRST} of them have no vector, because there is no text in title, text." in said


def test_no_worker_says_what_to_do(
    opensearch_url: str, unique_index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.cli.index.WORKER_WAIT_BEATS", 0)
    source = tmp_path / "one.jsonl"
    source.write_text('{"title": "a text"}\n')
    nowhere = "redis://127.0.0.1:9/0"
    typed = ("--engine-url", opensearch_url, "--redis-url", nowhere, "--broker-url", nowhere)
    found = run(str(source), "--index", unique_index, *typed)
    assert "secondpass worker --role embed" in str(found.exception)


def test_addresses_of_a_running_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.local.runs.engine_folder", lambda _: tmp_path)
    away = Settings(engine=Engine(url=["http://shop:9200"]), proxy=Proxy(port=9400))
    for pid, port in ((os.getpid(), 9500), (2**22 + 1, 9400)):  # the second has ended
        run = tmp_path / "runs" / f"up-{pid}"
        run.mkdir(parents=True)
        note_addresses(run, away.model_copy(update={"proxy": Proxy(port=port)}))
    assert settings_at(None, 9500).engine.url == ["http://shop:9200"]
    assert settings_at(None, 9500, engine_url="http://other").engine.url == ["http://other"]
    found = settings_at(None, 9400, broker_url="amqp://elsewhere")
    assert (found.engine.url, found.redis.url) == (["http://127.0.0.1:9401"], "redis://127.0.0.1:9403/0")
    assert found.broker.url == "amqp://elsewhere"
    with pytest.raises(ConfigError, match="no such file"):
        settings_at(Path("nowhere.toml"))
    assert own_stack(["search", "kettle"]).endswith("add --port 9500\n")
    assert own_stack(["train", "--index", "shop"]).endswith("add --engine-url http://127.0.0.1:9500\n")
    assert own_stack(["search", "kettle", "--port=9500"]) == ""


def test_settings_of_a_running_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`doctor --port` speaks of the stack's own policies, and `--config` of the caller's."""
    monkeypatch.setattr("connector.local.runs.engine_folder", lambda _: tmp_path)
    policy = '[[policy]]\nname = "{}"\nindices = ["products"]\nfields = ["title"]\nmodel = "products-en"\n'
    files = {name: tmp_path / f"{name}.toml" for name in ("stack", "mine")}
    for name, file in files.items():
        file.write_text(policy.format(name))
    run = tmp_path / "runs" / f"demo-{os.getpid()}"
    run.mkdir(parents=True)
    note_addresses(run, Settings(proxy=Proxy(port=9600)), files["stack"])
    assert [one.name for one in settings_at(None, 9600).policy] == ["stack"]
    assert [one.name for one in settings_at(files["mine"], 9600).policy] == ["mine"]


def test_the_file_that_lies_where_a_stack_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the stack's, told or not: so `--port` reads it from any other folder, too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SECONDPASS_CONFIG", raising=False)
    assert chosen_file() is None
    (tmp_path / "secondpass.toml").write_text("")
    assert chosen_file() == Path("secondpass.toml")
    (tmp_path / "other.toml").write_text("")
    assert chosen_file("other.toml") == Path("other.toml")
    monkeypatch.setenv("SECONDPASS_CONFIG", str(tmp_path / "other.toml"))
    assert chosen_file() == tmp_path / "other.toml"


def test_a_full_disk_says_so_and_the_next_run_counts_every_document_once(
    opensearch_url: str, unique_index: str, tmp_path: Path
) -> None:
    source = tmp_path / "many.jsonl"
    rows = [{"id": f"d{number}", "name": "kettle", "price": "cheap" if number % 2 else 3} for number in range(1200)]
    source.write_bytes(b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows))
    typed = [str(source), "--index", unique_index, "--mapping", "shop", "--no-vectors", "--engine-url", opensearch_url]

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))  # the list of rejected is longer

    command = [sys.executable, "-m", "connector.cli.main", "index", *typed]
    ended = subprocess.run(command, preexec_fn=full, capture_output=True, text=True, timeout=120)
    assert (ended.returncode, "Traceback" in ended.stderr) == (1, False), ended.stderr
    assert "make room and run the same again" in ended.stderr
    found = run(*typed)
    said = " ".join(found.output.split())
    assert "Going on after document" in said
    assert "600 indexed, 600 rejected" in said
    assert "600 documents there now" in said
