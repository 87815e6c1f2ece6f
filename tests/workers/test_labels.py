"""A model of several labels: the one that ranks must be named, and rightly; then its share is the score."""

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from connector.errors import ConfigError
from connector.settings import Model
from tests.workers.shapes import SENTENCES, make
from workers import Reranker
from workers.clock import Clock
from workers.replies import connect
from workers.worker import score_duty

LABELS = ("contradiction", "entailment", "neutral")


@pytest.fixture(scope="module", params=["bert", "roberta"])
def nli(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make(request.param, tmp_path_factory.mktemp(request.param), labels=3)
    config = json.loads((folder / "config.json").read_text())
    config["id2label"] = dict(enumerate(LABELS))
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize("label", ["", "entails", "LABEL_1"])
def test_a_worker_without_a_right_label_lists_them(nli: Path, label: str, valkey_url: str) -> None:
    model = Model(name="nli", source=str(nli), label=label, runtime="openvino", precision="fp32")
    with pytest.raises(ConfigError, match="contradiction, entailment, neutral"):
        score_duty(model, connect(valkey_url), Clock())


def test_a_label_that_a_model_of_one_does_not_have_is_refused_too(tiny: dict[str, Path]) -> None:
    with pytest.raises(ConfigError, match="the model has LABEL_0"):
        Reranker(str(tiny["bert"]), label="relevant", runtime="openvino", precision="fp32")


def test_rank_orders_by_the_labels_share(nli: Path) -> None:
    reranker = Reranker(str(nli), label="entailment", activation="softmax", runtime="openvino", precision="fp32")
    tokenizer = AutoTokenizer.from_pretrained(nli)
    pairs = [("rain jacket", sentence) for sentence in SENTENCES]
    with torch.inference_mode():
        given = tokenizer(pairs, padding=True, truncation=True, max_length=48, return_tensors="pt")
        logits = AutoModelForSequenceClassification.from_pretrained(nli).eval()(**given).logits
    shares = torch.softmax(logits, dim=1)[:, 1]
    ranked = reranker.rank("rain jacket", SENTENCES)
    assert [one["corpus_id"] for one in ranked] == torch.argsort(-shares).tolist()
    assert [one["score"] for one in ranked] == pytest.approx(sorted(shares.tolist(), reverse=True), abs=1e-4)
    assert "share of the label" in reranker.scale
