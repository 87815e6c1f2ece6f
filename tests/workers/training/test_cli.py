import json
import re
import subprocess
import sys
import threading
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import typer
from sentence_transformers import CrossEncoder
from typer.testing import CliRunner

from connector.errors import ConfigError
from tests.workers.training.shelf import shop
from workers.training.cli import train

app = typer.Typer()
app.command()(train)


class AnyEngine(BaseHTTPRequestHandler):
    """Finds every product for every search and stores no vector."""

    def do_GET(self):
        self.answer({"fields": {name: {"text": {}} for name in ("title", "brand", "color", "text")}})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        hits = [{"_id": key, "_score": 20.0 - rank} for rank, key in enumerate(shop().documents)]
        if "_mget" in self.path:
            answer = {"docs": [{"_id": key} for key in json.loads(body)["ids"]]}
        else:
            answer = {"responses": [{"hits": {"hits": hits}}] * (len(body.splitlines()) // 2)}
        self.answer(answer)

    def answer(self, answer):
        payload = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_):
        pass


@pytest.fixture
def url():
    server = ThreadingHTTPServer(("127.0.0.1", 0), AnyEngine)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def data(tmp_path):
    collection = shop()
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in collection.documents.values()))
    rows = ({"id": key, "text": text} for key, text in collection.queries.items())
    (folder / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    grades = ((query, key, grade) for query, row in collection.grades.items() for key, grade in row.items())
    (folder / "qrels.tsv").write_text("".join(f"{query}\t{key}\t{grade}\n" for query, key, grade in grades))
    (folder / "split.json").write_text(json.dumps(collection.split))
    return folder


def test_the_command_leaves_a_model_that_loads_and_a_card(url, data, tiny, tmp_path):
    out = tmp_path / "run"
    words = ["--data", str(data), "--engine-url", url, "--index", "shop", "--out", str(out), "--start", str(tiny)]
    done = CliRunner().invoke(app, [*words, "--made", "5", "--seed", "2"], catch_exceptions=False)
    assert done.exit_code == 0
    assert done.stdout.strip().endswith(str(out / "model"))
    assert 0 < CrossEncoder(str(out / "model"), device="cpu").predict([("red kettle", "Acme red kettle")])[0] < 1
    card = (out / "model" / "README.md").read_text()
    assert "dev reranked: nDCG@10" in card
    assert "--seed 2" in card
    told = json.loads((out / "run.json").read_text())
    assert told["fields"] == told["text_field"] == "title,brand,color,text"
    (out / "run.json").write_text(json.dumps(told | {"text_field": "title"}))  # as another version's default was
    done = CliRunner().invoke(app, [*words, "--made", "5", "--seed", "2"], catch_exceptions=False)
    assert done.exit_code == 0
    assert json.loads((out / "run.json").read_text())["text_field"] == "title"


def test_a_folder_of_runs_goes_on_with_the_same_data_alone(url, data, small, tmp_path):
    """In another order they are the same; with more grades its dev would hold queries that it has learnt from."""
    grades, words = tmp_path / "grades.jsonl", ["--data", data, "--engine-url", url, "--index", "shop"]
    words += ["--grades", grades, "--embedder", "none", "--start", small, "--max-tokens", 16, "--out", tmp_path / "m"]

    def train(lines: list[str]) -> int:
        grades.write_text("".join(lines))
        return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False).exit_code

    rows = [
        {"id": str(n), "query": f"red kettle {n}", "grades": {"kettle red": 3, "rain jacket red": 0}} for n in range(30)
    ]
    lines = [json.dumps(row) + "\n" for row in rows]
    assert train(lines[:20]) == 0
    assert train(lines[19::-1]) == 0
    with pytest.raises(ConfigError, match="other data"):
        train(lines)
    corpus = data / "corpus.jsonl"
    corpus.write_text(corpus.read_text().replace("every day", "Sundays"))
    with pytest.raises(ConfigError, match="other data"):
        train(lines[:20])


def test_labels_of_a_finished_run_are_not_exchanged(small, tmp_path):
    pairs, out = tmp_path / "pairs.jsonl", tmp_path / "m"
    rows = [{"query": f"lamp {n}", "document": "red", "label": str(n % 2)} for n in range(20)]
    words = ["--labels", pairs, "--start", small, "--max-tokens", 16, "--out", out]
    for count, refused in ((10, False), (10, False), (20, True)):
        pairs.write_text("".join(json.dumps(row) + "\n" for row in rows[:count]))
        with pytest.raises(ConfigError, match="other data") if refused else nullcontext():
            CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def test_help_shows_examples():
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200", "NO_COLOR": "1"}).stdout
    shown = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert "Examples" in shown
    assert "secondpass train --data shop --index products --out models/shop" in shown


def test_the_command_is_listed_without_loading_a_model_library():
    code = "import sys, workers.training.cli; print([m for m in ('torch', 'transformers') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
