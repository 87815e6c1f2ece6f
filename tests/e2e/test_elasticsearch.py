"""The same promises before Elasticsearch: a second proxy, with the running workers, before a real 9.5.3."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from connector.local.processes import free_port
from tests.e2e.conftest import SHOP, Live, ids, load_lines, outcome, secondpass

POLICY = """
[[policy]]
name = "shop"
indices = ["shop"]
fields = ["name", "brand", "description", "features"]
template = "{name}. {brand}. {description}. {features}"
vector_field = "embedding"
window = 40
budget_ms = 60000
"""


@pytest.fixture(scope="module")
def url(live: Live, elasticsearch_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A proxy before Elasticsearch, with 80 products and their vectors in it."""
    folder = tmp_path_factory.mktemp("elasticsearch")
    config, products = folder / "secondpass.toml", folder / "products.jsonl"
    config.write_text(POLICY)
    products.write_text("\n".join(json.dumps(product) for product in load_lines(SHOP)[:80]))
    port, settings = free_port(), live.stack.settings
    environment = os.environ | {
        "SECONDPASS_CONFIG": str(config),
        "SECONDPASS_ENGINE__URL": elasticsearch_url,
        "SECONDPASS_REDIS__URL": settings.redis.url,
        "SECONDPASS_BROKER__URL": settings.broker.url,
        "SECONDPASS_PROXY__PORT": str(port),
        "SECONDPASS_STATE": str(folder),
    }
    loaded = secondpass("index", str(products), "--index", "shop", "--mapping", "shop", env=environment)
    assert loaded.returncode == 0, loaded.stderr
    with (folder / "proxy.log").open("wb") as log:
        proxy = subprocess.Popen(
            [sys.executable, "-m", "connector.cli.main", "proxy"], env=environment, stdout=log, stderr=log
        )
    address = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        try:
            return httpx.get(address + "/_secondpass/ready?rerank=true", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    try:
        live.wait(ready, Path(log.name).read_text())
        yield address
    finally:
        proxy.terminate()
        proxy.wait(20)


def test_a_search_is_reranked_and_keeps_the_engines_totals(url: str, elasticsearch_url: str) -> None:
    body = {
        "query": {"multi_match": {"query": "waterproof jacket", "fields": ["name", "description"]}},
        "aggs": {"price": {"avg": {"field": "price"}}},
        "_source": ["name"],
    }
    ours = httpx.post(url + "/shop/_search", json=body, timeout=90)
    theirs = httpx.post(elasticsearch_url + "/shop/_search", json=body, timeout=30)
    assert outcome(ours)[0] == "applied"
    assert ours.headers["x-elastic-product"] == "Elasticsearch"
    mine, engine = ours.json(), theirs.json()
    assert (mine["hits"]["total"], mine["aggregations"]) == (engine["hits"]["total"], engine["aggregations"])
    assert all("fields" not in hit for hit in mine["hits"]["hits"])


def test_the_vector_leg_takes_part(url: str) -> None:
    asked = {"index": "shop", "query": "something dry for heavy rain", "size": 5}
    answer = httpx.post(url + "/_secondpass/search", json=asked, timeout=90)
    assert answer.json()["rerank"]["state"] == "applied"
    assert answer.json()["rerank"]["knn"] == "fused"
    assert len(answer.json()["hits"]) == 5


def test_what_cannot_be_found_is_the_engines_error(url: str, elasticsearch_url: str) -> None:
    body = {"query": {"nosuch": {}}}
    ours = httpx.post(url + "/shop/_search", json=body, timeout=30)
    theirs = httpx.post(elasticsearch_url + "/shop/_search", json=body, timeout=30)
    assert (ours.status_code, ours.content) == (theirs.status_code, theirs.content)


def test_pages_join(url: str) -> None:
    body = {"query": {"match": {"description": "light warm dry"}}, "_source": False}
    whole = ids(httpx.post(url + "/shop/_search", json=body | {"size": 30}, timeout=90).json())
    parts = [
        ids(httpx.post(url + "/shop/_search", json=body | {"from": at, "size": 10}, timeout=90).json())
        for at in (0, 10, 20)
    ]
    assert [name for part in parts for name in part] == whole
