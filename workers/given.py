"""What a caller of `Reranker` gives: pairs and documents, as lists of texts. What is none is named by its place."""

from collections.abc import Iterable, Mapping, Set
from typing import Any

from workers.scorer import Pair

PairInput = Pair | list[str]
"""One pair as callers may write it: a tuple or a list of two texts, as sentence-transformers' `predict` takes it."""


def read_pairs(pairs: PairInput | Iterable[PairInput]) -> tuple[list[Pair], bool]:
    """The pairs, and whether it was one pair alone: its first entry is a text. Raises TypeError."""
    if not _in_order(pairs):
        raise TypeError(f"pairs must be (query, document) pairs, or one; it is {_short(pairs)}")
    given: list[Any] = list(pairs)
    if given and isinstance(given[0], str):
        return [_read_pair("pairs", given)], True
    return [_read_pair(f"pairs[{place}]", pair) for place, pair in enumerate(given)], False


def _read_pair(name: str, pair: Any) -> Pair:
    try:
        query, document = pair if _in_order(pair) else []
    except ValueError:
        query = document = None
    if not isinstance(query, str) or not isinstance(document, str):
        raise TypeError(f"{name} must be two texts, (query, document); it is {_short(pair)}")
    return query, document


def read_texts(query: str, documents: Iterable[str]) -> list[str]:
    """The documents. Raises TypeError, also where the query is no text."""
    if not isinstance(query, str):
        raise TypeError(f"query must be a text; it is {_short(query)}")
    if not _in_order(documents):
        raise TypeError(f"documents must be a list of texts; it is {_short(documents)}")
    texts = list(documents)
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"documents[{place}] must be a text; it is {_short(text)}")
    return texts


def _in_order(given: object) -> bool:
    """Whether it is entries in an order: neither a text nor a dict, whose keys they would be, nor a set."""
    return isinstance(given, Iterable) and not isinstance(given, str | bytes | Mapping | Set)


def _short(given: object) -> str:
    return repr(given)[:80]
