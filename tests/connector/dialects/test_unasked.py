"""What only we asked for is cut wherever the engine shows it, and nothing else."""

import pytest

from connector.dialects.unasked import without_within

HIT = b'{"_id": "1",\n "fields" : {"name": ["a"]} , "_score": 1.0}'
BARE = b'{"_id": "1" , "_score": 1.0}'


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (HIT, BARE),
        (b"[ 1,\t" + HIT + b" , " + HIT + b"]", b"[ 1,\t" + BARE + b" , " + BARE + b"]"),
        (b'{"t": {"hits": {"hits": [' + HIT + b"]}}}", b'{"t": {"hits": {"hits": [' + BARE + b"]}}}"),
        (b'{"_id": "1", "fields": {"name": ["a"], "price": [1.0]}}', b'{"_id": "1", "fields": {"price": [1.0]}}'),
        (b'{"fields": {"name": ["an aggregation"]}}', b'{"fields": {"name": ["an aggregation"]}}'),
        (b'"a text with \\"fields\\" in it"', b'"a text with \\"fields\\" in it"'),
        (b'{"a": 1, "a": {"fields": 2}}', b'{"a": 1, "a": {"fields": 2}}'),
        (b"[]", b"[]"),
    ],
)
def test_only_the_fields_of_hits_are_cut(value: bytes, want: bytes) -> None:
    assert without_within(value, ["name"]) == want
