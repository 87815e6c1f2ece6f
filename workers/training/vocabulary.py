"""A smaller vocabulary: only the tokens that a corpus uses, so that the word table shrinks with it.

Rule: special tokens, single characters and pieces of two letters always stay, so that every text can still be written,
if in more pieces; what stays keeps its order, its vector and its meaning.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from connector.errors import ConfigError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

SHORT = 2
"""Letters up to which a piece is always kept."""

SIGNS = ("##", "▁")
"""How WordPiece marks a piece inside a word, and Unigram one at its beginning."""


def used_tokens(tokenizer: PreTrainedTokenizerFast, texts: Iterable[str], least: int = 1) -> set[int]:
    """Return the ids of the tokens that occur at least `least` times in the texts."""
    counts: Counter[int] = Counter()
    for encoding in tokenizer.backend_tokenizer.encode_batch(list(texts), add_special_tokens=False):
        counts.update(encoding.ids)
    return {token for token, times in counts.items() if times >= least}


def prune(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, used: set[int]) -> PreTrainedTokenizerFast:
    """Shrink the model's word table in place to `used` and what always stays; return the tokenizer to go with it.

    Raises ConfigError for tokenizers other than WordPiece and Unigram.
    """
    import torch
    from tokenizers import Tokenizer

    described = json.loads(tokenizer.backend_tokenizer.to_str())
    pieces = _pieces(described["model"])
    special = {token["id"] for token in described["added_tokens"]}
    kept = [place for place, piece in enumerate(pieces) if place in used | special or len(_bare(piece)) <= SHORT]
    new = {old: place for place, old in enumerate(kept)}
    table: Any = model.get_input_embeddings()
    rows = table.weight.detach()[torch.tensor(kept, device=table.weight.device)].clone()
    padding = tokenizer.pad_token_id
    smaller = torch.nn.Embedding(len(kept), rows.shape[1], padding_idx=None if padding is None else new[padding])
    smaller.weight = torch.nn.Parameter(rows)
    model.set_input_embeddings(smaller)
    model.config.vocab_size = len(kept)
    if getattr(model.config, "pad_token_id", None) is not None:
        model.config.pad_token_id = new[model.config.pad_token_id]
    shrunk = type(tokenizer)(tokenizer_object=Tokenizer.from_str(json.dumps(_renumbered(described, kept, new))))
    shrunk.add_special_tokens(dict(tokenizer.special_tokens_map.items()))
    shrunk.model_max_length = tokenizer.model_max_length
    shrunk.model_input_names = tokenizer.model_input_names
    return shrunk


def _pieces(described: dict[str, Any]) -> list[str]:
    """Return the pieces by number."""
    vocabulary = described["vocab"]
    if described["type"] == "WordPiece":
        return sorted(vocabulary, key=vocabulary.__getitem__)
    if described["type"] == "Unigram":
        return [piece for piece, _ in vocabulary]
    raise ConfigError(f"a vocabulary of kind {described['type']} cannot be cut; WordPiece and Unigram can")


def _bare(piece: str) -> str:
    for sign in SIGNS:
        piece = piece.removeprefix(sign)
    return piece


def _renumbered(described: dict[str, Any], kept: Sequence[int], new: dict[int, int]) -> dict[str, Any]:
    """Return a tokenizer.json with only the kept pieces, under their new numbers."""
    model = described["model"]
    pieces = _pieces(model)
    if model["type"] == "WordPiece":
        model["vocab"] = {pieces[old]: new[old] for old in kept}
    else:
        model["vocab"] = [model["vocab"][old] for old in kept]
        model["unk_id"] = new.get(model["unk_id"])
    for token in described["added_tokens"]:
        token["id"] = new[token["id"]]
    post = described.get("post_processor") or {}
    for part in [post, *post.get("processors", [])]:
        for token in part.get("special_tokens", {}).values():
            token["ids"] = [new[old] for old in token["ids"]]
        for side in ("sep", "cls"):
            if isinstance(part.get(side), list):
                part[side][1] = new[part[side][1]]
    return described
