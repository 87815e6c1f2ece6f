import pytest
import torch

from tests.workers.training.shelf import Shelf, embed, shop
from workers.training.data import Collection
from workers.training.mining import SOURCE_LABEL
from workers.training.recipe import Recipe, document_vectors, train_catalogue
from workers.training.teaching import read_lessons, teach, write_lessons
from workers.training.trainer import Pass

SHORT = Pass(1e-4, max_tokens=32)
SMALL = Recipe(made=20, replayed=6, unjudged=3, learn=Pass(1e-3, max_tokens=32), follow=SHORT, refine=SHORT)


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
    assert (tmp_path / "graded" / "model.safetensors").exists()
    assert not (tmp_path / "made.part").exists()
    resumed, _ = train_catalogue(collection, Shelf(collection), embed, tiny, tmp_path, 1, SMALL, say=said.append)
    assert [line for line in said[4:] if "going on from it" not in line] == []
    assert torch.equal(weights(whole), weights(resumed))


def test_a_catalogue_without_grades_is_enough(tiny, tmp_path):
    bare = Collection(shop().documents, {}, {}, {})
    said: list[str] = []
    train_catalogue(bare, Shelf(bare), embed, tiny, tmp_path, 1, SMALL, say=said.append)
    assert all("graded" not in line for line in said)


def test_grades_of_other_parts_are_never_read(tiny, tmp_path):
    plain = shop()
    guarded = Collection(plain.documents, plain.queries, TrainOnly(plain.grades), plain.split)
    with pytest.raises(AssertionError, match="q4"):
        guarded.part("test")
    train_catalogue(guarded, Shelf(guarded), embed, tiny, tmp_path, 1, SMALL, say=lambda _: None)


def test_lessons_are_a_stage_of_their_own_and_come_back_in_the_last(tiny, tmp_path):
    said: list[str] = []
    collection = shop()
    shelf = Shelf(collection)
    lessons = teach(collection, shelf, embed, document_vectors(collection, shelf, embed), [tiny], 8)
    write_lessons(tmp_path / "lessons.jsonl", lessons)
    again = read_lessons(tmp_path / "lessons.jsonl")
    assert [(pair.query, pair.document) for pair in again] == [(pair.query, pair.document) for pair in lessons]
    assert all(0 <= pair.label <= 1 for pair in lessons)
    assert {pair.label for pair in lessons} >= {SOURCE_LABEL}
    train_catalogue(collection, shelf, embed, tiny, tmp_path, 1, SMALL, say=said.append, lessons=again)
    assert [line.split(":")[0] for line in said[::2]] == ["stage made", "stage taught", "stage graded"]
