"""Mean-pooling BERT, RoBERTa and MPNet encoders on OpenVINO, without torch (all-MiniLM-L6-v2 above all)."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from connector.extras import adds
from workers.batching import CPU_TOKENS, Batches
from workers.checkpoint import read_config
from workers.embedder import EmbedderInfo, Floats, Prefixes
from workers.fingerprint import fingerprint, hash_files
from workers.runtimes.base import RuntimeRefused
from workers.runtimes.openvino import OpenVino
from workers.tokens import Encoded, Tokens

PLAIN = {"Transformer", "Pooling", "Normalize"}


class OpenVinoEmbedder:
    """A sentence-transformers folder of a transformer and mean pooling, computed in fp32."""

    def __init__(self, folder: Path, prefixes: Prefixes) -> None:
        """Raises RuntimeRefused where the folder asks for more than a transformer with mean pooling."""
        _check(folder)
        config = read_config(folder)
        self.prefixes = prefixes
        self.tokens = Tokens(folder, config)
        files = hash_files(folder)
        self.runtime = OpenVino(folder, "fp32", classifier=False)
        self.batches = Batches(CPU_TOKENS)
        self.info = EmbedderInfo(
            runtime="openvino",
            precision="fp32",
            dims=config.hidden,
            max_tokens=self.tokens.max_tokens,
            fingerprint=fingerprint(files, "fp32", prefixes.query, prefixes.document, self.tokens.max_tokens),
        )

    def embed(self, kind: str, texts: Sequence[str]) -> Floats:
        vectors = np.full((len(texts), self.info.dims), np.nan, np.float32)
        encoded = self.tokens.encode_texts(self.prefixes.put(kind, texts))
        rows: list[tuple[int, Encoded]] = [(place, row) for place, row in enumerate(encoded) if row is not None]
        for batch, found in self.batches.run(
            [len(row.ids) for _, row in rows],
            lambda batch: self.runtime.forward(*self.tokens.batch([rows[number][1] for number in batch])),
        ):
            if found is not None:
                vectors[[rows[number][0] for number in batch]] = found
        return vectors


def _check(folder: Path) -> None:
    """Raise RuntimeRefused unless modules and pooling are ones that the graph computes."""
    try:
        modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
        pooling = json.loads((folder / "1_Pooling" / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RuntimeRefused(f"runtime openvino reads sentence-transformers folders, this is none ({error})") from error
    kinds = {str(module.get("type", "")).rsplit(".", 1)[-1] for module in modules}
    switched = [name for name, on in pooling.items() if name.startswith("pooling_mode_") and on is True]
    modes = pooling.get("pooling_mode", switched)  # of several, their vectors are put side by side
    if not (kinds <= PLAIN and modes in ("mean", ["mean"], ["pooling_mode_mean_tokens"])):
        raise RuntimeRefused(f"runtime openvino embeds with mean pooling only; for torch, {adds('worker')}")
