"""What makes two scores comparable, as one hash.

Rule: equal fingerprints mean equal scores. It covers every file that a score depends on, so a model retrained in the
same folder gets another one, and what settings add: label, tokens, runtime class (not the runtime: two runtimes of
one class agree within the class's error).
"""

import hashlib
from pathlib import Path

FILES = (
    "*.safetensors",
    "*.safetensors.index.json",
    "*.onnx*",
    "onnx/*.onnx*",
    "config.json",
    "config_sentence_transformers.json",
    "modules.json",
    "sentence_bert_config.json",
    "[0-9]*_*/*.json",  # the modules of an embedder
    "[0-9]*_*/*.safetensors",
    "[0-9]*_*/*.bin",
    "tokenizer*.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "*.model",
)


def hash_files(folder: Path) -> str:
    """Hex over name and content of weights, tokenizer and config files; 45 MB take about 0.1 s."""
    total = hashlib.sha256()
    for path in sorted({path for pattern in FILES for path in folder.glob(pattern)}):
        with path.open("rb") as file:
            total.update(f"{path.relative_to(folder)}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return total.hexdigest()


def fingerprint(files: str, precision: str, *rest: object) -> str:
    """32 hex digits over the files' hash, the runtime class and what else a score depends on."""
    return hashlib.sha256("\0".join([files, precision, *map(str, rest)]).encode()).hexdigest()[:32]
