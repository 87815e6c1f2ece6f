"""What is read of an index's documents."""

import json

import pytest

from tests.workers.training.index import drop
from workers.training import corpus
from workers.training.engine import call

NAMES = {
    "name": {"type": "text", "fields": {"exact": {"type": "keyword"}}},
    "maker": {"type": "keyword"},
    "brand": {"type": "alias", "path": "maker"},
    "parts": {"type": "nested", "properties": {"name": {"type": "text"}}},
}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ({"author": {"name": "Ada"}}, "Ada"),
        ({"author": [{"name": "Ada"}, {"name": ["Bo", "Cy"]}, {"other": 1}]}, "Ada Bo Cy"),
        ({"author.name": "Ada"}, "Ada"),
        ({"author": {"name.first": "Ada", "name": "Bo"}}, "Bo"),
        ({"author": "Ada"}, ""),
    ],
)
def test_a_dotted_name_is_read_through_objects(source, text, monkeypatch):
    hit = {"_id": "1", "_source": {"title": "Notes", **source}}
    monkeypatch.setattr(corpus, "scan", lambda *_: iter([hit]))
    assert corpus.read_index("http://engine", "books", ("title", "author.name"))["1"]["text"] == text


@pytest.mark.parametrize("engine", ["opensearch_url", "elasticsearch_url"])
def test_fields_are_read_as_a_search_shows_them(engine, unique_index, request):
    url = request.getfixturevalue(engine)
    call(f"{url}/{unique_index}", json.dumps({"mappings": {"properties": NAMES}}).encode(), "PUT")
    try:
        row = {"name": "Tent", "maker": "Acme", "parts": [{"name": "pole"}, {"name": "peg"}], "category": ["Camping"]}
        call(f"{url}/{unique_index}/_doc/1?refresh=true", json.dumps(row).encode(), "PUT")
        fields = ("name.exact", "brand", "parts.name")
        assert corpus.read_index(url, unique_index, fields) == {
            "1": {"id": "1", "title": "Tent", "brand": "Acme", "text": "pole peg", "category": ["Camping"]}
        }
    finally:
        drop(url, unique_index)
