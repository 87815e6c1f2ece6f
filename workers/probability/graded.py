"""Graded pairs to calibrate on, and the calibration that comes of them.

Rule: the pairs are those that people graded, not those that nobody looked at: a probability is then that of a document
which was worth a look.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from connector.calibration import Calibration
from connector.errors import ConfigError
from workers.probability.fit import METHODS
from workers.probability.measure import compare, cross_validated
from workers.probability.record import Record
from workers.probability.thresholds import choose
from workers.scorer import Pair
from workers.training.data import Collection, document_text, read_collection

LEAST_QUERIES = 5  # fewer cannot say how far off a new query's probabilities are


@dataclass(frozen=True, slots=True)
class Graded:
    """Pairs with their grade and the query they belong to, in parallel."""

    name: str
    pairs: list[Pair]
    grades: list[int]
    queries: list[str]


def from_collection(name: str, collection: Collection, parts: Sequence[str]) -> Graded:
    """The graded documents of the parts' queries, read as in training."""
    found = Graded(name, [], [], [])
    for part in parts:
        texts, grades = collection.part(part)
        for query, rows in grades.items():
            for document, grade in rows.items():
                if document in collection.documents:
                    found.pairs.append((texts[query], document_text(collection.documents[document])))
                    found.grades.append(grade)
                    found.queries.append(query)
    return found


def from_folder(folder: Path, parts: str) -> Graded:
    """A folder as `secondpass train` reads it; of one without a split all queries. Raises ConfigError."""
    collection = read_collection(folder)
    said = [part.strip() for part in parts.split(",")] if collection.split else ["train"]
    where = "+".join(said) if collection.split else "all queries"
    return from_collection(f"{folder.resolve().name}, {where}", collection, said)


def from_lines(path: Path) -> Graded:
    """JSON lines of {"query": "...", "document": "...", "grade": 2}, the document as the model is to read it. Raises
    ConfigError.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    found = Graded(path.name, [], [], [])
    for number, line in enumerate(lines, 1):
        try:
            if line.strip():
                row = json.loads(line)
                grade = float(row["grade"])
                if not grade.is_integer():
                    raise ConfigError(f"{path}, line {number}: grade {grade:g}; grades are whole numbers, as 0 to 3")
                found.pairs.append((str(row["query"]), str(row["document"])))
                found.grades.append(int(grade))
                found.queries.append(str(row["query"]))
        except (ValueError, KeyError, TypeError) as error:
            form = '{"query": "...", "document": "...", "grade": 2}'
            raise ConfigError(f"{path}, line {number}: not {form} ({error!r})") from error
    return found


def calibrate(graded: Graded, logits: Sequence[float], method: str = "platt", relevant: int | None = None) -> Record:
    """Fit, judge and choose thresholds. `relevant` None: half of the highest grade on, which is 2 of 0 to 3. Raises
    ConfigError where the grades cannot carry it.
    """
    if method not in METHODS:
        raise ConfigError(f"--method {method}: there is {', '.join(METHODS)}")
    known = np.isfinite(np.asarray(logits, float))
    queries = [query for query, is_known in zip(graded.queries, known, strict=True) if is_known]
    if (count := len(set(queries))) < LEAST_QUERIES:
        raise ConfigError(f"{graded.name}: calibrating needs {LEAST_QUERIES} graded queries, there are {count}")
    least = max(1, -(-max(graded.grades) // 2)) if relevant is None else relevant
    values, flags = np.asarray(logits, float)[known], np.asarray(graded.grades)[known] >= least
    fit = METHODS[method]
    calibration, plain = fit(values, flags), Calibration()
    before = np.array([plain.probability(float(logit)) for logit in values])
    return Record(
        method=method,
        calibration=calibration,
        data=graded.name,
        relevant=least,
        queries=count,
        pairs=len(values),
        share=round(float(flags.mean()), 4),
        figures=compare(before, cross_validated(values, flags, queries, fit), flags, queries),
        thresholds=choose(values, flags, calibration),
    )
