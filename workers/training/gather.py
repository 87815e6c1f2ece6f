"""What a user has, as one collection: documents, queries, grades, and which queries are for training and which for dev.

Rule: dev queries are set apart before anything is learnt, by a fixed seed, and a query is never in both parts: what
differs in case, spaces or id alone is the same query.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from connector.errors import ConfigError
from connector.evaluation.folders import parts
from connector.evaluation.judgments import Judgments, read_judgments
from workers.training import clicks
from workers.training.data import Collection, Grades, folded

DEV_SHARE = 0.15
LEAST_FOR_DEV = 8
"""Queries from which on some are set apart for dev; fewer would measure nothing and be missed in training."""

CLICK_GRADES = 100
"""Labels of clicks, 0 to 1, as whole grades: nDCG does not change by the factor. The grade that is 1 when they are
learnt from, so that average stays 0.5."""


def from_judgments(
    documents: dict[str, dict[str, Any]], grades: Path, queries: Path | None = None, dev: Path | None = None
) -> Collection:
    """Return the graded queries of a file or folder, in any form `secondpass evaluate` reads, over these documents.

    `dev` is another such source. Of a folder with parts only `train` is learnt from, and its `dev` is dev; where there
    is neither, a share of the queries. Raises ConfigError.
    """
    there = parts(grades)
    texts, rated = _plain(read_judgments(grades, queries, "train" if there else ""))
    found = Collection(documents, texts, rated, {})
    if dev:
        return with_dev(found, dev, queries)
    return _held(found, read_judgments(grades, queries, "dev")) if "dev" in there else split_dev(found)


def with_dev(collection: Collection, dev: Path, queries: Path | None = None) -> Collection:
    """Return the collection with the graded queries of another source as its dev part, and none of them in train."""
    return _held(collection, read_judgments(dev, queries, "dev" if "dev" in parts(dev) else ""))


def _held(collection: Collection, dev: Judgments) -> Collection:
    texts, rated = _plain(dev)
    known = {folded(text) for text in texts.values()}
    learnt = [key for key, text in collection.part("train")[0].items() if folded(text) not in known]
    renamed = {f"dev {key}": text for key, text in texts.items()}
    grades = collection.grades | {f"dev {key}": rows for key, rows in rated.items()}
    return replace(
        collection,
        queries=collection.queries | renamed,
        grades=grades,
        split={"train": learnt, "dev": list(renamed)},
    )


def from_clicks(
    documents: dict[str, dict[str, Any]], folder: Path, least_shown: int, dev: Path | None = None
) -> Collection:
    """Return the queries of a UBI log with what people clicked as grades; dev is a share of them, or graded queries
    of another source. Raises ConfigError for too few clicks.
    """
    queries, events = clicks.read_events(folder)
    found = clicks.labels(clicks.count(queries, events), least_shown)
    grades: Grades = {}
    for text, rows in found.items():
        known = {key: round(CLICK_GRADES * label) for key, label in rows.items() if key in documents}
        if len(known) > 1:
            grades[text] = known
    if not grades:
        raise ConfigError(
            f"{folder}: no query has a click and two documents of the index that were shown {least_shown} times or more"
        )
    clicked = Collection(documents, {text: text for text in grades}, grades, {})
    return with_dev(clicked, dev) if dev else split_dev(clicked)


def split_dev(collection: Collection, seed: int = 0) -> Collection:
    """Set a share of the graded queries apart for dev, unless there is a split or there are too few."""
    graded = sorted(key for key in collection.grades if key in collection.queries)
    texts: dict[str, list[str]] = {}
    for key in graded:
        texts.setdefault(folded(collection.queries[key]), []).append(key)
    if collection.split or len(texts) < LEAST_FOR_DEV:
        return collection
    drawn = random.Random(seed).sample(list(texts.values()), max(2, round(DEV_SHARE * len(texts))))
    held = {key for keys in drawn for key in keys}
    parts = {"train": [key for key in graded if key not in held], "dev": [key for key in graded if key in held]}
    return replace(collection, split=parts)


def shares(grades: Mapping[str, Mapping[str, int]], top: int = 0) -> dict[str, dict[str, float]]:
    """Return the grades as relevance from 0 to 1, `top` being 1; 0: the highest of all."""
    top = top or max((grade for rows in grades.values() for grade in rows.values()), default=0) or 1
    return {query: {key: max(grade, 0) / top for key, grade in rows.items()} for query, rows in grades.items()}


def languages_of(given: str) -> tuple[str, ...]:
    """Return the languages of a comma-separated list."""
    return tuple(part.strip() for part in given.split(",") if part.strip())


def _plain(judgments: Judgments) -> tuple[dict[str, str], Grades]:
    texts = {query.id: query.text for query in judgments.queries}
    return texts, {query.id: dict(query.grades) for query in judgments.queries}


def fields_of(given: str) -> Sequence[str]:
    """Return the fields of a comma-separated list. Raises ConfigError where there is none."""
    found = [part.strip() for part in given.split(",") if part.strip()]
    if not found:
        raise ConfigError("--fields: name at least one field, such as title,brand,description")
    return found
