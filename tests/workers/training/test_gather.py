import json

import pytest

from connector.errors import ConfigError
from tests.workers.training.shelf import shop
from workers.training.data import Collection, folded
from workers.training.gather import fields_of, from_judgments, shares, split_dev


def judged(folder, name: str, queries: range) -> None:
    rows = [{"query": f"kettle {n}", "document": "kettle red", "grade": 1 + n % 2} for n in queries]
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_a_share_of_the_queries_is_set_apart_for_dev_the_same_every_time(tmp_path):
    judged(tmp_path, "all.jsonl", range(20))
    one, again = (from_judgments(shop().documents, tmp_path / "all.jsonl") for _ in range(2))
    assert one.split == again.split
    assert {part: len(ids) for part, ids in one.split.items()} == {"train": 17, "dev": 3}
    assert not set(one.split["train"]) & set(one.split["dev"])


def test_a_query_is_never_in_both_parts_whatever_its_ids_and_case(tmp_path):
    rows = [
        {"id": f"{name}{n}", "query": text, "grades": {"kettle red": 3}}
        for n in range(20)
        for name, text in (("a", f"Kettle {n}"), ("b", f"kettle  {n}"))
    ]
    (tmp_path / "all.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = from_judgments(shop().documents, tmp_path / "all.jsonl")
    train, dev = ({folded(text) for text in found.part(part)[0].values()} for part in ("train", "dev"))
    assert (len(train), len(dev), train & dev) == (17, 3, set())
    assert len(found.part("train")[0]) == 34
    (tmp_path / "dev.jsonl").write_text('{"query": "KETTLE 3", "grades": {"kettle red": 3}}\n')
    found = from_judgments(shop().documents, tmp_path / "all.jsonl", dev=tmp_path / "dev.jsonl")
    assert "kettle 3" not in {folded(text) for text in found.part("train")[0].values()}
    assert len(found.part("train")[0]) == 38


def test_few_queries_are_all_for_training(tmp_path):
    judged(tmp_path, "few.jsonl", range(5))
    found = from_judgments(shop().documents, tmp_path / "few.jsonl")
    assert len(found.part("train")[0]) == 5
    assert found.part("dev") == ({}, {})


def test_a_query_of_a_dev_file_is_not_learnt_from(tmp_path):
    judged(tmp_path, "train.jsonl", range(6))
    judged(tmp_path, "dev.jsonl", range(4, 8))
    found = from_judgments(shop().documents, tmp_path / "train.jsonl", dev=tmp_path / "dev.jsonl")
    assert sorted(found.part("train")[0].values()) == [f"kettle {n}" for n in range(4)]
    assert sorted(found.part("dev")[0].values()) == [f"kettle {n}" for n in range(4, 8)]
    assert len(found.part("dev")[1]) == 4


@pytest.mark.parametrize("layout", ["split.json", "qrels", "lines"])
def test_of_a_folder_with_parts_test_is_never_read(layout, tmp_path):
    """Reading grades takes `test` where nobody says otherwise; training must say otherwise."""
    parts = {"train": ["q0", "q1"], "dev": ["q2"], "test": ["q3"]}
    part_of = {key: part for part, keys in parts.items() for key in keys}
    said = {key: {"split": part} if layout == "lines" else {} for key, part in part_of.items()}
    rows = [{"_id": f"q{n}", "text": f"kettle {n}"} | said[f"q{n}"] for n in range(4)]
    (tmp_path / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    if layout != "qrels":
        if layout == "split.json":
            (tmp_path / "split.json").write_text(json.dumps(parts))
        (tmp_path / "qrels.tsv").write_text("".join(f"q{n}\tkettle red\t1\n" for n in range(4)))
    else:
        (tmp_path / "qrels").mkdir()
        for part, ids in parts.items():
            (tmp_path / "qrels" / f"{part}.tsv").write_text("".join(f"{key}\tkettle red\t1\n" for key in ids))
    found = from_judgments(shop().documents, tmp_path)
    assert sorted(found.part("train")[0].values()) == ["kettle 0", "kettle 1"]
    assert sorted(found.part("dev")[0].values()) == ["kettle 2"]
    assert "kettle 3" not in found.queries.values()


def test_a_split_that_is_there_stays(tmp_path):
    assert split_dev(shop()).split == shop().split
    bare = Collection(shop().documents, {}, {}, {})
    assert split_dev(bare) == bare


def test_grades_become_shares_of_the_highest():
    assert shares({"a": {"d": 3, "e": 0}, "b": {"d": 1, "bad": -2}}) == {
        "a": {"d": 1.0, "e": 0.0},
        "b": {"d": pytest.approx(1 / 3), "bad": 0.0},
    }
    assert shares({"a": {"d": 50, "e": 20}}, top=100) == {"a": {"d": 0.5, "e": 0.2}}


def test_fields_are_named():
    assert fields_of("name, brand,") == ["name", "brand"]
    with pytest.raises(ConfigError, match="--fields"):
        fields_of(" ,")
