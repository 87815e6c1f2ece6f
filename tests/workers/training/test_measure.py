import pytest

from tests.workers.training.shelf import Shelf, embed, shop
from workers.training.engine import Hit
from workers.training.measure import RRF_K, WORSE, first_stage, fuse, gain, mean, per_query, report


def test_reciprocal_ranks_add_up_and_ties_go_to_the_lexical_list():
    lexical, nearest = [Hit("a", 9), Hit("b", 8)], [Hit("c", 0.9), Hit("b", 0.8)]
    assert fuse(lexical, nearest) == ["b", "a", "c"]
    assert 2 / (RRF_K + 2) > 1 / (RRF_K + 1)
    assert fuse(lexical, nearest, window=1) == ["b"]


def test_ndcg_has_the_gains_of_trec_eval_and_missing_grades_count_zero():
    grades = {"q1": {"a": 3, "b": 1}, "q2": {"c": 1}}
    run = {"q1": ["x", "b", "a"]}
    ideal = 3 + 1 / 1.5849625
    assert per_query(run, grades) == {"q1": pytest.approx((1 / 1.5849625 + 3 / 2) / ideal), "q2": 0.0}
    assert mean({"q1": 1.0, "q2": 0.0}) == 0.5


def test_a_gain_comes_with_its_interval():
    before = {f"q{number}": 0.5 for number in range(40)}
    after = {query: 0.5 + (0.2 if number % 2 else 0.0) for number, query in enumerate(before)}
    difference, low, high = gain(after, before)
    assert difference == pytest.approx(0.1)
    assert 0.05 < low < difference < high < 0.15
    assert gain(after, before) == gain(after, before)


def test_the_first_stage_gives_both_lists_and_their_fusion():
    collection = shop()
    queries, grades = collection.part("dev")
    runs = first_stage(Shelf(collection), queries, embed)
    assert set(runs) == {"bm25", "knn", "fused"}
    assert per_query(runs["fused"], grades)["q3"] > 0.9


@pytest.mark.parametrize(("backwards", "said"), [(True, True), (False, False)])
def test_a_model_that_is_worse_than_the_fused_list_is_said_to_be(monkeypatch, backwards, said):
    def order(model, tokenizer, collection, queries, fused, max_tokens):
        return {query: keys[::-1] if backwards else keys for query, keys in fused.items()}

    monkeypatch.setattr("workers.training.measure.rerank", order)
    collection = shop()
    lines = report(None, None, collection, Shelf(collection), embed)
    assert (f"dev: {WORSE}" in lines) is said
