"""What is read of an index's documents."""

import pytest

from workers.training import corpus


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
