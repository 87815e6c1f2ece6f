"""The texts a model is quantised on: pairs to calibrate with, and graded ones to show what it costs.

Rule: nothing is measured on the pairs that the ranges come from, unless there are no others.
"""

import json
import random
from dataclasses import dataclass
from pathlib import Path

from connector.errors import ConfigError
from workers.quantize.calibration import PAIRS
from workers.scorer import Pair
from workers.training.data import Grades, document_text, read_collection

SEED = 0
MEASURED = 256  # pairs without grades that tau and speed are measured on


@dataclass(frozen=True, slots=True)
class Texts:
    """`places` are (query id, document id) of the measured pairs where they are graded, else none."""

    name: str
    calibration: list[Pair]
    measured: list[Pair]
    places: list[tuple[str, str]]
    grades: Grades


def read_pairs(path: Path) -> list[Pair]:
    """Pairs of a JSONL file, {"query": "...", "document": "..."} a line. Raises ConfigError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    pairs = []
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line or "null")
            if row is not None:
                pairs.append((str(row["query"]), str(row["document"])))
        except (ValueError, KeyError, TypeError) as error:
            form = '{"query": "...", "document": "..."}'
            raise ConfigError(f"{path}, line {number}: not {form} ({error!r})") from error
    if not pairs:
        raise ConfigError(f"{path}: no pairs")
    return pairs


def gather(texts: Path | None, graded: Path | None, parts: str, most: int) -> Texts:
    """What the options name: a file of pairs, a folder of graded queries, or both. Without a file the ranges come from
    pairs of the folder's train queries (all where it has no split); `parts` (comma-separated) are measured, whole
    queries in a seeded order until `most` pairs. Raises ConfigError.
    """
    if texts is None and graded is None:
        raise ConfigError("no texts: give --texts FILE.jsonl or --graded FOLDER")
    rng = random.Random(SEED)
    pairs = read_pairs(texts) if texts else []
    rng.shuffle(pairs)
    if graded is None:
        return Texts(f"{len(pairs)} pairs", pairs[:PAIRS], pairs[PAIRS : PAIRS + MEASURED] or pairs, [], {})
    collection = read_collection(graded)
    said = [part.strip() for part in parts.split(",")] if collection.split else ["train"]
    queries: dict[str, str] = {}
    grades: Grades = {}
    for part in said:
        more, theirs = collection.part(part)
        queries, grades = queries | more, grades | theirs
    train = collection.part("train")[1]
    pool = [(query, key) for query in train for key in train[query] if key in collection.documents]
    rng.shuffle(pool)
    order = sorted(grades)
    rng.shuffle(order)
    places: list[tuple[str, str]] = []
    for query in order:
        if len(places) < most:
            places += [(query, key) for key in grades[query] if key in collection.documents]
    used = set() if pairs else set(pool[:PAIRS])
    places = [place for place in places if place not in used] or places
    if not places:
        raise ConfigError(f"{graded}: no graded queries in {', '.join(said)}")

    def pair(place: tuple[str, str]) -> Pair:
        return collection.queries[place[0]], document_text(collection.documents[place[1]])

    calibration = pairs[:PAIRS] or [pair(place) for place in pool[:PAIRS]]
    return Texts(f"{graded.name}, {'+'.join(said)}", calibration, list(map(pair, places)), places, grades)
