"""The index that each way to the engine has for itself: same documents, names of equal length."""

import json
from typing import Any

from tests.fidelity.raw import NDJSON, Way, ask

KINDS = ("coat", "jacket", "hat")
PROPERTIES: dict[str, Any] = {
    "name": {"type": "text", "fields": {"raw": {"type": "keyword"}}},
    "note": {"type": "text", "store": True},
    "kind": {"type": "keyword"},
    "price": {"type": "long"},
    "made": {"type": "date"},
    "place": {"type": "geo_point"},
    "hint": {"type": "completion"},
    "parts": {"type": "nested", "properties": {"label": {"type": "text"}, "count": {"type": "integer"}}},
}
DEFINITION = {
    "settings": {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": -1},  # only when asked
    "mappings": {"properties": PROPERTIES},
}
DOCUMENTS = 40  # fewer than a window, so that the pages of a reranked search hold the same documents


def document(number: int) -> dict[str, Any]:
    """Scores differ from document to document, so that their order is the same in each index."""
    return {
        "name": ("rain jacket " if number % 3 else "wool coat for rain ") + "long " * number,
        "note": f"a note of rain number {number}",
        "kind": KINDS[number % 3],
        "price": number,
        "made": f"2026-01-{number % 28 + 1:02d}",
        "place": {"lat": number, "lon": 8},
        "hint": f"rain {number}",
        "parts": [{"label": "zip", "count": number}, {"label": "hood", "count": 1}],
    }


def build(way: Way) -> None:
    """Delete what an earlier run left, and make the index, its neighbour and its alias."""
    clear(way)
    for name in ("INDEX", "INDEX-2"):
        made = way.send(ask("PUT", f"/{name}", json.dumps(DEFINITION)))
        assert made is not None
        assert made.code == 200, made.body
    lines = [f'{{"index": {{"_id": "{n}"}}}}\n{json.dumps(document(n))}\n' for n in range(DOCUMENTS)]
    for name, some in (("INDEX", lines), ("INDEX-2", lines[:3])):
        stored = way.send(ask("POST", f"/{name}/_bulk?refresh=true", "".join(some), NDJSON))
        assert stored is not None
        assert b'"errors":false' in stored.body.replace(b" ", b"")
    way.send(ask("PUT", "/INDEX/_alias/INDEX-a"))


def clear(way: Way) -> None:
    for suffix in ("", "-2", "-r", "-n", "-d", "-k", "-b"):
        way.send(ask("DELETE", f"/INDEX{suffix}"))
