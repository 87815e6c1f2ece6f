"""Pairs of texts to token ids, with the `tokenizers` library alone.

Rule: ids, token types and truncation are those of transformers' own tokenizer for the pair (`longest_first` at
`max_tokens`). Query and document are tokenised apart, which gives the same ids, and joined by the template that the
model's tokenizer shows for a pair; so a query shared by a hundred documents is tokenised once.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from connector.errors import ConfigError
from workers.batching import width
from workers.checkpoint import Config

CHARACTERS_PER_TOKEN = 64  # a very long text is first cut here (English has about 5) and read on if that was short
MOST_CHARACTERS = 1_000_000  # looked through for enough tokens; what follows a million blanks is not read
SHORT = 4096  # characters that are never cut first: where query and document are both too long, the longer gives way
MARGIN = 16  # tokens beyond the limit that a cut text must have, so that the cut changed none that is kept


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids of one pair (or text), specials included; the ids from `second` on are of token type 1."""

    ids: tuple[int, ...]
    second: int


@dataclass(frozen=True, slots=True)
class Template:
    """The special tokens around a pair, or around one text (`middle` and what follows it unused)."""

    start: tuple[int, ...]
    middle: tuple[int, ...]
    end: tuple[int, ...]
    types: bool  # the second text and the end are of token type 1


class Tokens:
    """A model's tokenizer at a given length."""

    def __init__(self, folder: Path, config: Config, max_tokens: int | None = None) -> None:
        """`max_tokens` counts specials; None or more than the model reads means what it reads. Raises ConfigError."""
        path = folder / "tokenizer.json"
        try:
            self.tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:
            raise ConfigError(
                f"{path}: no usable fast tokenizer ({error}); save one with "
                "AutoTokenizer.from_pretrained(folder).save_pretrained(folder)"
            ) from error
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        said = _read_json(folder / "tokenizer_config.json")
        self.left = said.get("truncation_side") == "left"
        self.pad = config.pad
        limits = [config.max_tokens, max_tokens, said.get("model_max_length")]
        limits.append(_read_json(folder / "sentence_bert_config.json").get("max_seq_length"))
        self.max_tokens = min((int(value) for value in limits if isinstance(value, int | float) and value), default=512)
        self.pair = _template(self.tokenizer.encode("a", "b"), 2)
        self.single = _template(self.tokenizer.encode("a"), 1)
        room = self.max_tokens - len(self.pair.start + self.pair.middle + self.pair.end)
        if room < 2:
            raise ConfigError(f"max_tokens = {self.max_tokens} leaves no room for a query and a document")
        self.room = room

    def encode_pairs(self, pairs: Sequence[tuple[str, str]]) -> list[Encoded | None]:
        """One entry a pair; None where a text cannot be tokenised."""
        texts = list(dict.fromkeys(text for pair in pairs for text in pair))
        ids = dict(zip(texts, self._ids(texts), strict=True))
        return [self._join(ids[query], ids[document]) for query, document in pairs]

    def encode_texts(self, texts: Sequence[str]) -> list[Encoded | None]:
        """One entry a single text, for embedders; None where it cannot be tokenised."""
        start, end = self.single.start, self.single.end
        room = self.max_tokens - len(start) - len(end)
        found: list[Encoded | None] = []
        for ids in self._ids(texts):
            whole = None if ids is None else start + self._cut(ids, room) + end
            found.append(None if whole is None else Encoded(whole, len(whole)))
        return found

    def batch(self, rows: Sequence[Encoded]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Ids, mask and token types, each [rows, width], padded on the right."""
        wide = min(width(max(len(row.ids) for row in rows)), self.max_tokens)
        ids = np.full((len(rows), wide), self.pad, np.int64)
        mask, types = np.zeros_like(ids), np.zeros_like(ids)
        for number, row in enumerate(rows):
            length = len(row.ids)
            ids[number, :length] = row.ids
            mask[number, :length] = 1
            types[number, row.second : length] = 1
        return ids, mask, types

    def windows(self, query: str, document: str, overlap: float, most: int) -> list[tuple[Encoded, tuple[int, int]]]:
        """`document` in windows, each beside the same query, with the characters it stands for (from start to before
        end). Every window is full; one repeats `overlap` of the one before it, the last more. At most `most` of them;
        [] where the document fits or cannot be tokenised.
        """
        (asked,) = self._ids([query])
        try:
            text = self._shorten(document, most * self.max_tokens)
            found = self.tokenizer.encode(text, add_special_tokens=False)
        except Exception:  # as in `_ids`: it is the text's fault
            return []
        if asked is None:
            return []
        ids, offsets = tuple(found.ids), found.offsets
        first, room = longest_first(len(asked), len(ids), self.room)
        if len(ids) <= room:
            return []
        starts = range(0, len(ids) - room, max(1, room - int(room * overlap)))
        return [
            (self._pair(self._cut(asked, first), ids[at : at + room]), (offsets[at][0], offsets[at + room - 1][1]))
            for at in [*starts, len(ids) - room][:most]
        ]

    def _join(self, query: tuple[int, ...] | None, document: tuple[int, ...] | None) -> Encoded | None:
        if query is None or document is None:
            return None
        first, last = longest_first(len(query), len(document), self.room)
        return self._pair(self._cut(query, first), self._cut(document, last))

    def _pair(self, query: tuple[int, ...], document: tuple[int, ...]) -> Encoded:
        head = self.pair.start + query + self.pair.middle
        whole = head + document + self.pair.end
        return Encoded(whole, len(head) if self.pair.types else len(whole))

    def _cut(self, ids: tuple[int, ...], length: int) -> tuple[int, ...]:
        return ids[-length:] if self.left and len(ids) > length else ids[:length]

    def _ids(self, texts: Sequence[str]) -> list[tuple[int, ...] | None]:
        shortened = texts if self.left else [self._shorten(text, self.max_tokens) for text in texts]
        try:
            found = self.tokenizer.encode_batch_fast(shortened, add_special_tokens=False)
        except Exception:  # one bad text (a lone surrogate, say) must not cost the others their score
            return [self._ids_of_one(text) for text in shortened]
        return [tuple(encoding.ids) for encoding in found]

    def _ids_of_one(self, text: str) -> tuple[int, ...] | None:
        try:
            return tuple(self.tokenizer.encode(text, add_special_tokens=False).ids)
        except Exception:
            return None

    def _shorten(self, text: str, tokens: int) -> str:
        """A beginning of a very long text that has the same first `tokens` tokens: 10 MB must not cost seconds. Where
        `MOST_CHARACTERS` give fewer, that is all.
        """
        limit = max(SHORT, tokens * CHARACTERS_PER_TOKEN)
        while len(text) > limit:
            cut = text[:limit]
            ids = self._ids_of_one(cut)
            if limit >= MOST_CHARACTERS or (ids is not None and len(ids) > tokens + MARGIN):
                return cut
            limit = min(4 * limit, MOST_CHARACTERS)
        return text


def longest_first(first: int, second: int, room: int) -> tuple[int, int]:
    """Lengths after the longer text gave way until both fit, equal halves at worst (as `tokenizers` does it)."""
    if first + second <= room:
        return first, second
    short = min(first, second)
    if short <= room // 2:
        return (short, room - short) if first <= second else (room - short, short)
    half = room // 2
    return (half, room - half) if first <= second else (room - half, half)


def _template(encoding: Encoding, texts: int) -> Template:
    """Read the special tokens off an encoded sample of one or two texts."""
    places = encoding.sequence_ids
    if not all(number in places for number in range(texts)):
        raise ConfigError("the tokenizer gives no token for a plain letter; its vocabulary is not usable")
    parts: list[list[int]] = [[], [], []]
    part = 0
    for place, token in zip(places, encoding.ids, strict=True):
        if place is None:
            parts[part].append(token)
        else:
            part = place + 1 if texts == 2 else 2
    return Template(tuple(parts[0]), tuple(parts[1]), tuple(parts[2]), 1 in encoding.type_ids)


def _read_json(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    return found if isinstance(found, dict) else {}
