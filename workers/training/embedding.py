"""The sentence embedder that mining uses: all-MiniLM-L6-v2 from its package, or any sentence-transformers model."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

from workers.sources import MINILM, locate
from workers.training.encoder import has_bf16

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Embedder:
    """Turn texts into unit vectors; call it with a list of n texts for an array of shape (n, dimensions).

    `half` computes in bf16 where the hardware has it: twice as fast, cosines differ by about 0.001.
    """

    def __init__(self, source: str = MINILM, device: str = "cpu", half: bool = True) -> None:
        from sentence_transformers import SentenceTransformer

        self.model = SentenceTransformer(str(locate(source)), device=device)
        self.device, self.half = device, half and (device == "cuda" or has_bf16())

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        import torch

        half = torch.autocast(self.device, torch.bfloat16) if self.half else nullcontext()
        with half, torch.inference_mode():
            vectors = self.model.encode(list(texts), batch_size=16, normalize_embeddings=True, show_progress_bar=False)
        return vectors.astype("f4")
