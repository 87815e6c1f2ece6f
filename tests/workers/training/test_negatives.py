import random
from dataclasses import replace

import pytest

from connector.errors import ConfigError
from tests.workers.training.index import drop, fill
from tests.workers.training.shelf import Shelf, embed, shop
from workers.training.corpus import read_index
from workers.training.lessons import dev_figure, graded_examples
from workers.training.mining import UNJUDGED_LABEL, mine_graded
from workers.training.negatives import Negatives, candidates, draw

TEXTS = {key: key for key in ("right", "same thing", "near", "far")}


def test_a_band_of_ranks_of_either_list_or_both():
    collection = shop()
    shelf = Shelf(collection)
    lexical = [hit.id for hit in shelf.lexical(["red kettle"], 9)[0]]
    nearest = [hit.id for hit in shelf.nearest(embed(["red kettle"]).tolist(), 9)[0]]
    assert candidates(Negatives("bm25", 3, 9), ["red kettle"], shelf, embed) == [lexical[2:]]
    assert candidates(Negatives("knn", 1, 9), ["red kettle"], shelf, embed) == [nearest]
    (fused,) = candidates(Negatives("fused", 1, 9), ["red kettle"], shelf, embed)
    assert fused[0] in (lexical[0], nearest[0])
    assert set(fused) <= set(lexical) | set(nearest)


@pytest.mark.parametrize(
    ("how", "message"), [(Negatives("bm26"), "fused"), (Negatives(first=5, last=4), "ranks 5 to 4")]
)
def test_what_is_no_list_or_band_is_refused(how, message):
    with pytest.raises(ConfigError, match=message):
        candidates(how, ["red kettle"], Shelf(shop()), embed)


def test_documents_with_a_grade_are_never_negatives_and_a_teacher_spots_unmarked_answers():
    scores = {"right": 0.9, "same thing": 0.88, "near": 0.6, "far": 0.1}
    asked = []

    def teacher(pairs):
        asked.extend(pairs)
        return [scores[text] for _, text in pairs]

    def drawn(how, known, teacher=None):
        return sorted(draw(how, "q", list(TEXTS), known, TEXTS, random.Random(1), teacher))

    assert drawn(Negatives(), {"right": 1.0}) == ["far", "near", "same thing"]
    assert drawn(Negatives(), {"right": 1.0, "near": 0.0}) == ["far", "same thing"]
    assert drawn(Negatives(guard=0.95), {"right": 1.0}, teacher) == ["far", "near"]
    assert drawn(Negatives(guard=0.5), {"right": 1.0}, teacher) == ["far"]
    assert drawn(Negatives(count=1), {"right": 1.0}) in (["far"], ["near"], ["same thing"])
    assert ("q", "right") in asked


def test_what_is_graded_under_another_id_of_the_query_is_no_negative():
    plain = shop()
    grades = {"q1": {"kettle red": 3}, "again": {key: 3 for key in plain.documents if "kettle" in key}}
    twice = replace(plain, queries={"q1": "red kettle", "again": "Red  kettle"}, grades=grades, split={})
    examples = graded_examples(twice, Shelf(plain), embed, Negatives("bm25", 1, 20, 20), seed=1)
    assert all("kettle" not in row.document for row in examples if not row.label)
    pairs = mine_graded(twice.queries, grades, Shelf(plain), embed, random.Random(1))
    assert all("kettle" not in pair.document for pair in pairs if pair.label == UNJUDGED_LABEL)
    assert any(pair.label == UNJUDGED_LABEL for pair in pairs)


def test_a_list_holds_what_was_graded_then_negatives():
    collection = shop()
    examples = graded_examples(collection, Shelf(collection), embed, Negatives("bm25", 1, 20, 4), seed=1)
    first = [row for row in examples if row.query == "red kettle"]
    assert [row.label for row in first] == [1.0, pytest.approx(2 / 3), 0.0, 0.0, 0.0, 0.0, 0.0]
    assert len({row.document for row in first}) == 7
    assert examples == graded_examples(collection, Shelf(collection), embed, Negatives("bm25", 1, 20, 4), seed=1)
    assert {row.query for row in examples} == {"red kettle", "rain jacket"}  # the train queries


def test_dev_is_measured_on_fused_windows_and_only_where_there_is_dev(small):
    from dataclasses import replace

    from workers.training.encoder import load

    collection = shop()
    figure = dev_figure(collection, Shelf(collection), embed)
    assert 0 <= figure(*load(small, 1)) <= 1
    assert dev_figure(replace(collection, split={"train": ["q1"]}), Shelf(collection), embed) is None


def test_documents_of_a_live_index_title_first_and_all_pages(opensearch_url, unique_index):
    collection = shop()
    fill(opensearch_url, unique_index, collection)
    try:
        found = read_index(opensearch_url, unique_index, ["title", "brand", "text"])
        assert set(found) == set(collection.documents)
        assert found["kettle red"] == {
            "id": "kettle red",
            "title": "Acme red kettle model 0",
            "brand": "Acme",
            "text": "A red kettle for every day.",
            "category": ["Kitchen", "Kettles"],
        }
        assert len(read_index(opensearch_url, unique_index, ["title"], limit=7)) == 7
        with pytest.raises(ConfigError, match="--fields"):
            read_index(opensearch_url, unique_index, ["headline"])
    finally:
        drop(opensearch_url, unique_index)
