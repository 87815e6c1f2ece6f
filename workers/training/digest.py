"""What a folder's runs learn from and are measured on, as one hash: where it has changed, they do not go on.

Rule: it is of the content, in an order of its own, so that files may be packed, moved or sorted anew; and of what is
read alone, so that the test part may change.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from workers.training.data import LEARNT, TEXT_FIELDS, Collection
from workers.training.labels import Labelled


def digest(collection: Collection, documents: bool) -> str:
    """Return the SHA-256 of the queries and grades for training and dev and, where asked for, of the documents: those
    of a folder. Those of an index change while a run lasts, and its pairs are kept as they were mined.
    """
    rows: list[object] = []
    for part in LEARNT:
        queries, grades = collection.part(part)
        rows += [(part, key, text, grades.get(key, {})) for key, text in queries.items()]
    if documents:
        fields = (*TEXT_FIELDS, "category")
        rows += [(key, *map(row.get, fields)) for key, row in collection.documents.items()]
    return _hash(rows)


def digest_labelled(data: Labelled) -> str:
    """Return the SHA-256 of the pairs and their labels, of training and of dev."""
    parts = zip(LEARNT, (data.dev, data.train), strict=True)
    return _hash((part, one.query, one.document, data.names[int(one.label)]) for part, rows in parts for one in rows)


def _hash(rows: Iterable[object]) -> str:
    lines = sorted(json.dumps(row, sort_keys=True) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
