"""Documents out of a live index, for those who have no file of them.

Rule: the first of the fields is the title, which queries are made from; the others follow in their order. Each is read
as a search's `fields` gives it, so that a multi-field or an alias is the text that is scored later, and what is not
there of `_source`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connector.errors import ConfigError
from connector.texts import nested
from workers.training.engine import ANYONE, Access, call

ATTRIBUTES = ("brand", "color")
"""Fields that keep their names, because queries are made from them; the others are joined to one text."""

PAGE = 500
"""Documents a request: about 1 MB of shop texts."""


MOST = 100_000
"""Documents that are read of an index: about 100 MB, and more than a training run sees."""


def read_index(
    url: str, index: str, fields: Sequence[str], limit: int = MOST, access: Access = ANYONE
) -> dict[str, dict[str, Any]]:
    """Return up to `limit` documents by id as rows with `title`, `text` and what is asked of `ATTRIBUTES`, and
    `category` where there is one.

    Raises ConfigError where no document has any of the fields.
    """
    documents: dict[str, dict[str, Any]] = {}
    for hit in scan(url, index, [*fields, "category"], access):
        source = hit.get("_source") or {}
        values = source | hit.get("fields", {})
        title, *rest = fields
        row = {name: _read(values, name) for name in rest if name in ATTRIBUTES}
        others = (_read(values, name) for name in rest if name not in ATTRIBUTES)
        row |= {"title": _read(values, title), "text": ". ".join(part for part in others if part)}
        if any(row.values()):
            documents[hit["_id"]] = {"id": hit["_id"], **row, "category": source.get("category")}
        if len(documents) >= limit:
            break
    if not documents:
        raise ConfigError(f"{url}/{index}: no document with {', '.join(fields)}; name them with --fields")
    return documents


def scan(url: str, index: str, fields: Sequence[str], access: Access = ANYONE) -> Iterator[dict[str, Any]]:
    """Yield every hit of an index in index order, a scroll page at a time."""
    body: dict[str, Any] = {"size": PAGE, "sort": ["_doc"], "_source": list(fields) or True, "fields": list(fields)}
    answer = call(f"{url}/{index}/_search?scroll=2m", json.dumps(body).encode(), access=access)
    try:
        while answer["hits"]["hits"]:
            yield from answer["hits"]["hits"]
            again = {"scroll": "2m", "scroll_id": answer["_scroll_id"]}
            answer = call(f"{url}/_search/scroll", json.dumps(again).encode(), access=access)
    finally:
        done = json.dumps({"scroll_id": answer["_scroll_id"]}).encode()
        call(f"{url}/_search/scroll", done, "DELETE", access=access)


def _read(source: Mapping[str, Any], name: str) -> str:
    """The text under a name, "author.name" through an object or a list of them."""
    return _plain(source[name] if name in source else nested(source, name))


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(filter(None, (_plain(one) if isinstance(one, list) else str(one) for one in value)))
    return str(value or "")
