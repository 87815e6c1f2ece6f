"""A small shop and an engine over it in memory, with the same two lists as a real one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.training.data import Collection, document_text
from workers.training.engine import Hit
from workers.training.queries import words

KINDS = {
    "kettle": ["Kitchen", "Kettles"],
    "kettle descaler": ["Kitchen", "Cleaning"],
    "rain jacket": ["Clothing", "Jackets"],
    "garden hose": ["Garden", "Hoses"],
}
COLORS = ("red", "blue", "green", "black", "white")


def shop() -> Collection:
    """Twenty products of four kinds and five colours, two graded train queries, one dev and one test query."""
    documents: dict[str, dict[str, Any]] = {}
    for number, (kind, category) in enumerate(KINDS.items()):
        for color in COLORS:
            title = f"Acme {color} {kind} model {number}"
            text = f"A {color} {kind} for every day."
            row = {"title": title, "brand": "Acme", "color": color, "category": category, "text": text}
            documents[f"{kind} {color}"] = {"id": f"{kind} {color}", **row}
    queries = {"q1": "red kettle", "q2": "rain jacket", "q3": "garden hose", "q4": "kettle descaler"}
    grades = {
        "q1": {"kettle red": 3, "kettle blue": 2, "kettle descaler red": 0},
        "q2": {f"rain jacket {color}": 3 for color in COLORS},
        "q3": {f"garden hose {color}": 3 for color in COLORS},
        "q4": {f"kettle descaler {color}": 3 for color in COLORS},
    }
    return Collection(documents, queries, grades, {"train": ["q1", "q2"], "dev": ["q3"], "test": ["q4"]})


def embed(texts: Sequence[str], kind: str = "query") -> NDArray[np.float32]:
    """Bags of hashed words as unit vectors: texts with common words are near each other."""
    vectors = np.zeros((len(texts), 64), np.float32)
    for row, text in enumerate(texts):
        for word in words(text):
            vectors[row, sum(map(ord, word)) % 64] += 1
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


class Shelf:
    """Lists by shared words, and by cosine."""

    def __init__(self, collection: Collection) -> None:
        self.ids = list(collection.documents)
        self.words = [set(words(document_text(document))) for document in collection.documents.values()]
        self.stored = embed([document_text(document) for document in collection.documents.values()])

    def lexical(self, texts: Sequence[str], size: int) -> list[list[Hit]]:
        return [self._best([float(len(set(words(text)) & had)) for had in self.words], size) for text in texts]

    def nearest(self, vectors: Sequence[Sequence[float]], size: int) -> list[list[Hit]]:
        return [self._best((self.stored @ np.asarray(vector)).tolist(), size) for vector in vectors]

    def vectors(self, ids: Sequence[str]) -> dict[str, list[float]]:
        return {key: self.stored[self.ids.index(key)].tolist() for key in ids}

    def _best(self, scores: Sequence[float], size: int) -> list[Hit]:
        ranked = sorted(zip(self.ids, scores, strict=True), key=lambda pair: -pair[1])
        return [Hit(key, score) for key, score in ranked if score > 0][:size]
