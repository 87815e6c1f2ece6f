import json
from dataclasses import replace

import pytest
import torch

from tests.workers.training.shelf import Shelf, embed, shop
from workers.training.data import Collection
from workers.training.measure import report
from workers.training.mining import Pair
from workers.training.recipe import Recipe, train_catalogue
from workers.training.trainer import Pass

SMALL = Recipe(
    made=20,
    replayed_judged=6,
    replayed=6,
    unjudged=3,
    learn=Pass(1e-3, max_tokens=32),
    refine=Pass(1e-4, max_tokens=32),
)


class TrainOnly(dict):
    """Grades that may be read for the train queries alone."""

    def __getitem__(self, key):
        assert key in ("q1", "q2"), f"{key} is not a train query"
        return super().__getitem__(key)


def weights(model) -> torch.Tensor:
    return model.classifier.weight.detach().clone()


def test_both_stages_run_and_an_interrupted_run_ends_in_the_same_model(tiny, tmp_path):
    said: list[str] = []
    collection = shop()
    whole, _ = train_catalogue(collection, Shelf(collection), embed, tiny, tmp_path, 1, SMALL, say=said.append)
    assert [line.split(":")[0] for line in said] == ["stage made", "stage made", "stage graded", "stage graded"]
    assert (tmp_path / "made" / "model.safetensors").exists()
    assert not (tmp_path / "made.part").exists()
    resumed, _ = train_catalogue(collection, Shelf(collection), embed, tiny, tmp_path, 1, SMALL, say=said.append)
    assert "going on from it" in said[4]
    assert torch.equal(weights(whole), weights(resumed))


def test_a_catalogue_without_grades_is_enough(tiny, tmp_path):
    bare = Collection(shop().documents, {}, {}, {})
    said: list[str] = []
    train_catalogue(bare, Shelf(bare), embed, tiny, tmp_path, 1, SMALL, say=said.append)
    assert all("graded" not in line for line in said)


def test_a_recipe_can_leave_the_train_grades_out(tiny, tmp_path):
    plain, said = shop(), []
    sealed = Collection(plain.documents, plain.queries, {"q1": None, "q2": None}, plain.split)  # cannot be read
    recipe = replace(SMALL, graded=False)
    train_catalogue(sealed, Shelf(sealed), embed, tiny, tmp_path, 1, recipe, say=said.append)
    assert [line.split(":")[0] for line in said] == ["stage made"] * 2


def test_what_was_graded_elsewhere_has_stages_of_its_own_and_any_of_them_can_be_the_last(tiny, tmp_path):
    whole, bare = shop(), Collection(shop().documents, {}, {}, {})
    elsewhere = [[Pair(f"kettle for {what}", key, 0.9) for key in bare.documents] for what in ("gas", "tea")]
    said: list[str] = []

    def train(collection: Collection, folder: str):
        shelf, out = Shelf(collection), tmp_path / folder
        return train_catalogue(collection, shelf, embed, tiny, out, 1, SMALL, say=said.append, judged=elsewhere)

    train(bare, "bare")
    assert [line.split(":")[0] for line in said[::2]] == ["stage made", "stage judged", "stage judged-2"]
    learnt = [json.loads(line) for line in (tmp_path / "bare" / "judged-2.jsonl").read_text().splitlines()]
    assert [row["label"] for row in learnt if row["query"] == "kettle for tea"] == [0.9] * len(bare.documents)
    assert not any(row["query"] == "kettle for gas" for row in learnt)
    said.clear()
    ended, _ = train(whole, "whole")
    assert [line.split(":")[0] for line in said[6:]] == ["stage graded"] * 2
    resumed, _ = train(whole, "whole")
    assert "stage judged-2: found" in said[8]
    assert torch.equal(weights(ended), weights(resumed))


def test_grades_of_other_parts_are_never_read(tiny, tmp_path):
    plain = shop()
    guarded = Collection(plain.documents, plain.queries, TrainOnly(plain.grades), plain.split)
    with pytest.raises(AssertionError, match="q4"):
        guarded.part("test")
    train_catalogue(guarded, Shelf(guarded), embed, tiny, tmp_path, 1, SMALL, say=lambda _: None)


def test_documents_that_the_engine_finds_and_the_collection_lacks_are_left_out(tiny, tmp_path):
    """An index may hold more than what was read of it, and grades may name what was deleted since."""
    whole, said = shop(), []
    some = {key: row for key, row in whole.documents.items() if "white" not in key}
    grades = whole.grades | {"q1": whole.grades["q1"] | {"deleted": 3}}
    part = Collection(some, whole.queries, grades, whole.split)
    trained = train_catalogue(part, Shelf(whole), embed, tiny, tmp_path, 1, SMALL, say=said.append)
    assert any("name a document that is not there: left out" in line for line in said)
    assert "dev reranked" in "".join(report(*trained, part, Shelf(whole), embed, 32))
