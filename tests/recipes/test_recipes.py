"""Every recipe of docs/recipes runs on both engines: settings load, commands index and search, the answer looks so.

The models that they name are not here: the bundled one reads in their place, and a tiny one with the right labels and
random weights tells entailment.
"""

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from connector.settings import parse
from tests.e2e.long_documents import filling
from tests.e2e.serving import before, working
from tests.workers.shapes import make

RECIPES = Path(__file__).parents[2] / "docs" / "recipes"
NAMES = ("papers", "duplicates-and-nli", "passages-for-rag")
INDICES = ("papers", "claims", "handbook")
LABELS = ("contradiction", "entailment", "neutral")
FILLING = " ".join(filling(12))  # stands for each "..." of a document: 180 tokens


def blocks(name: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", (RECIPES / f"{name}.md").read_text(), re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Kitchen:
    """Where the recipes are tried out."""

    url: str
    engine: str
    folder: Path

    def cook(self, name: str) -> Any:
        """Write the documents, run the command that indexes them and the one that searches; its answer."""
        index, search = blocks(name, "sh")
        file = re.findall(r"index (\S+\.jsonl)", index)[0]
        (lines,) = blocks(name, "json lines")
        (self.folder / file).write_text(lines.replace("...", FILLING))
        program = f"{sys.executable} -m connector.cli.main"
        command = index.strip().replace("secondpass", program, 1) + f" --engine-url {self.engine}"
        self.run(command)
        httpx.post(f"{self.engine}/_refresh", timeout=60)
        return json.loads(self.run(search.replace("http://127.0.0.1:9280", self.url)))

    def run(self, command: str) -> str:
        environment = os.environ | {"SECONDPASS_STATE": str(self.folder), "PYTHONPATH": str(RECIPES.parents[1])}
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=environment, capture_output=True, text=True, timeout=170
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def nli(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model with the three labels of inference."""
    folder = make("bert", tmp_path_factory.mktemp("nli"), labels=3)
    config = json.loads((folder / "config.json").read_text())
    config["id2label"] = dict(enumerate(LABELS))
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@dataclass(frozen=True, slots=True)
class Larder:
    """All recipes' models and policies at once; a worker of each model lives."""

    models: list[dict[str, Any]]
    policies: list[dict[str, Any]]


@pytest.fixture(scope="module")
def larder(valkey_url: str, broker_url: str, nli: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Larder]:
    here = {"BAAI/bge-reranker-base": "bundled:products-en", "cross-encoder/nli-deberta-v3-small": str(nli)}
    models: dict[str, dict[str, Any]] = {}
    policies: list[dict[str, Any]] = []
    for name in NAMES:
        (text,) = blocks(name, "toml")
        said = tomllib.loads(text)
        parse(said, text)
        for model in said["model"]:
            measured = {"source": here[model["source"]], "runtime": "openvino", "precision": "fp32"}
            models[model["name"]] = model | measured
        policies += [policy | {"budget_ms": 150_000} for policy in said["policy"]]
    with working(tmp_path_factory.mktemp("larder"), valkey_url, broker_url, list(models.values())):
        yield Larder(list(models.values()), policies)


@pytest.fixture(scope="module", params=["opensearch", "elasticsearch"])
def kitchen(
    request: pytest.FixtureRequest,
    larder: Larder,
    valkey_url: str,
    broker_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Kitchen]:
    engine = request.getfixturevalue(f"{request.param}_url")
    clean(engine)
    with before(engine, valkey_url, broker_url, larder.models, larder.policies) as url:
        yield Kitchen(url, engine, tmp_path_factory.mktemp("recipes"))
    clean(engine)


def clean(engine: str) -> None:
    for name in INDICES:
        httpx.delete(f"{engine}/{name}-000001?ignore_unavailable=true", timeout=60)


def test_papers_come_back_with_their_own_ids(kitchen: Kitchen) -> None:
    hits = kitchen.cook("papers")["hits"]["hits"]
    assert {hit["_id"] for hit in hits} == {"10.1000/alp.17", "10.1000/alp.18", "10.1000/bio.4/a", "10.1000/bio.9"}
    assert hits[0].keys() == json.loads(blocks("papers", "json")[0])["hits"]["hits"][0].keys()
    assert all(1 <= hit["_score"] <= 2 for hit in hits)
    assert set(hits[0]["_source"]) == {"title"}


def test_the_label_that_ranks_is_the_models_share_of_it(kitchen: Kitchen, nli: Path) -> None:
    hits = kitchen.cook("duplicates-and-nli")["hits"]["hits"]
    shown = json.loads(blocks("duplicates-and-nli", "json")[0])
    assert hits[0]["_secondpass"].keys() == shown["_secondpass"].keys()
    (lines,) = blocks("duplicates-and-nli", "json lines")
    texts = {one["id"]: one["text"] for one in map(json.loads, lines.splitlines())}
    query = re.findall(r'"match": {"text": "(.*?)"}', blocks("duplicates-and-nli", "sh")[1])[0]
    expected = shares(nli, [(query, texts[hit["_id"]]) for hit in hits])
    assert len(hits) == 3
    assert [hit["_secondpass"]["score"] for hit in hits] == pytest.approx(expected, abs=1e-4)
    assert [hit["_score"] - 1 for hit in hits] == pytest.approx(expected, abs=1e-4)
    assert expected == sorted(expected, reverse=True)


def shares(folder: Path, pairs: list[tuple[str, str]]) -> list[float]:
    """The softmax of `entailment`, by transformers."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        logits = model(**tokenizer(pairs, padding=True, truncation=True, max_length=48, return_tensors="pt")).logits
    found: list[float] = torch.softmax(logits, dim=1)[:, LABELS.index("entailment")].tolist()
    return found


def test_the_answering_passage_comes_alone(kitchen: Kitchen) -> None:
    best = kitchen.cook("passages-for-rag")["hits"]["hits"][0]
    shown = json.loads(blocks("passages-for-rag", "json")[0])
    (inner,) = best["inner_hits"]["_secondpass"]["hits"]["hits"]
    (example,) = shown["inner_hits"]["_secondpass"]["hits"]["hits"]
    assert (best["_id"], inner.keys(), inner["_source"].keys()) == (
        shown["_id"],
        example.keys(),
        example["_source"].keys(),
    )
    assert "Taxis are paid for after ten in the evening." in inner["_source"]["text"]
    assert len(inner["_source"]["text"]) < 800
    assert "_source" not in best
