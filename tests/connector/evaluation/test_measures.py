import math
import random

import pytest
import pytrec_eval

from connector.errors import ConfigError
from connector.evaluation import Mean, compare, mean, per_query, summarise
from connector.evaluation.measures import measure_name, ranked
from connector.evaluation.results import LEFT_OUT

GRADES = {"q1": {"a": 3, "b": 1, "c": 0}, "q2": {"d": 2}, "q3": {"e": 1}}


def test_ndcg_by_hand() -> None:
    """Gains are the grades themselves, discounts log2(rank + 1); what was not judged gains nothing."""
    run = {"q1": ["b", "x", "a"], "q2": ["d"], "q9": ["z"]}
    ideal = 3 / math.log2(2) + 1 / math.log2(3)
    expected = {"q1": (1 / math.log2(2) + 3 / math.log2(4)) / ideal, "q2": 1.0, "q3": 0.0}
    assert per_query(run, GRADES) == pytest.approx(expected)


def test_what_nobody_judged_can_be_left_out() -> None:
    run = {"q1": ["x", "b", "y", "z", "a"], "q2": ["x"], "q3": []}
    condensed = {"q1": ["b", "a"], "q2": [], "q3": []}
    assert per_query(run, GRADES, LEFT_OUT) == pytest.approx(per_query(condensed, GRADES))


def test_the_other_measures_by_hand() -> None:
    run = {"q1": ["c", "b", "x", "a"], "q2": ["x", "y", "d"], "q3": []}
    assert per_query(run, GRADES, "RR") == pytest.approx({"q1": 1 / 2, "q2": 1 / 3, "q3": 0.0})
    assert per_query(run, GRADES, "AP") == pytest.approx({"q1": (1 / 2 + 2 / 4) / 2, "q2": 1 / 3, "q3": 0.0})
    assert per_query(run, GRADES, "R@100") == {"q1": 1.0, "q2": 1.0, "q3": 0.0}
    deep = {"q2": [f"n{rank}" for rank in range(100)] + ["d"]}
    assert per_query(deep, GRADES, "R@100")["q2"] == 0.0


def test_the_same_as_trec_eval() -> None:
    chance = random.Random(7)
    documents = [f"d{n}" for n in range(150)]
    grades = {f"q{n}": {key: chance.randrange(4) for key in chance.sample(documents, 30)} for n in range(20)}
    run = {query: chance.sample(documents, 120) for query in grades}
    names = {"nDCG@10": "ndcg_cut_10", "RR": "recip_rank", "AP": "map", "R@100": "recall_100"}
    judge = pytrec_eval.RelevanceEvaluator(grades, set(names.values()))
    theirs = judge.evaluate({query: {key: -float(rank) for rank, key in enumerate(run[query])} for query in run})
    for ours, name in names.items():
        assert per_query(run, grades, ours) == pytest.approx({query: theirs[query][name] for query in grades})


def test_the_order_of_a_list_counts_and_not_the_ids() -> None:
    grades = {"q": {"z": 1}}
    assert per_query({"q": ["z", "a"]}, grades, "RR") == {"q": 1.0}
    assert per_query({"q": ["a", "z"]}, grades, "RR") == {"q": 0.5}


def test_a_document_twice_is_an_error() -> None:
    with pytest.raises(ValueError, match="'q1' names a document twice"):
        per_query({"q1": ["a", "b", "a"]}, GRADES)


def test_an_interval_is_repeatable_and_as_wide_as_theory_says() -> None:
    chance = random.Random(1)
    values = [chance.gauss(0.5, 0.2) for _ in range(400)]
    found = mean(values)
    assert found == mean(values)
    assert found.n == 400
    assert found.low < found.value < found.high
    assert found.high - found.low == pytest.approx(2 * 1.96 * 0.2 / math.sqrt(400), rel=0.15)


def test_a_constant_has_no_width_and_nothing_has_no_mean() -> None:
    assert mean([0.5] * 3) == Mean(0.5, 0.5, 0.5, 3)
    with pytest.raises(ValueError, match="no queries"):
        mean([])


def test_pairs_are_compared_by_query() -> None:
    """Queries differ far more than runs do: a paired interval sees a gain that two separate intervals cannot."""
    grades = {f"q{n}": {"a": 1} for n in range(40)}
    places = {f"q{n}": n % 10 for n in range(40)}
    filler = [f"x{n}" for n in range(12)]
    old = {query: [*filler[: place + 1], "a"] for query, place in places.items()}
    new = {query: [*filler[: place if place % 2 else place + 1], "a"] for query, place in places.items()}
    found = compare(old, new, grades, "RR")
    assert (found.wins, found.losses, found.ties) == (20, 0, 20)
    assert found.significant
    before, after = summarise(old, grades, ["RR"])["RR"], summarise(new, grades, ["RR"])["RR"]
    assert after.low < before.high
    assert found.mean.value == pytest.approx(after.value - before.value)
    back = compare(new, old, grades, "RR")
    assert (back.wins, back.losses) == (0, 20)
    assert not compare(old, old, grades).significant


NAMES = {"nDCG@10": "ndcg_cut_10", "RR": "recip_rank", "AP": "map", "P@5": "P_5", "R@100": "recall_100"}


def test_a_thousand_random_runs_give_what_trec_eval_gives() -> None:
    """Ties (also of scores that differ beyond 32 bits), documents that nobody judged, grades below 0, queries of one
    side only: trec_eval orders the scores itself, we order them by `ranked`.
    """
    chance = random.Random(2026)
    for _ in range(1000):
        documents = sorted({f"d{chance.randrange(10**4)}" for _ in range(chance.randint(1, 60))})
        levels = [chance.random() * 10 for _ in range(chance.choice((1, 3, 1000)))]

        def some(of: list[str] = documents) -> list[str]:
            return chance.sample(of, chance.randint(1, len(of)))

        grades = {f"q{n}": {key: chance.choice((-1, 0, 0, 1, 2, 3)) for key in some()} for n in range(3)}
        scores = {
            f"q{n}": {key: chance.choice(levels) + chance.choice((0, 1e-12)) for key in some()} for n in range(1, 4)
        }
        judge = pytrec_eval.RelevanceEvaluator(grades, set(NAMES.values()))
        theirs = judge.evaluate(scores)
        run = {query: ranked(found.items()) for query, found in scores.items()}
        for ours, name in NAMES.items():
            expected = {query: theirs[query][name] if query in theirs else 0.0 for query in grades}
            assert per_query(run, grades, ours) == pytest.approx(expected, abs=1e-12), (ours, grades, scores)


def test_judged_is_the_share_of_the_first_places_that_has_a_grade() -> None:
    run = {"q1": ["a", "x", "c", "y"], "q2": ["x", "y"], "q3": []}
    assert per_query(run, GRADES, "Judged@4") == {"q1": 0.5, "q2": 0.0, "q3": 0.0}


@pytest.mark.parametrize(
    ("written", "name"),
    [("MRR", "RR"), ("map", "AP"), ("ndcg@5", "nDCG@5"), ("Recall@100", "R@100"), ("MRR@10", "RR@10")],
)
def test_measures_go_by_the_names_that_people_use(written: str, name: str) -> None:
    assert measure_name(written) == name


@pytest.mark.parametrize("written", ["quality", "nDCG@", "P@many", "", "__import__('os')"])
def test_what_is_no_measure_is_said(written: str) -> None:
    with pytest.raises(ConfigError, match="is no measure"):
        measure_name(written)


@pytest.mark.parametrize("written", ["RBP@10", "RBP", "INST", "SDCG@5", "BPM", "ERR@10"])
def test_what_cannot_be_computed_is_said_before_anything_is_asked(written: str) -> None:
    with pytest.raises(ConfigError, match="cannot be computed"):
        measure_name(written)
