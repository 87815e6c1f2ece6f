import math
import random

import pytest
import pytrec_eval

from connector.evaluation import Mean, compare, mean, per_query, summarise

GRADES = {"q1": {"a": 3, "b": 1, "c": 0}, "q2": {"d": 2}, "q3": {"e": 1}}


def test_ndcg_by_hand() -> None:
    """Gains are the grades themselves, discounts log2(rank + 1); what was not judged gains nothing."""
    run = {"q1": ["b", "x", "a"], "q2": ["d"], "q9": ["z"]}
    ideal = 3 / math.log2(2) + 1 / math.log2(3)
    expected = {"q1": (1 / math.log2(2) + 3 / math.log2(4)) / ideal, "q2": 1.0, "q3": 0.0}
    assert per_query(run, GRADES) == pytest.approx(expected)


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
