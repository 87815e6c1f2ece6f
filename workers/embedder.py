"""The port that texts become vectors through, and a stub; `workers.embedders.open` loads the real ones.

Rule: vectors are unit length, float32; a text that could not be embedded is a row of NaN. What an embedder puts
before a text is part of its fingerprint, because a query's vector is compared with documents' of the same one.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
KINDS = ("query", "document")


@dataclass(frozen=True, slots=True)
class EmbedderInfo:
    """What a worker announces of its embedder."""

    runtime: str
    precision: str
    dims: int
    max_tokens: int  # longer texts are cut; 0: read to their end
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Prefixes:
    """What is put before a text; some models (e5) are trained with them."""

    query: str = ""
    document: str = ""

    def put(self, kind: str, texts: Sequence[str]) -> list[str]:
        prefix = self.query if kind == "query" else self.document
        return [prefix + text for text in texts]


class Embedder(Protocol):
    """A loaded embedder."""

    info: EmbedderInfo

    def embed(self, kind: str, texts: Sequence[str]) -> Floats:
        """Unit vectors [n, dims] of texts of one kind ("query" or "document"). Blocks."""
        ...


class StubEmbedder:
    """No model: each word adds to one of 64 places, so texts that share words are near."""

    info = EmbedderInfo("stub", "fp32", dims=64, max_tokens=0, fingerprint="1" * 32)

    def embed(self, kind: str, texts: Sequence[str]) -> Floats:
        vectors = np.full((len(texts), self.info.dims), 1e-3, np.float32)
        for row, text in enumerate(texts):
            for word in re.findall(r"\w+", text.lower()):
                vectors[row, hashlib.sha256(word.encode()).digest()[0] % self.info.dims] += 1
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
