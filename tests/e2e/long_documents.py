"""Sixty made cases of a fact that stands deep in a long document, each among documents that only look like it.

Every case has a query, a long document whose one answering sentence begins at token 3,000, another long document that
answers another query, and short ones that share words with the query. All sentences are made here from word lists.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

THINGS = (
    *("head torch", "camping stove", "office chair", "bread knife", "garden hose", "baby stroller"),
    *("desk lamp", "rain jacket", "phone charger", "yoga mat", "water bottle", "bicycle helmet"),
)
KINDS = ("waterproof", "foldable", "lightweight", "heavy duty", "kids")
COLOURS = ("dark green", "orange", "light blue", "black", "yellow", "red", "white")
BRANDS = ("Norvik", "Halden", "Ostra", "Pelmo", "Quint", "Ravel", "Sondby")
ROOMS = ("kitchen", "hall", "cellar", "attic", "workshop", "office", "shed", "studio")
PEOPLE = ("clerk", "driver", "owner", "keeper", "guest", "painter", "teacher", "builder")
DEEDS = ("opened", "counted", "moved", "cleaned", "measured", "described", "repaired", "painted")
PARTS = ("door", "window", "shelf", "table", "wall", "floor", "ceiling", "stair")
TOKEN = 3000


@dataclass(frozen=True, slots=True)
class Case:
    """`documents` by id; `answer` is the id of the one that holds `fact`."""

    number: int
    query: str
    fact: str
    answer: str
    documents: dict[str, str]


def cases(count: int = 60) -> Iterator[Case]:
    for number in range(count):
        rng = random.Random(number)
        thing, kind = THINGS[number % len(THINGS)], KINDS[number // len(THINGS)]
        colour, brand = rng.choice(COLOURS), rng.choice(BRANDS)
        other = rng.choice([one for one in THINGS if one != thing])
        fact = f"The {kind} {thing} by {brand}, colour {colour}, is a {kind} {thing} in {colour} for everyday use."
        decoy = f"The {kind} {other} by {brand}, colour {colour}, is a {kind} {other} in {colour} for everyday use."
        documents = {
            f"{number}-deep": _long(rng, fact),
            f"{number}-other": _long(rng, decoy),
            f"{number}-brand": f"{other.capitalize()} by {brand}",
            f"{number}-kind": f"Care spray for {kind} fabrics",
            f"{number}-colour": f"Acrylic paint {colour}, 250 ml",
            f"{number}-page": f"The {rng.choice(PEOPLE)} {rng.choice(DEEDS)} a box in the {rng.choice(ROOMS)}.",
        }
        yield Case(number, f"{kind} {thing} {colour}", fact, f"{number}-deep", documents)


def _long(rng: random.Random, fact: str) -> str:
    """About 3,400 tokens: each sentence of the filling has 15, of single-token words alone."""
    return " ".join([*filling(TOKEN // 15 + 1, rng), fact, *filling(24, rng)])


def filling(sentences: int, rng: random.Random | None = None) -> Iterator[str]:
    """Sentences that answer nothing."""
    rng = rng or random.Random(0)
    for _ in range(sentences):
        who, deed, part, where = (rng.choice(words) for words in (PEOPLE, DEEDS, PARTS, ROOMS))
        after, whom = rng.choice(PARTS), rng.choice(PEOPLE)
        yield f"The {who} {deed} the {part} of the {where} before the {whom} saw the {after}."
