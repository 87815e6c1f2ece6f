"""Logged queries: how they are read, and what is said of two orders without grades."""

import gzip
import json
from dataclasses import asdict
from pathlib import Path

import orjson
import pytest

from connector.doctor.log import read_queries
from connector.doctor.replay import compare
from connector.errors import ConfigError
from connector.evaluation.answers import Answered
from connector.evaluation.judgments import Query

UBI = [
    {
        "application": "shop",
        "query_id": str(n),
        "user_query": text,
        "client_id": "c",
        "timestamp": "2024-12-10T00:26:04Z",
    }
    for n, text in enumerate(("ps4", "portable charger", " ps4 ", ""))
]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("log.txt", "ps4\n\nportable  charger\nps4\n"),
        ("log.jsonl", '{"query": "ps4"}\n{"query": "ps4"}\n{"q": "portable charger"}\n'),
        ("ubi_queries.ndjson", "".join(json.dumps(row) + "\n" for row in UBI)),
        ("ubi_queries.jsonl.gz", "".join(json.dumps(row) + "\n" for row in UBI)),
    ],
)
def test_each_text_once_the_most_frequent_first(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    found = read_queries(path)
    assert [query.text for query in found.queries] == ["ps4", "portable charger"]
    assert found.notes == ("2 distinct queries of 3 logged",)


def test_a_log_without_queries(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"words": "ps4"}\n')
    with pytest.raises(ConfigError, match="no queries"):
        read_queries(path)
    with pytest.raises(ConfigError, match="no such file"):
        read_queries(tmp_path / "gone")


def answered(query: str, ids: str, state: str = "", ms: float = 0.0) -> Answered:
    labels = {key: f"thing {key}" for key in ids}
    return Answered("k", "s", query, list(ids), labels, took_ms=ms + 5, state=state, ms=ms)


def test_overlap_displacement_and_times() -> None:
    queries = [Query("same", "same", {}), Query("turned", "turned", {}), Query("left", "left", {})]
    old = {
        "same": answered("same", "abcd"),
        "turned": answered("turned", "abcdefghijkl"),
        "left": answered("left", "ab"),
    }
    new = {
        "same": answered("same", "abcd", "applied", 10),
        "turned": answered("turned", "lkabcdefghij", "applied", 30),
        "left": answered("left", "ba", "skipped", 0),
    }
    found = compare(queries, old, new)
    assert found.queries == 3
    assert found.outcomes == {"applied": 2, "skipped": 1}
    assert found.overlap == pytest.approx((1.0 + 0.8) / 2)  # i and j fell out of the first ten
    assert found.displacement == pytest.approx((0 + 2) / 2)  # each of the old ten moved by two places
    assert (found.p50_ms, found.p95_ms, found.added_p50_ms, found.added_p95_ms) == (15, 35, 30, 30)
    assert [one.query for one in found.most_changed] == ["turned", "same"]
    assert found.most_changed[0].after == ("thing l", "thing k", "thing a")
    assert json.loads(orjson.dumps(asdict(found)))["outcomes"] == {"applied": 2, "skipped": 1}


def test_a_document_that_the_new_list_lacks_moved_behind_its_end() -> None:
    (one,) = compare(
        [Query("q", "q", {})], {"q": answered("q", "ab")}, {"q": answered("q", "bcd", "applied", 1)}
    ).most_changed
    assert one.displacement == pytest.approx((3 + 1) / 2)  # a: from place 0 to 3; b: from 1 to 0
    assert one.overlap == pytest.approx(1 / 3)


def test_nothing_that_was_applied() -> None:
    found = compare([Query("q", "q", {})], {"q": answered("q", "ab")}, {"q": answered("q", "ab", "failed")})
    assert (found.overlap, found.displacement, found.most_changed) == (1.0, 0.0, ())
