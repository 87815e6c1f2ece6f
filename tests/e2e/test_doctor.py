"""`secondpass doctor` of the running product, with its real embed worker."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Live, secondpass

STRANGERS = "strangers"


@pytest.fixture
def strangers(live: Live) -> Iterator[str]:
    """150 products of the shop under vectors as wide as the embedder's, and of no model's."""
    mappings = next(iter(httpx.get(f"{live.straight}/shop/_mapping").json().values()))["mappings"]
    body = {
        "settings": {"index.knn": True},
        "mappings": {"properties": {"embedding": mappings["properties"]["embedding"]}},
    }
    httpx.put(f"{live.straight}/{STRANGERS}", json=body, timeout=60).raise_for_status()
    hits = httpx.post(f"{live.straight}/shop/_search", json={"size": 150}, timeout=60).json()["hits"]["hits"]
    lines = []
    for hit in hits:
        vector = hit["_source"]["embedding"]
        row = {"name": hit["_source"]["name"], "embedding": vector[7:] + vector[:7]}
        lines += [json.dumps({"index": {"_id": hit["_id"]}}), json.dumps(row)]
    content, kind = "\n".join(lines) + "\n", {"content-type": "application/x-ndjson"}
    httpx.post(f"{live.straight}/{STRANGERS}/_bulk?refresh=true", content=content, headers=kind, timeout=60)
    yield live.config.read_text().replace('indices = ["shop*"]', f'indices = ["{STRANGERS}"]')
    httpx.delete(f"{live.straight}/{STRANGERS}", timeout=60)


def findings(live: Live, config: str) -> dict[str, Any]:
    """The checks' findings under a configuration, by what they say."""
    path = live.config.with_name("doctor.toml")
    path.write_text(config)
    where = ("--port", str(live.stack.settings.proxy.port), "--engine-url", live.straight)
    done = secondpass("doctor", "--config", str(path), *where, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return {one["said"]: one for one in json.loads(done.stdout)["findings"]}


def test_vectors_of_the_embed_worker_are_known_from_others(live: Live, strangers: str) -> None:
    said = findings(live, live.config.read_text())
    (well,) = [one for text, one in said.items() if "documents embedded again" in text]
    assert (well["level"], well["about"]) == ("ok", "policy shop")
    (bad,) = [one for text, one in findings(live, strangers).items() if "documents embedded again" in text]
    assert bad["level"] == "warning"
    assert "embedding holds another model's vectors" in bad["said"]
