"""No account of an address gets into what is written down."""

import pytest

from connector.credentials import without_passwords


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("redis://:secret@cache:6379/0", "redis://cache:6379/0"),
        ("--engine-url=https://kim:p@ss:1@search.example:9200", "--engine-url=https://search.example:9200"),
        ("http://a:b@one:9200,http://c:d@two:9200", "http://one:9200,http://two:9200"),
        ("redis://cache:6379/0?db=1&password=secret&timeout=2", "redis://cache:6379/0?db=1&password=&timeout=2"),
        ("http://127.0.0.1:9280/me@home", "http://127.0.0.1:9280/me@home"),
        ("half: blend=1/0.5/0", "half: blend=1/0.5/0"),
    ],
)
def test_what_is_left_of_an_address(text: str, left: str) -> None:
    assert without_passwords(text) == left
