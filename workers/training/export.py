"""A trained model as a folder to ship: fp16 safetensors, Hugging Face layout, what it was made for, a model card.

Rule: the folder loads as it is with `sentence_transformers.CrossEncoder(path)`, its tokenizer neither cuts nor pads
by itself, and `secondpass.json` lists the SHA-256 of every other file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

CARD = "README.md"
PURPOSE = "secondpass.json"
LIMITS = frozenset(
    (
        "max_length",
        "stride",
        "truncation_side",
        "truncation_strategy",
        "pad_to_multiple_of",
        "is_local",
        "local_files_only",
    )
)


def export(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    folder: Path,
    name: str,
    languages: tuple[str, ...] = ("en",),
    max_tokens: int = 128,
    max_query_chars: int = 0,
    card: str = "",
) -> None:
    """Write the folder; `languages`, `max_tokens` and `max_query_chars` (0: any) say what the model was made for."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    weights = {key: value.detach().to("cpu", torch.float16).contiguous() for key, value in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    _write_json(folder / "config.json", _config(model))
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.model_max_length = max_tokens  # where CrossEncoder cuts a pair
    tokenizer.save_pretrained(folder)
    _forget_limits(folder / "tokenizer_config.json")
    for path in folder.iterdir():
        path.chmod(0o644)  # safetensors writes its file for its owner alone
    (folder / CARD).write_text(card or f"# {name}\n", encoding="utf-8")
    purpose = {
        "name": name,
        "languages": list(languages),
        "max_tokens": max_tokens,
        "max_query_chars": max_query_chars,
        "activation": "softmax" if _several(model) else "sigmoid",
        "sha256": {path.name: sha256(path) for path in sorted(folder.iterdir()) if path.name not in (CARD, PURPOSE)},
    }
    _write_json(folder / PURPOSE, purpose)


def query_limit(queries: Iterable[str]) -> int:
    """Return the characters of the longest query that a model which learnt from these was made for: of the longest of
    them, rounded up to ten; 0 (any) where there are none.

    The next query of the same kind is longer than the longest of n with a chance of 1 in n + 1 at most.
    """
    return -(-max(map(len, queries), default=0) // 10) * 10


def sha256(path: Path) -> str:
    """Return the hex SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _config(model: PreTrainedModel) -> dict[str, Any]:
    """Return the model's configuration with the dropout of its kind and the activation that CrossEncoder reads.

    Several labels keep their names, and CrossEncoder gives their logits unless told `apply_softmax=True`.
    """
    several = _several(model)
    labels: Any = model.config.id2label if several else {0: "LABEL_0"}
    activation = "linear.Identity" if several else "activation.Sigmoid"
    config: dict[str, Any] = model.config.to_diff_dict()
    config.pop("_name_or_path", None)
    config |= {
        "architectures": [type(model).__name__],
        "dtype": "float32",  # stored in half, computed in full: transformers would otherwise compute in fp16
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "id2label": {str(number): name for number, name in labels.items()},
        "label2id": {name: number for number, name in labels.items()},
        "sentence_transformers": {"activation_fn": f"torch.nn.modules.{activation}", "version": "5.1.0"},
    }
    return config


def _several(model: PreTrainedModel) -> bool:
    return (model.config.num_labels or 1) > 1


def _forget_limits(path: Path) -> None:
    """Take out what the starting model's files said about cutting, padding and where they lay; name the class of any
    tokenizer.json as transformers 4 knows it, too.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    if content.get("tokenizer_class") == "TokenizersBackend":
        content["tokenizer_class"] = "PreTrainedTokenizerFast"
    _write_json(path, {key: value for key, value in content.items() if key not in LIMITS})


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
