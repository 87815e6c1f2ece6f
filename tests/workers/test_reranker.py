"""`Reranker` ranks and scores as sentence-transformers' CrossEncoder does."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import CrossEncoder

from connector.errors import ConfigError
from tests.workers.shapes import PAIRS, SENTENCES, make
from workers import Reranker
from workers.scorer import StubScorer, score

ACTIVATIONS = {"identity": torch.nn.Identity(), "sigmoid": torch.nn.Sigmoid()}


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("top_k", [None, 3])
def test_rank_is_that_of_sentence_transformers(activation: str, top_k: int | None, tiny: dict[str, Path]) -> None:
    theirs = CrossEncoder(str(tiny["bert"]), device="cpu", activation_fn=ACTIVATIONS[activation]).rank(
        "rain jacket", SENTENCES, top_k=top_k, return_documents=True, show_progress_bar=False
    )
    reranker = Reranker(str(tiny["bert"]), runtime="openvino", precision="fp32", activation=activation)
    ours = reranker.rank("rain jacket", SENTENCES, top_k=top_k, return_documents=True)
    assert [(one["corpus_id"], one["text"]) for one in ours] == [(one["corpus_id"], one["text"]) for one in theirs]
    assert [one["score"] for one in ours] == pytest.approx([one["score"] for one in theirs], abs=1e-4)


def test_without_an_activation_scores_are_logits_and_ranks_probabilities(tiny: dict[str, Path]) -> None:
    theirs = CrossEncoder(str(tiny["bert"]), device="cpu").rank("rain jacket", SENTENCES, show_progress_bar=False)
    reranker = Reranker(str(tiny["bert"]), runtime="openvino", precision="fp32")
    ours = reranker.rank("rain jacket", SENTENCES)
    assert [one["corpus_id"] for one in ours] == [one["corpus_id"] for one in theirs]
    assert [one["score"] for one in ours] == pytest.approx([one["score"] for one in theirs], abs=1e-4)
    logits = reranker.score([("rain jacket", sentence) for sentence in SENTENCES])
    assert [one["score"] for one in ours] == pytest.approx(sorted(1 / (1 + np.exp(-logits)), reverse=True), abs=1e-6)


@pytest.mark.parametrize("runtime", ["openvino", "torch"])
@pytest.mark.parametrize("kind", ["bert", "xlm-roberta"])
def test_several_labels(kind: str, runtime: str, tmp_path: Path) -> None:
    folder = str(make(kind, tmp_path / kind, labels=3))
    logits = CrossEncoder(folder, device="cpu", activation_fn=torch.nn.Identity()).predict(
        PAIRS, show_progress_bar=False
    )
    settings = {"runtime": runtime, "precision": "fp32", "device": "cpu"}
    every = Reranker(folder, **settings)  # type: ignore[arg-type]
    assert np.abs(every.score(PAIRS) - logits).max() < 1e-4
    with pytest.raises(ConfigError, match="LABEL_0, LABEL_1, LABEL_2"):
        every.rank("a", ["b"])
    one = Reranker(folder, label="LABEL_1", **settings)  # type: ignore[arg-type]
    assert np.abs(one.score(PAIRS) - logits[:, 1]).max() < 1e-4
    share = Reranker(folder, label="LABEL_1", activation="softmax", **settings)  # type: ignore[arg-type]
    expected = torch.softmax(torch.from_numpy(logits), dim=1)[:, 1].numpy()
    assert np.abs(share.score(PAIRS) - expected).max() < 1e-4
    assert share.scorer.info.fingerprint != one.scorer.info.fingerprint
    with pytest.raises(ConfigError, match="label = 'nil'"):
        Reranker(folder, label="nil", **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("pair", [("ab", "cd"), ["rain jacket", "a jacket for rain"]])
def test_one_pair_alone_has_one_score_as_predict_gives(pair: tuple[str, str], tiny: dict[str, Path]) -> None:
    encoder = CrossEncoder(str(tiny["bert"]), device="cpu", activation_fn=torch.nn.Identity())
    theirs = encoder.predict(pair, show_progress_bar=False)
    ours = Reranker(str(tiny["bert"]), runtime="openvino", precision="fp32").score(pair)
    assert isinstance(ours, np.float32)
    assert ours.shape == theirs.shape == ()
    assert ours == pytest.approx(float(theirs), abs=1e-4)


def test_pairs_and_documents_may_come_one_by_one() -> None:
    reranker = Reranker("stub")
    pairs = [("rain jacket", "a jacket for rain"), ("rain jacket", "rain")]
    assert reranker.score(pair for pair in pairs).tolist() == reranker.score(pairs).tolist()
    assert reranker.score(np.array(pairs)).tolist() == reranker.score(pairs).tolist()  # type: ignore[call-overload]
    assert reranker.score([list(pair) for pair in pairs]).tolist() == reranker.score(pairs).tolist()
    assert reranker.score(["rain jacket", "rain"]) == reranker.score(pairs)[1]
    documents = ["rain", "a jacket for rain"]
    ranked = reranker.rank("rain jacket", (text for text in documents), top_k=1, return_documents=True)
    assert ranked == reranker.rank("rain jacket", documents, return_documents=True)[:1]
    assert reranker.rank("rain", documents, top_k=0) == []


@pytest.mark.parametrize(
    ("method", "given", "said"),
    [
        ("score", ["rain jacket"], "pairs must be"),
        ("score", ["rain", "belt", "hood"], "pairs must be"),
        ("score", "ab", "pairs must be"),
        ("score", [("rain", "belt"), ("rain", 5)], r"pairs\[1\] must be"),
        ("score", [("rain", "belt"), "ab"], r"pairs\[1\] must be"),
        ("score", [7], r"pairs\[0\] must be"),
        ("score", None, "pairs must be"),
        ("score", {"rain": "belt"}, "pairs must be"),
        ("score", {("rain", "belt")}, "pairs must be"),
        ("score", [{"query": "rain", "document": "belt"}], r"pairs\[0\] must be"),
        ("score", [{"rain", "belt"}], r"pairs\[0\] must be"),
        ("rank", None, "documents must be"),
        ("rank", {"belt": 1}, "documents must be"),
        ("rank", {"belt", "hood"}, "documents must be"),
        ("rank", ["belt", None], r"documents\[1\] must be"),
        ("rank", "belt", "documents must be"),
    ],
)
def test_what_is_no_text_is_named(method: str, given: object, said: str) -> None:
    reranker = Reranker("stub")
    with pytest.raises(TypeError, match=said):
        reranker.score(given) if method == "score" else reranker.rank("rain", given)  # type: ignore[call-overload,arg-type]


def test_a_query_or_a_count_that_is_none_is_named() -> None:
    with pytest.raises(TypeError, match="query must be"):
        Reranker("stub").rank(None, ["belt"])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="top_k = -1"):
        Reranker("stub").rank("rain", ["belt", "hood"], top_k=-1)


def test_nothing_to_score(tiny: dict[str, Path]) -> None:
    reranker = Reranker(str(tiny["bert"]), runtime="openvino", precision="fp32")
    assert reranker.score([]).shape == (0,)
    assert reranker.rank("rain", []) == []


def test_a_text_that_cannot_be_scored_is_nan_and_ranks_last(tiny: dict[str, Path]) -> None:
    reranker = Reranker(str(tiny["bert"]), runtime="openvino", precision="fp32")
    assert np.isnan(reranker.score([("rain", "\ud800")])).all()
    assert reranker.rank("rain", ["\ud800", "jacket"])[-1]["corpus_id"] == 0


def test_the_scale_is_stated(tiny: dict[str, Path]) -> None:
    assert "logit" in Reranker("stub").scale
    assert "0 to 1" in Reranker("stub").rank_scale
    given = Reranker("stub", activation="identity")
    assert given.scale == given.rank_scale
    assert "0 to 1" in Reranker("stub", activation="sigmoid").scale
    with pytest.raises(ConfigError, match="identity, sigmoid, softmax"):
        Reranker("stub", activation="tanh")


def test_the_stub_counts_words() -> None:
    scores = score(StubScorer(), [("rain jacket", "a jacket for rain"), ("rain jacket", "rain"), ("rain", "belt")])
    assert scores.tolist() == [4, 0, -4]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("bundled:nil", "bundled are"),
        ("/no/such/folder", "no such folder"),
        ("nil", "give bundled:NAME, a folder, or a Hub id"),
    ],
)
def test_a_source_that_is_not_there(source: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Reranker(source)


def test_a_hub_id_offline_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ConfigError, match="copy the files here and give the folder"):
        Reranker("secondpass/no-such-model", revision="0" * 40)


def test_an_encoder_is_not_a_cross_encoder() -> None:
    with pytest.raises(ConfigError, match="not a cross-encoder"):
        Reranker("all-MiniLM-L6-v2")


def test_importing_is_light_and_openvino_needs_no_torch(tiny: dict[str, Path]) -> None:
    """As in `worker-cpu`: torch and transformers cannot be imported at all."""
    program = f"""
import sys
sys.modules.update(torch=None, transformers=None, sentence_transformers=None)
import workers
assert not {{"numpy", "openvino", "celery"}} & set(sys.modules), "importing workers is heavy"
scores = workers.Reranker({str(tiny["bert"])!r}, runtime="openvino").score([("rain", "jacket")])
assert scores.shape == (1,)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
