"""Queries made from a catalogue, for a shop that has products but no grades.

Rule: every made query names the product it was made from, which is its best answer. Most are 2 to 5 words of the
title in order, as shoppers type them; some name the category, some say "without" something, some are misspelt. Where
title and category say too little, a phrase of the text; where words are not set apart, some letters in a row.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

STOP_WORDS = frozenset(
    word
    for line in (
        "a an and at by for from in is it of on or our the this to with your",
        "not no one size x pcs pack set",
    )
    for word in line.split()
)
BRAND_KEPT = 0.3
"""Share of title queries that may keep words of the brand: most shop queries name no brand."""

LENGTHS = (2, 2, 3, 3, 3, 4, 4, 5)
TITLE_WORDS = 14
"""Words of the title that queries are drawn from: shop titles say what the thing is first, then list uses."""

CATEGORY_SHARE, WITHOUT_SHARE, MISSPELT_SHARE = 0.15, 0.08, 0.05

PHRASE_WORDS, PHRASE_LETTERS = (2, 4), (2, 8)
"""Least and most words of a phrase out of the text, and letters of one in a script that sets no words apart."""

_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\u0e00-\u0e7f]{2,}")  # kana, Han, Thai
_BREAK = re.compile(r"[.,;:!?()\[\]\n|]+")
_WORD = re.compile(r"[^\W_]+(?:[./'’-][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class MadeQuery:
    """A query text, the id of the product it was made from, and the word that "without" excludes, if any."""

    text: str
    source: str
    excluded: str = ""


def words(text: str) -> list[str]:
    """Return the lower-case words of a text, punctuation inside a word kept (`1/2`, `t-shirt`)."""
    return _WORD.findall(text.lower())


def make_queries(documents: Mapping[str, Mapping[str, Any]], count: int, rng: random.Random) -> list[MadeQuery]:
    """Make about `count` queries, at most one a product and kind; products come in random order."""
    by_category: dict[str, list[str]] = {}
    for key, document in documents.items():
        by_category.setdefault(_leaf(document), []).append(key)
    keys = list(documents)
    rng.shuffle(keys)
    made: list[MadeQuery] = []
    for key in (keys * (count // len(keys) + 1))[:count]:
        document = documents[key]
        kind = rng.random()
        if kind < CATEGORY_SHARE:
            query = _category_query(key, document, rng)
        elif kind < CATEGORY_SHARE + WITHOUT_SHARE:
            peers = by_category[_leaf(document)]
            siblings = [documents[other] for other in rng.sample(peers, min(8, len(peers)))]
            query = _without_query(key, document, siblings, rng)
        else:
            query = _title_query(key, document, rng)
        query = query or _phrase_query(key, document, rng)
        if query is None:
            continue
        if rng.random() < MISSPELT_SHARE:
            query = MadeQuery(misspell(query.text, rng), key, query.excluded)
        made.append(query)
    return made


def _leaf(document: Mapping[str, Any]) -> str:
    category = document.get("category") or []
    return str(category[-1] if isinstance(category, list) and category else category or "").lower()


def _title_words(document: Mapping[str, Any], rng: random.Random) -> list[str]:
    """Return the words that a shopper might type: no stop words, mostly no brand."""
    found = [word for word in words(str(document.get("title") or ""))[:TITLE_WORDS] if word not in STOP_WORDS]
    brand = set(words(str(document.get("brand") or "")))
    kept = found if rng.random() < BRAND_KEPT else [word for word in found if word not in brand]
    return list(dict.fromkeys(kept))


def _pick(found: Sequence[str], size: int, leaf: str, rng: random.Random) -> list[str]:
    """Pick `size` words in title order, first a word that names the kind of thing (it is in the category) if any."""
    places = range(len(found))
    naming = [i for i in places if found[i].rstrip("s") in leaf and len(found[i]) > 2]
    chosen = {rng.choice(naming)} if naming and rng.random() < 0.85 else set()
    rest = [i for i in places if i not in chosen]
    chosen |= set(rng.sample(rest, min(size - len(chosen), len(rest))))
    return [found[i] for i in sorted(chosen)]


def _title_query(key: str, document: Mapping[str, Any], rng: random.Random) -> MadeQuery | None:
    found = _title_words(document, rng)
    if len(found) < 2 or _UNSPACED.search(found[0]):
        return None
    size = rng.choice(LENGTHS)
    if rng.random() < 0.35 and len(found) > size:  # a run of neighbouring words keeps phrases whole
        start = rng.randrange(len(found) - size + 1)
        return MadeQuery(" ".join(found[start : start + size]), key)
    return MadeQuery(" ".join(_pick(found, size, _leaf(document), rng)), key)


def _phrase_query(key: str, document: Mapping[str, Any], rng: random.Random) -> MadeQuery | None:
    """Take neighbouring words of the title or the text, none of them a stop word and no punctuation between them."""
    text = f"{document.get('title') or ''}\n{document.get('text') or ''}"
    if runs := _UNSPACED.findall(text):
        run = rng.choice(runs[:TITLE_WORDS])
        size = min(len(run), rng.randint(*PHRASE_LETTERS))
        start = rng.randrange(len(run) - size + 1)
        return MadeQuery(run[start : start + size], key)
    phrases: list[list[str]] = []
    for part in _BREAK.split(text):
        phrases.append([])
        for word in words(part):
            if word in STOP_WORDS:
                phrases.append([])
            else:
                phrases[-1].append(word)
    least, most = PHRASE_WORDS
    long_ones = [phrase for phrase in phrases if len(phrase) >= least]
    if not long_ones:
        return None
    found = rng.choice(long_ones[:TITLE_WORDS])
    return MadeQuery(" ".join(found[: rng.randint(least, most)]), key)


def _category_query(key: str, document: Mapping[str, Any], rng: random.Random) -> MadeQuery | None:
    """Name the category as a shopper would, with one detail of the product: `blue dish cloths`."""
    leaf = [word for word in words(_leaf(document)) if word not in STOP_WORDS]
    if not leaf:
        return None
    details = [words(str(document.get(name) or ""))[:2] for name in ("color", "brand")]
    details += [[word] for word in _title_words(document, rng) if word not in leaf][:4]
    detail = rng.choice([[], *filter(None, details)])
    after = [["for", word] for word in _title_words(document, rng) if word in ("women", "men", "kids", "dogs", "cats")]
    tail = rng.choice(after) if after and rng.random() < 0.6 else []
    return MadeQuery(" ".join([*detail, *leaf[-3:], *tail]), key)


def _without_query(
    key: str, document: Mapping[str, Any], siblings: Sequence[Mapping[str, Any]], rng: random.Random
) -> MadeQuery | None:
    """Exclude a word that products of the same category have in their title and this one has nowhere."""
    own = set(words(" ".join(str(document.get(name) or "") for name in ("title", "text", "brand", "color"))))
    others = {word for sibling in siblings for word in words(str(sibling.get("title") or ""))}
    lacking = sorted(word for word in others - own - STOP_WORDS if word.isalpha() and len(word) > 3)
    found = _title_words(document, rng)
    if not lacking or len(found) < 2:
        return None
    excluded = rng.choice(lacking)
    return MadeQuery(" ".join([*_pick(found, 2, _leaf(document), rng), "without", excluded]), key, excluded)


def misspell(text: str, rng: random.Random) -> str:
    """Drop, double or swap one letter inside one word of five letters or more; shorter texts stay as they are."""
    parts = text.split()
    long_words = [i for i, word in enumerate(parts) if len(word) >= 5 and word.isalpha()]
    if not long_words:
        return text
    place = rng.choice(long_words)
    word = parts[place]
    at = rng.randrange(1, len(word) - 1)
    parts[place] = rng.choice(
        [
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        ]
    )
    return " ".join(parts)
