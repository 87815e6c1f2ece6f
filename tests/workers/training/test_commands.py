"""`secondpass train` on what users have, through a real index of twenty documents and a tiny model."""

import json
import os
from pathlib import Path

import pytest
import typer
from sentence_transformers import CrossEncoder
from typer.testing import CliRunner

from connector.errors import ConfigError
from mappings.render import render
from tests.workers.training.index import drop, fill
from tests.workers.training.shelf import COLORS, KINDS, shop
from workers import Reranker
from workers.manifest import differences, longest_query, read_manifest
from workers.probability.record import read_folder
from workers.training.cli import train
from workers.training.data import document_text
from workers.training.encoder import load, scores
from workers.training.engine import call
from workers.training.open import shown_progress

INDEX = f"test-train-{os.getpid()}"
READ = ["--fields", "title,brand,color,text"]

app = typer.Typer()
app.command()(train)


@pytest.fixture(scope="module")
def engine(opensearch_url) -> list[str]:
    fill(opensearch_url, INDEX, shop())
    yield ["--engine-url", opensearch_url, "--index", INDEX, "--embedder", "none", *READ]
    drop(opensearch_url, INDEX)


@pytest.fixture
def graded(tmp_path) -> Path:
    """Ten queries: each thing, and each colour; the documents that are it have grade 1, two that are not have 0."""
    lines = []
    for wanted in (*KINDS, *COLORS, "acme"):
        right = [key for key in shop().documents if wanted in key]
        wrong = [key for key in shop().documents if wanted not in key][:2]
        lines += [{"query": wanted, "document": key, "grade": 1} for key in right]
        lines += [{"query": wanted, "document": key, "grade": 0} for key in wrong]
    path = tmp_path / "judgments.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def run(*words: object) -> str:
    """Run the command and return the folder that it prints."""
    done = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def test_grades_and_hard_negatives_of_a_live_index_several_seeds(engine, graded, small, tmp_path):
    how = ["--loss", "lambda", "--epochs", 3, "--rate", 2e-3, "--seed", 1, "--seed", 2, "--evaluations", 2]
    mined = ["--negatives", "bm25", "--ranks", "2:12", "--per-query", 4, "--max-tokens", 24]
    folder = run("--grades", graded, *engine, "--start", small, "--out", tmp_path / "m", *how, *mined)
    card = Path(folder, "README.md").read_text()
    assert "dev reranked: nDCG@10" in card
    assert "95 % interval" in card
    assert "standard deviation" in card
    assert "ranks 2 to 12 of the bm25 list" in card
    assert "--seed 1 --seed 2" in card
    assert "--patience" not in card  # what was not said
    assert longest_query(Path(folder)) == 20
    assert "Queries of up to 20 characters" in card
    assert read_folder(Path(folder)) is None  # two dev queries cannot carry a calibration
    assert "probability, fitted" not in card
    assert 0 < CrossEncoder(folder, device="cpu").predict([("kettle", "Acme red kettle")])[0] < 1
    assert {path.name for path in (tmp_path / "m" / "seed2").iterdir()} == {"examples.jsonl", "final", "dev.json"}


def test_dev_grades_give_probabilities(engine, graded, small, tmp_path):
    """Dev is graded as the starting model would, and next to nothing is learnt: the fit must find a rising line."""
    asked = [(f"{color} something", key) for color in COLORS for key in shop().documents]
    texts = [document_text(shop().documents[key]) for _, key in asked]
    logits = scores(*load(small, 1), [(query, text) for (query, _), text in zip(asked, texts, strict=True)], 24)
    middle = sorted(logits)[len(logits) // 2]
    rows = [
        {"query": query, "document": key, "grade": int(logit > middle)}
        for (query, key), logit in zip(asked, logits, strict=True)
    ]
    dev = tmp_path / "dev.jsonl"
    dev.write_text("".join(json.dumps(row) + "\n" for row in rows))
    how = ["--rate", 1e-9, "--evaluations", 0, "--max-tokens", 24, "--per-query", 0]
    folder = Path(run("--grades", graded, "--dev", dev, *engine, "--start", small, "--out", tmp_path / "m", *how))
    card = (folder / "README.md").read_text()
    assert "probability, fitted by platt on the dev queries: 5 queries" in card
    assert "- brier" in card
    assert read_folder(folder) is not None
    assert differences(folder) == []
    said = read_manifest(folder)["calibration"]
    assert said["relevant"] == 1
    assert said["thresholds"][0]["wanted"] == "F1"
    found = Reranker(str(folder), runtime="torch", precision="fp32").probabilities([("kettle", "Acme red kettle")])
    assert 0 < found[0] < 1


def test_an_index_of_ours_is_searched_without_naming_its_fields(opensearch_url, graded, small, tmp_path):
    """Made as `secondpass index --mapping shop` makes it: `name`, `brand` and `description`, and no `text_all`."""
    index = f"{INDEX}-shop"
    call(f"{opensearch_url}/{index}", json.dumps(render("shop", "opensearch", language="en")).encode(), "PUT")
    lines = []
    for key, row in shop().documents.items():
        names = {"name": row["title"], "brand": row["brand"], "description": row["text"]}
        lines += [json.dumps({"index": {"_id": key}}), json.dumps(names)]
    body = ("\n".join(lines) + "\n").encode()
    call(f"{opensearch_url}/{index}/_bulk?refresh=true", body, kind="application/x-ndjson")
    where = ["--engine-url", opensearch_url, "--index", index, "--embedder", "none"]
    how = ["--grades", graded, "--negatives", "bm25", "--per-query", 4, "--max-tokens", 24, "--start", small]
    try:
        run(*how, *where, "--out", tmp_path / "m")
        rows = [json.loads(line) for line in (tmp_path / "m" / "seed1" / "examples.jsonl").read_text().splitlines()]
        grades = sum(
            1 for line in graded.read_text().splitlines() if json.loads(line)["query"] in {r["query"] for r in rows}
        )
        assert len(rows) > grades  # hard negatives, too
        with pytest.raises(ConfigError, match=r"--text-field text_all: .* has no such field; its texts are in name, "):
            run(*how, *where, "--out", tmp_path / "n", "--text-field", "text_all")
    finally:
        drop(opensearch_url, index)


def test_clicks_become_labels(engine, small, tmp_path):
    ubi = tmp_path / "ubi"
    ubi.mkdir()
    queries, events = [], []
    for search in range(4):
        queries.append({"query_id": f"s{search}", "user_query": "Red  Kettle"})
        for place, key in enumerate(("kettle blue", "kettle red", "rain jacket red")):
            where = {"object": {"object_id": key}, "position": {"ordinal": place}}
            events.append({"query_id": f"s{search}", "action_name": "impression", "event_attributes": where})
        clicked = {"object": {"object_id": "kettle red"}}
        events.append({"query_id": f"s{search}", "action_name": "click", "event_attributes": clicked})
    (ubi / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in queries))
    (ubi / "events.jsonl").write_text("".join(json.dumps(row) + "\n" for row in events))
    told = ["--clicks", ubi, "--loss", "listwise", "--start", small, "--per-query", 2]
    folder = run(*told, *engine, "--out", tmp_path / "m", "--teacher", small, "--guard", 1.0)
    examples = [json.loads(line) for line in (tmp_path / "m" / "seed1" / "examples.jsonl").read_text().splitlines()]
    labels = {row["document"].split(" model")[0]: row["label"] for row in examples}
    shown = {"Acme red kettle", "Acme blue kettle", "Acme red rain jacket"}
    # Each stood at a place of its own, which nobody else did better at: all are average, and none is more.
    assert {text: label for text, label in labels.items() if label} == dict.fromkeys(shown, 0.5)
    assert len(labels) > 3  # hard negatives
    assert "1 queries with 3 clicks" in Path(folder, "README.md").read_text()


def test_a_catalogue_in_an_index_is_enough(engine, small, tmp_path):
    told = ["--made", 6, "--start", small, "--loss", "ranknet", "--max-tokens", 24]
    folder = run(*told, *engine, "--fields", "title,text", "--out", tmp_path / "m", "--max-query-chars", 35)
    assert longest_query(Path(folder)) == 35
    assert "20 documents, 6 queries made from them, and 0 graded queries" in Path(folder, "README.md").read_text()


def test_labels_are_told_apart_and_keep_their_names(small, tmp_path):
    rows = [
        {
            "query": f"{thing}",
            "document": f"{color} {thing}",
            "label": {"red": "hot", "blue": "cold"}.get(color, "mild"),
        }
        for thing in ("kettle", "jacket", "hose", "lamp")
        for color in ("red", "blue", "green", "black")
    ]
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows * 6))
    held = tmp_path / "dev.jsonl"
    held.write_text("".join(json.dumps(row) + "\n" for row in rows))
    how = ["--epochs", 6, "--rate", 5e-3, "--max-tokens", 16, "--start", small]
    folder = run("--labels", pairs, "--dev", held, "--out", tmp_path / "m", *how)
    config = json.loads(Path(folder, "config.json").read_text())
    assert config["id2label"] == {"0": "cold", "1": "hot", "2": "mild"}
    card = Path(folder, "README.md").read_text()
    assert "16 dev pairs: accuracy 1.0000 (95 % interval 1.0000 to 1.0000), macro-F1 1.0000 (95 %" in card
    assert "| hot | 0 | 4 | 0 | 1.000 |" in card
    assert "The dev pairs (16) chose when to stop and which seed to keep" in card
    ranked = Reranker(folder, label="hot", activation="softmax", runtime="torch", precision="fp32")
    assert ranked.rank("lamp", ["blue lamp", "red lamp"])[0]["corpus_id"] == 1
    assert CrossEncoder(folder, device="cpu").predict([("lamp", "red lamp")])[0].argmax() == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--grades", "g", "--clicks", "c"], "give one of them"),
        (["--data", "d"], "--index"),
        (["--index", "i", "--ranks", "9", "--grades", "tests"], "the first and the last rank"),
        (["--index", "i", "--loss", "hinge"], "margin-mse"),
        (["--index", "i", "--loss", "cross-entropy"], "--labels"),
        (["--labels", "absent.jsonl"], "no such file"),
        (["--labels", "l.jsonl", "--loss", "hinge"], "--loss: --labels are told apart by cross-entropy"),
        (["--labels", "l.jsonl", "--made", "9"], "--made: training on --labels"),
        (["--index", "i", "--teacher", "t", "--guard", "0.9"], "--teacher, --guard: a catalogue's recipe"),
        (["--index", "i", "--patience", "2"], "--patience: .*runs to its end"),
        (["--index", "i", "--device", "cuda:99"], "torch sees . CUDA devices"),
        (["--grades", "g", "--made", "9"], "--made: queries are made"),
        (["--index", "i", "--in-batch", "2"], "belong to the contrastive loss"),
        (["--index", "i", "--precision", "fp8"], "fp32, bf16"),
        (["--labels", "l.jsonl", "--curriculum"], "no curriculum with cross-entropy"),
        (["--index", "i", "--grades", "g", "--negatives", "tfidf"], "bm25, knn, fused"),
        (["--index", "i", "--grades", "g", "--ranks", "9:5"], "ranks 9 to 5"),
    ],
)
def test_what_cannot_be_is_said_at_once(words, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        CliRunner().invoke(app, [*words, "--out", str(tmp_path), "--embedder", "none"], catch_exceptions=False)
    assert not list(tmp_path.iterdir())  # the folder is free for the right ones


def test_brackets_in_what_is_said_stay(capsys):
    """A path or an engine's error may hold what rich takes for markup."""
    with shown_progress() as (say, _):
        say("seed 1: found a finished model in /models/[v2]/[/old]")
    assert "/models/[v2]/[/old]" in capsys.readouterr().err
