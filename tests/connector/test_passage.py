"""What a hit shows of the passage that won: cut from this answer's text, merged with what the engine wrote."""

import json
import os

import pytest

from connector.keys import Keys
from connector.page import Place
from connector.passage import as_member, won
from connector.reader import Reader
from connector.settings import Model, Policy
from connector.types import Candidate, Passage

READER = Reader.of(
    Policy(name="p", indices=["i"], fields=["text"], passages="max"),
    Model(name="m", source="bundled:m"),
    Keys(os.urandom(32)),
)
TEXT = "Größe 42. Ein Zelt für zwei. Wiegt 2 kg."
RAW = b'{"_index":"i","_id":"1","highlight":{"name":["<em>Zelt</em>"]},"inner_hits":{"parts":{"hits":{"hits":[]}}}}'


def candidate(text: str = TEXT, raw: bytes = RAW) -> Candidate:
    return Candidate("i", "1", raw, json.dumps({"text": [text]}).encode(), 1, 7.5)


def place(text: str, start: int, end: int) -> Place:
    (mark,) = READER.marks([candidate(text).fields])
    return Place("i", "1", 1.9, 2.0, 1, 7.5, Passage(start, end, mark))


def test_the_passage_is_cut_by_characters() -> None:
    found = won([place(TEXT, 10, 28)], {("i", "1", ""): candidate()}, READER)
    assert found == {("i", "1", ""): {"text": "Ein Zelt für zwei.", "start": 10, "end": 28}}


def test_a_text_that_has_changed_since_it_was_scored_shows_none() -> None:
    assert (
        won([place(TEXT, 10, 28)], {("i", "1", ""): candidate("Etwas anderes, das auch lang genug ist.")}, READER) == {}
    )
    assert won([place(TEXT, 10, 28)], {}, READER) == {}


@pytest.mark.parametrize(
    ("form", "ours"),
    [
        ("highlight", ["a tent"]),
        (
            "inner_hits",
            {
                "hits": {
                    "max_score": 1.9,
                    "hits": [
                        {"_index": "i", "_id": "1", "_score": 1.9, "_source": {"text": "a tent", "start": 3, "end": 9}}
                    ],
                }
            },
        ),
    ],
)
def test_it_joins_what_the_engine_wrote(form: str, ours: object) -> None:
    passage: dict[str, object] = {"text": "a tent", "start": 3, "end": 9}
    (bare,) = as_member(candidate(raw=b'{"_index":"i","_id":"1"}'), passage, form, 1.9).values()
    assert json.loads(bare or b"") == {"_secondpass": ours}
    (joined,) = as_member(candidate(), passage, form, 1.9).values()
    assert json.loads(joined or b"") == json.loads(RAW)[form] | {"_secondpass": ours}


def test_nothing_is_shown_unasked() -> None:
    assert as_member(candidate(), {"text": "a"}, "", 1.9) == {}
    assert as_member(candidate(), None, "highlight", 1.9) == {}
