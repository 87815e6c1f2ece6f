"""All that a comparison found, as plain data: the tables, plots, the report and the JSON are made from it alone."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from connector.evaluation.answers import Answered
from connector.evaluation.collect import Answers
from connector.evaluation.judgments import Judgments
from connector.evaluation.measures import per_query
from connector.evaluation.moves import Change, changes
from connector.evaluation.statistics import Difference, Mean, difference, mean
from connector.evaluation.systems import System

JUDGED = "Judged@10"
LEFT_OUT = "nDCG(judged_only=True)@10"  # of lists without what nobody judged: Sakai's condensed lists (SIGIR 2007)
MANY_UNJUDGED = 0.1  # a system whose first ten hold this share more of unjudged documents is judged too low
SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds of an answer: the median and the 95th percentile; `added`: those that reranking added (median)."""

    p50: float
    p95: float
    added: float | None


@dataclass(frozen=True, slots=True)
class Found:
    """One system: its measures over all queries and query by query, how its answers went, what it changed."""

    system: System
    means: Mapping[str, Mean]
    values: Mapping[str, Mapping[str, float]]  # measure -> query id -> value
    outcomes: Mapping[str, int]  # "applied" -> 298, "skipped: language" -> 2; empty where nothing was to be reranked
    times: Times | None
    difference: Difference | None = None  # of the first measure, against the baseline
    changes: tuple[Change, ...] = ()
    applied: Difference | None = None  # the same over the queries that guards let through, where they stopped some
    pairs: float | None = None  # mean number of candidates scored an `applied` query, where a depth is adaptive

    @property
    def went(self) -> str:
        """How its answers went: `66 applied, 234 skipped: length; gain over the applied alone ...`."""
        said = ", ".join(f"{count} {outcome}" for outcome, count in self.outcomes.items())
        if self.pairs is not None:
            said = f"{said}; {self.pairs:.1f} of {self.system.policy.window} candidates scored a query"
        if self.applied is None:
            return said
        gap = self.applied.mean
        return f"{said}; gain over the applied alone {gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]"


@dataclass(frozen=True, slots=True)
class Results:
    """Of one index and one set of judgments. `found` is in the order asked for, `depth` from the smallest window up;
    the baseline is one of either.
    """

    index: str
    judgments: Judgments
    measures: tuple[str, ...]
    baseline: str
    found: Mapping[str, Found]
    depth: tuple[Found, ...]
    warnings: tuple[str, ...]

    @property
    def measure(self) -> str:
        """The one that differences are of."""
        return self.measures[0]

    @property
    def base(self) -> Found:
        """The system that differences are against."""
        return next(one for one in (*self.found.values(), *self.depth) if one.system.name == self.baseline)


def summarise_answers(
    index: str,
    judgments: Judgments,
    systems: Sequence[System],
    answers: Answers,
    measures: Sequence[str],
    baseline: str,
) -> Results:
    """`answers` must hold every query of every system."""
    kept = tuple(dict.fromkeys((*measures, JUDGED)))
    base = _found(next(system for system in systems if system.name == baseline), judgments, answers, kept, None)
    found = [_found(system, judgments, answers, kept, base) for system in systems]
    compared = {one.system.name: one for one in found if not one.system.cold}
    depth = tuple(one for one in found if one.system.cold)
    warnings = (*_strange(index, systems, judgments, answers), *_warnings(compared, base, kept[0]))
    return Results(index, judgments, kept, baseline, compared, depth, warnings)


def unsound(answers: Answers) -> list[Answered]:
    """Answers that no table may count."""
    return [answered for rows in answers.values() for answered in rows.values() if not answered.sound]


def _found(
    system: System, judgments: Judgments, answers: Answers, measures: Sequence[str], base: Found | None
) -> Found:
    rows, grades = answers[system.name], judgments.grades
    run = {query: answered.ids for query, answered in rows.items()}
    values = {measure: per_query(run, grades, measure) for measure in measures}
    means = {measure: mean(list(found.values())) for measure, found in values.items()}
    outcomes = Counter(answered.outcome for answered in rows.values() if answered.state)
    found = Found(system, means, values, dict(outcomes), _times(rows.values()), pairs=_pairs(system, rows.values()))
    if base is None or system.name == base.system.name:
        return found
    before, after = base.values[measures[0]], values[measures[0]]
    gains = [after[query] - before[query] for query in grades]
    moved = changes(judgments.queries, answers[base.system.name], rows, before, after)
    through = [after[query] - before[query] for query in grades if rows[query].state == "applied"]
    alone = difference(through) if 0 < len(through) < len(gains) else None
    return replace(found, difference=difference(gains), changes=tuple(moved), applied=alone)


def _pairs(system: System, rows: Iterable[Answered]) -> float | None:
    scored = [one.scored for one in rows if one.state == "applied"]
    return float(np.mean(scored)) if scored and system.policy.stop_margin else None


def _times(rows: Iterable[Answered]) -> Times | None:
    """None for lists that were read from a file."""
    answered = [one for one in rows if one.took_ms]
    if not answered:
        return None
    took = [one.took_ms for one in answered]
    added = [one.ms for one in answered if one.state == "applied"]
    p50, p95 = (float(value) for value in np.percentile(took, [50, 95]))
    return Times(p50, p95, float(np.median(added)) if added else None)


def _strange(index: str, systems: Sequence[System], judgments: Judgments, answers: Answers) -> list[str]:
    """What is odd of systems without a list, or whose lists hold no graded document at any place: a file's ids are
    others than those of the judgments; where nobody found one, the index may be another.
    """
    known, files = judgments.grades, {system.name for system in systems if system.by == "file"}
    lists = {name: {query: set(one.ids) for query, one in rows.items()} for name, rows in answers.items()}
    silent = [name for name, rows in lists.items() if not any(rows.values())]
    strange = [
        name
        for name, rows in lists.items()
        if name not in silent and not any(ids & known[query].keys() for query, ids in rows.items())
    ]
    said = [
        f"{name} has no hit for any of the {len(known)} queries: "
        + ("are the file's query ids those of the judgments?" if name in files else f"is the index {index} empty?")
        for name in silent
    ]
    none = "found a graded document for any query, so figures are 0: are the document ids of"
    if strange and len(strange) == len(lists):
        where = "the files" if files.issuperset(strange) else index
        return [*said, f"no system {none} the judgments those of {where}?"]
    said += [f"{name} has not {none} its file those of the judgments?" for name in strange if name in files]
    if asked := [name for name in strange if name not in files]:
        said.append(f"not one of {', '.join(asked)} {none} the judgments those of {index}?")
    return said


def _warnings(found: Mapping[str, Found], base: Found, measure: str) -> list[str]:
    said = []
    for name, one in found.items():
        gap = one.difference
        if gap is None:
            continue
        share = base.means[JUDGED].value - one.means[JUDGED].value
        if share > MANY_UNJUDGED:
            said.append(
                f"{name}: nobody judged {1 - one.means[JUDGED].value:.0%} of its first ten "
                f"({base.system.name}: {1 - base.means[JUDGED].value:.0%}); each counts as irrelevant, so its "
                f"figures may be too low. Judge them, then evaluate again; --measure '{LEFT_OUT}' leaves them out."
            )
        if one.system.by == "reranked" and gap.mean.high < 0 and gap.p is not None and gap.p < SIGNIFICANT:
            said.append(
                f"{name} is worse than {base.system.name}: {measure} {gap.mean.value:+.3f} "
                f"[{gap.mean.low:+.3f}, {gap.mean.high:+.3f}], p {gap.p:.4f}. Do not serve model "
                f"{one.system.policy.model} to this content: take this index out of policy {one.system.base}, or "
                "train a model on your own data (`secondpass train`) and evaluate that."
            )
    return said
