"""The rerank API of the whole product, with the bundled model."""

import httpx

from tests.e2e.conftest import Live

QUERY, TEXTS = "head torch", ["batteries for a head torch", "a head torch with 400 lumens", "a rain jacket for men"]


def test_all_shapes_agree_on_the_scores(live: Live) -> None:
    asked = {"query": QUERY, "documents": TEXTS}
    cohere = httpx.post(live.url + "/v1/rerank", json=asked, timeout=60).json()
    tei = httpx.post(live.url + "/rerank", json={"query": QUERY, "texts": TEXTS}, timeout=60).json()
    vllm = httpx.post(live.url + "/v1/score", json={"text_1": QUERY, "text_2": TEXTS}, timeout=60).json()
    by_cohere = {row["index"]: row["relevance_score"] for row in cohere["results"]}
    assert by_cohere == {row["index"]: row["score"] for row in tei}
    assert by_cohere == {row["index"]: row["score"] for row in vllm["data"]}
    assert cohere["results"][-1]["index"] == 2
    assert cohere["model"] == "products-en"
