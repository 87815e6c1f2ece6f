"""Any sentence-transformers model, on CPU or CUDA."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

from workers.embedder import EmbedderInfo, Floats, Prefixes
from workers.fingerprint import fingerprint, hash_files
from workers.runtimes.torch import device_errors

BATCH = 32


class TorchEmbedder:
    """`SentenceTransformer` as it is; code from the model's folder is never run."""

    def __init__(self, folder: Path, prefixes: Prefixes) -> None:
        self.prefixes = prefixes
        files = hash_files(folder)
        self.model = SentenceTransformer(str(folder), trust_remote_code=False, local_files_only=True)
        length = self.model.max_seq_length or 0
        self.info = EmbedderInfo(
            runtime="torch",
            precision="fp32",
            dims=int(self.model.get_embedding_dimension() or 0),
            max_tokens=length,
            fingerprint=fingerprint(files, "fp32", prefixes.query, prefixes.document, length),
        )

    def embed(self, kind: str, texts: Sequence[str]) -> Floats:
        with device_errors():
            vectors = self.model.encode(
                self.prefixes.put(kind, texts), batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False
            )
        return np.asarray(vectors, np.float32)
