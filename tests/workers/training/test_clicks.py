import gzip
import json

import pytest

from connector.errors import ConfigError
from tests.workers.training.shelf import shop
from workers.training.clicks import Clicked, count, labels, read_events
from workers.training.gather import from_clicks


def shown(search: str, *documents: str) -> list[dict]:
    return [event(search, key, "impression", place) for place, key in enumerate(documents)]


def event(search: str, document: str, action: str, place: int | None = None) -> dict:
    where = {"object": {"object_id": document}} | ({} if place is None else {"position": {"ordinal": place}})
    return {"query_id": search, "action_name": action, "event_attributes": where}


def asked(*searches: str, text: str = "red kettle") -> list[dict]:
    return [{"query_id": search, "user_query": text} for search in searches]


def test_a_click_far_down_says_more_than_one_at_the_top():
    """In six searches each for kettle and hose, position 0 earns 9 of 12 clicks and position 1 earns 3 of 12."""
    kettles, hoses = [f"k{n}" for n in range(6)], [f"h{n}" for n in range(6)]
    events = [row for search in (*kettles, *hoses) for row in shown(search, "top", "below")]
    events += [event(search, "top", "click") for search in (*kettles[:3], *hoses)]
    events += [event(search, "below", "click") for search in kettles[3:]]
    found = count([*asked(*kettles, text="kettle"), *asked(*hoses, text="hose")], events)
    assert found["kettle"] == {"top": Clicked(6, 3.0, 4.5), "below": Clicked(6, 3.0, 1.5)}
    assert found["kettle"]["below"].label == pytest.approx(4 / 6.5)
    assert found["kettle"]["top"].label == pytest.approx(4 / 9.5)
    assert found["hose"]["top"].label > 0.5 > found["hose"]["below"].label


def test_the_best_of_several_actions_counts_and_a_search_is_its_text_in_small_letters():
    events = [*shown("a", "d", "e"), event("a", "d", "click"), event("a", "d", "purchase"), event("a", "e", "hover")]
    events += shown("b", "d")
    found = count([*asked("a", text="Red  Kettle "), *asked("b")], events)
    assert set(found) == {"red kettle"}
    assert found["red kettle"]["d"] == Clicked(2, 3.0, 3.0)
    assert found["red kettle"]["e"].earned == 0


def test_clicks_without_an_impression_and_searches_without_a_text_say_nothing():
    assert count(asked("a"), [event("a", "d", "click")]) == {}
    assert count([{"query_id": "a", "user_query": ""}], shown("a", "d")) == {}


def test_labels_need_impressions_a_click_and_a_document_to_compare_with():
    rows = {"d": Clicked(3, 1.0, 0.5), "e": Clicked(3, 0.0, 0.5), "rare": Clicked(1, 1.0, 0.1)}
    found = {"red kettle": rows, "nobody clicked": {"d": Clicked(9, 0, 1)}, "alone": {"d": rows["d"]}}
    assert labels(found, 2) == {"red kettle": {"d": pytest.approx(2 / 3.5), "e": pytest.approx(1 / 2.5)}}


def test_a_log_is_read_under_either_name_plain_or_gzipped(tmp_path):
    (tmp_path / "ubi_queries.jsonl").write_text(json.dumps(asked("a")[0]) + "\n")
    with gzip.open(tmp_path / "events.jsonl.gz", "wt") as stream:
        stream.write(json.dumps(shown("a", "d")[0]) + "\n")
    assert read_events(tmp_path) == (asked("a"), shown("a", "d"))
    (tmp_path / "ubi_queries.jsonl").unlink()
    with pytest.raises(ConfigError, match="ubi_queries"):
        read_events(tmp_path)


def test_too_few_clicks_are_named(tmp_path):
    (tmp_path / "queries.jsonl").write_text(json.dumps(asked("a")[0]) + "\n")
    (tmp_path / "events.jsonl").write_text(json.dumps(shown("a", "kettle red")[0]) + "\n")
    with pytest.raises(ConfigError, match="shown 2 times"):
        from_clicks(shop().documents, tmp_path, 2)
