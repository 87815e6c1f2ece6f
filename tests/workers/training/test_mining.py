import random
from dataclasses import replace

import pytest

from tests.workers.training.shelf import Shelf, embed, shop
from workers.training.engine import Hit
from workers.training.mining import (
    EXCLUDED_FACTOR,
    GRADE_LABELS,
    SOFT_MAX,
    SOURCE_LABEL,
    UNJUDGED_LABEL,
    category_overlap,
    coverage,
    graded_label,
    merge,
    mine,
    mine_graded,
    soft_label,
)
from workers.training.queries import MadeQuery


def test_lists_are_taken_in_turns_and_each_document_once():
    assert merge([Hit("a", 3), Hit("b", 2)], [Hit("b", 0.9), Hit("c", 0.8), Hit("d", 0.7)]) == ["a", "b", "c", "d"]


def test_coverage_forgives_a_plural():
    assert coverage("red kettles", "Acme Red Kettle") == 1.0
    assert coverage("red kettle", "Acme blue kettle") == 0.5
    assert coverage("", "anything") == 0.0


def test_category_overlap_is_the_common_part_of_the_path():
    assert category_overlap({"category": ["A", "B"]}, {"category": ["A", "B"]}) == 1.0
    assert category_overlap({"category": ["A", "B"]}, {"category": ["A", "C"]}) == 0.5
    assert category_overlap({"category": ["A"]}, {"category": []}) == 0.3
    assert category_overlap({"category": "Shoes"}, {"category": "Shirts"}) == 0.0
    assert category_overlap({"category": "A > B"}, {"category": ["A", "C"]}) == 0.5


def test_soft_labels_rise_with_every_sign_and_stay_below_the_source():
    low = soft_label(cosine=0.1, bm25=0.0, covered=0.0, category=0.0, to_source=0.1)
    high = soft_label(cosine=0.9, bm25=1.0, covered=1.0, category=1.0, to_source=0.95)
    assert 0.0 < low < 0.05 < 0.85 < high <= SOFT_MAX < SOURCE_LABEL
    for sign in ("cosine", "bm25", "covered", "category", "to_source"):
        values = dict.fromkeys(("cosine", "bm25", "covered", "category", "to_source"), 0.4)
        assert soft_label(**values | {sign: 0.6}) > soft_label(**values)


def test_a_made_query_gets_its_source_graded_neighbours_and_a_stranger():
    collection = shop()
    stored = {key: embed([str(document["title"])])[0] for key, document in collection.documents.items()}
    queries = [MadeQuery("red kettle", "kettle red")]
    pairs = mine(queries, collection.documents, Shelf(collection), embed, stored, random.Random(1))
    source, *neighbours, stranger = pairs
    assert (source.document, source.label) == ("kettle red", SOURCE_LABEL)
    assert len(neighbours) >= 4
    assert all(0.0 < pair.label <= SOFT_MAX and pair.document != "kettle red" for pair in neighbours)
    assert stranger.label == 0.0


@pytest.mark.parametrize(("documents", "strangers"), [(8, 1), (3, 0)])
def test_a_stranger_is_none_that_has_a_label_already(documents, strangers):
    """Two neighbours of a source are drawn from the first eight: of three products none is left."""
    collection = replace(shop(), documents=dict(list(shop().documents.items())[:documents]))
    stored = {key: embed([str(document["title"])])[0] for key, document in collection.documents.items()}
    for seed in range(20):
        query = [MadeQuery("red kettle", "kettle red")]
        pairs = mine(query, collection.documents, Shelf(collection), embed, stored, random.Random(seed))
        assert len({pair.document for pair in pairs}) == len(pairs)
        assert sum(not pair.label for pair in pairs) == strangers


def test_what_a_query_excludes_is_labelled_lower():
    collection = shop()
    stored = {key: embed([str(document["title"])])[0] for key, document in collection.documents.items()}

    def descalers(excluded: str) -> dict[str, float]:
        queries = [MadeQuery("kettle without descaler", "kettle blue", excluded)] * 8
        pairs = mine(queries, collection.documents, Shelf(collection), embed, stored, random.Random(1))
        return {pair.document: pair.label for pair in pairs if "descaler" in pair.document and pair.label > 0}

    plain, lowered = descalers(""), descalers("descaler")
    assert plain.keys() == lowered.keys()
    assert plain
    for key, label in plain.items():
        assert lowered[key] == pytest.approx(EXCLUDED_FACTOR * label)


def test_grades_become_labels_and_unjudged_neighbours_are_nearly_zero():
    collection = shop()
    queries, grades = collection.part("train")
    pairs = mine_graded(queries, grades, Shelf(collection), embed, random.Random(1), unjudged=4)
    labels = {(pair.query, pair.document): pair.label for pair in pairs}
    assert labels["red kettle", "kettle red"] == GRADE_LABELS[3]
    assert labels["red kettle", "kettle descaler red"] == GRADE_LABELS[0]
    assert sum(label == UNJUDGED_LABEL for (query, _), label in labels.items() if query == "red kettle") == 4
    assert {query for query, _ in labels} == {"red kettle", "rain jacket"}


@pytest.mark.parametrize("grade", [-1, 7])
def test_grades_outside_the_scale_are_taken_as_its_ends(grade):
    collection = shop()
    pairs = mine_graded({"q": "hose"}, {"q": {"kettle red": grade}}, Shelf(collection), embed, random.Random(1))
    assert pairs[0].label == GRADE_LABELS[0 if grade < 0 else 3]


def test_a_grade_between_two_has_a_label_between_theirs():
    assert [graded_label(grade) for grade in GRADE_LABELS] == pytest.approx(list(GRADE_LABELS.values()))
    assert graded_label(1.5) == pytest.approx((GRADE_LABELS[1] + GRADE_LABELS[2]) / 2)
