import gzip
import json

import pytest

from connector.errors import ConfigError
from workers.training.data import document_text, read_collection


@pytest.fixture
def folder(tmp_path):
    rows = [{"id": "a", "title": "Kettle"}, {"id": "b", "title": "Hose"}]
    (tmp_path / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with gzip.open(tmp_path / "queries.jsonl.gz", "wt") as stream:
        stream.write('{"id": "q1", "text": "kettle"}\n{"id": "q2", "text": "hose"}\n')
    (tmp_path / "qrels.tsv").write_text("q1\ta\t3\nq1\tb\t0\nq2\tb\t3\n")
    (tmp_path / "split.json").write_text('{"train": ["q1"], "test": ["q2"]}')
    return tmp_path


def test_plain_and_gzipped_files_are_read(folder):
    collection = read_collection(folder)
    assert list(collection.documents) == ["a", "b"]
    assert collection.part("test") == ({"q2": "hose"}, {"q2": {"b": 3}})


def test_a_part_shows_nothing_of_the_others(folder):
    queries, grades = read_collection(folder).part("train")
    assert queries == {"q1": "kettle"}
    assert grades == {"q1": {"a": 3, "b": 0}}
    assert read_collection(folder).part("dev") == ({}, {})


def test_without_a_split_everything_is_for_training(folder):
    (folder / "split.json").unlink()
    assert set(read_collection(folder).part("train")[0]) == {"q1", "q2"}


@pytest.mark.parametrize("line", ['{"title": "no id"}', "{not json"])
def test_a_bad_line_is_named(folder, line):
    (folder / "corpus.jsonl").write_text(line + "\n")
    with pytest.raises(ConfigError, match=str(folder)):
        read_collection(folder)


def test_a_folder_without_documents_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"corpus\.jsonl"):
        read_collection(tmp_path)


def test_document_text_joins_what_is_there_and_cuts():
    document = {"title": "Kettle", "brand": None, "color": "red", "text": "Boils water", "category": ["Kitchen", "Tea"]}
    assert document_text(document) == "Kettle. red. Boils water"
    assert document_text(document, ("category", "title")) == "Kitchen Tea. Kettle"
    assert document_text(document, max_chars=9) == "Kettle. r"


def test_a_split_may_stand_in_the_queries_own_lines(folder):
    (folder / "split.json").unlink()
    (folder / "queries.jsonl").write_text(
        '{"id": "q1", "text": "kettle", "split": "train"}\n{"id": "q2", "text": "hose", "split": "test"}\n'
    )
    assert set(read_collection(folder).part("train")[0]) == {"q1"}


def test_parts_of_a_beir_folder_are_its_qrels(folder):
    """Beside `qrels.tsv` and `split.json`, which say something else of the same queries."""
    (folder / "qrels").mkdir()
    (folder / "qrels" / "train.tsv").write_text("query-id\tcorpus-id\tscore\nq2\ta\t1\n")
    with gzip.open(folder / "qrels" / "test.tsv.gz", "wt") as stream:
        stream.write("query-id\tcorpus-id\tscore\nq1\tb\t1\nq2\tb\t3\n")
    collection = read_collection(folder)
    assert collection.part("train") == ({"q2": "hose"}, {"q2": {"a": 1}})  # nothing of what test says of it
    assert collection.part("test")[1]["q1"] == {"b": 1}
    (folder / "qrels" / "train.tsv").unlink()
    assert read_collection(folder).part("train") == ({"q1": "kettle"}, {"q1": {"a": 3, "b": 0}})
    (folder / "split.json").unlink()
    assert read_collection(folder).part("train") == ({}, {})


def test_a_split_that_names_a_query_without_a_text_is_refused_where_the_part_is_wanted(folder):
    (folder / "split.json").write_text('{"train": ["q1", "zz"], "test": ["hidden"], "dev": ["q2"]}')
    collection = read_collection(folder)
    assert collection.part("dev")[0] == {"q2": "hose"}
    with pytest.raises(ConfigError, match=r"part train names 1 queries that have no text \(zz\): add them"):
        collection.part("train")
