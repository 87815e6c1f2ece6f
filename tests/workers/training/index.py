"""The small shop of `shelf` in a real index, for commands that read one."""

from __future__ import annotations

import json

from workers.training.data import Collection, document_text
from workers.training.engine import call

MAPPING = {"mappings": {"properties": {"text_all": {"type": "text"}, "title": {"type": "text"}}}}


def fill(url: str, index: str, collection: Collection) -> None:
    """Create the index with every document under its id, refreshed."""
    call(f"{url}/{index}", json.dumps(MAPPING).encode(), "PUT")
    lines = []
    for key, row in collection.documents.items():
        lines += [json.dumps({"index": {"_id": key}}), json.dumps(row | {"text_all": document_text(row)})]
    body = ("\n".join(lines) + "\n").encode()
    call(f"{url}/{index}/_bulk?refresh=true", body, kind="application/x-ndjson")


def drop(url: str, index: str) -> None:
    """Remove the index."""
    call(f"{url}/{index}", method="DELETE")
