"""How good ranked lists are against graded judgements, query by query: every measure of ir-measures by its own name.

They are trec_eval's: gains are the grades themselves, a document that was not judged counts as 0, a query without
results counts as 0. P, R, RR and AP take every grade from 1 on as relevant. A grade below 0 (trec_eval: junk) gains
nothing.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from connector.errors import ConfigError
from connector.extras import adds

try:
    import ir_measures
except ModuleNotFoundError as error:
    raise ConfigError(f"measures need ir-measures: {adds('evaluate')}") from error

Run = Mapping[str, Sequence[str]]
"""Query id -> document ids, best first."""
Grades = Mapping[str, Mapping[str, int]]
"""Query id -> document id -> grade."""

MEASURES = ("nDCG@10", "RR", "AP", "R@100")
SPELLINGS = {"MRR": "RR", "MAP": "AP", "RECALL": "R", "PRECISION": "P", "NDCG": "nDCG", "JUDGED": "Judged"}


def measure_name(wanted: str) -> str:
    """A measure as ir-measures names it, from that or from what people call it (`MRR@10`, `recall@100`). Raises
    ConfigError for one that there is not, and for one that ir-measures knows but cannot compute here for queries of any
    id: it is tried on a query called "q".
    """
    kind, at, depth = wanted.strip().partition("@")
    name = SPELLINGS.get(kind.upper(), kind) + at + depth
    try:
        ir_measures.parse_measure(name)
    except (NameError, ValueError, SyntaxError) as error:
        raise ConfigError(
            f"{wanted!r} is no measure; there are nDCG@10, RR, AP, P@5, R@100, Judged@10 and others of ir-measures"
        ) from error
    try:
        per_query({"q": ["a"]}, {"q": {"a": 1}}, name)
    except Exception as error:  # each of its providers fails in a way of its own
        raise ConfigError(
            f"{wanted!r} cannot be computed ({str(error).splitlines()[0]}); there are nDCG@10, RR, AP, P@5, R@100, "
            "Judged@10 and others of ir-measures"
        ) from error
    return name


def per_query(run: Run, grades: Grades, measure: str = "nDCG@10") -> dict[str, float]:
    """The measure of every graded query, in the grades' order. Raises ValueError for a list that names a document
    twice, NameError for an unknown measure.
    """
    rows = {}
    for query in grades:
        documents = run.get(query, ())
        if len(set(documents)) != len(documents):
            raise ValueError(f"the list of query {query!r} names a document twice")
        if documents:  # ir-measures' Judged@k divides by the length of a list
            rows[query] = {key: float(-rank) for rank, key in enumerate(documents)}
    judged = {query: dict(known) for query, known in grades.items()}
    found = {
        m.query_id: float(m.value) for m in ir_measures.iter_calc([ir_measures.parse_measure(measure)], judged, rows)
    }
    return {query: found.get(query, 0.0) for query in grades}


def ranked(scores: Iterable[tuple[str, float]]) -> list[str]:
    """Document ids in trec_eval's order: by score as a 32-bit float, best first; ties by id, the largest first.

    trec_eval reads scores into C floats and ignores the rank that a run file states.
    """
    return [key for _, key in sorted(((float(np.float32(score)), key) for key, score in scores), reverse=True)]
