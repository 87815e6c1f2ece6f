"""The words of a query string (Lucene's or the simple one), where its syntax only asks for all of them.

Quotes, a leading `+` and `AND` say how words must match, not other words: without them the words are what the user
asked for. What chooses fields, excludes, offers alternatives or matches patterns is not words, and not ours to read.
"""

import re
from collections.abc import Mapping

_LUCENE = re.compile(r"[!(){}\[\]^~*?:\\/<>|]|&&|(?:^|\s)[-+]|\b(?:AND|OR|NOT)\b")
_SIMPLE = re.compile(r"[|*()~\\+]|(?:^|\s)-")
_MUST = re.compile(r"(?:(?<=\s)|^)\+(?=\S|$)")
_AND = re.compile(r"(?<=\s)AND(?=\s)")


def lucene_words(text: str) -> str | None:
    """The words of `query_string`; None where they cannot be told."""
    return _words(text, _LUCENE, _AND)


def simple_words(text: str, content: Mapping[str, object]) -> str | None:
    """The words of `simple_query_string`, whose `flags` may switch syntax off; None where they cannot be told."""
    flags = content.get("flags", "ALL")
    if flags == "NONE":
        return text
    if flags not in ("ALL", -1) and ('"' in text or "+" in text):
        return None
    return _words(text, _SIMPLE, None)


def _words(text: str, syntax: re.Pattern[str], operator: re.Pattern[str] | None) -> str | None:
    pieces = text.split('"')
    if len(pieces) % 2 == 0:  # a quote without its other
        return None
    for at, piece in enumerate(pieces):
        if at % 2:  # inside quotes
            if "\\" in piece:
                return None
            continue
        plain = _MUST.sub("", piece)
        plain = operator.sub(" ", plain) if operator else plain
        if syntax.search(plain):
            return None
        pieces[at] = plain
    return " ".join(pieces) if len(pieces) > 1 else pieces[0]
