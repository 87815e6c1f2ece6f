import json

import pytest
import torch

from tests.workers.training.shelf import Shelf, embed, shop
from workers.training.data import Collection
from workers.training.mining import Pair
from workers.training.recipe import Recipe, train_catalogue
from workers.training.trainer import Pass

SMALL = Recipe(made=20, replayed=6, unjudged=3, learn=Pass(1e-3, max_tokens=32), refine=Pass(1e-4, max_tokens=32))


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


def test_pairs_graded_elsewhere_join_the_grades_or_stand_for_them(tiny, tmp_path):
    bare = Collection(shop().documents, {}, {}, {})
    elsewhere = [Pair("kettle for gas", key, 0.9) for key in bare.documents]
    train_catalogue(bare, Shelf(bare), embed, tiny, tmp_path, 1, SMALL, say=lambda _: None, judged=elsewhere)
    learnt = [json.loads(line) for line in (tmp_path / "graded.jsonl").read_text().splitlines()]
    assert [row["label"] for row in learnt if row["query"] == "kettle for gas"] == [0.9] * len(elsewhere)


def test_grades_of_other_parts_are_never_read(tiny, tmp_path):
    plain = shop()
    guarded = Collection(plain.documents, plain.queries, TrainOnly(plain.grades), plain.split)
    with pytest.raises(AssertionError, match="q4"):
        guarded.part("test")
    train_catalogue(guarded, Shelf(guarded), embed, tiny, tmp_path, 1, SMALL, say=lambda _: None)
