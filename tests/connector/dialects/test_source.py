import pytest

from connector.dialects.source import with_body
from connector.types import Call

VENDOR = b"application/vnd.elasticsearch+json;compatible-with=9"


def call(target: bytes, body: bytes = b"", accept: bytes = b"*/*") -> Call:
    return Call("GET", target, [(b"Accept", accept)], body)


@pytest.mark.parametrize(("accept", "kind"), [(b"*/*", b"application/json"), (VENDOR, VENDOR)])
def test_the_parameter_becomes_the_body_and_the_others_stay(accept: bytes, kind: bytes) -> None:
    asked = call(
        b"/a/_msearch?pretty&source=%7B%7D%0A%7B%7D%0a&source_content_type=application/x-ndjson&q=a+b", b"", accept
    )
    found = with_body(asked)
    assert (found.method, found.target, found.body) == ("GET", b"/a/_msearch?pretty&q=a+b", b"{}\n{}\n")
    assert found.headers == [(b"Accept", accept), (b"Content-Type", kind)]


@pytest.mark.parametrize(
    ("query", "body"),
    [
        (b"source={}", b""),
        (b"source_content_type=application/json", b""),
        (b"source={}&source_content_type=application/yaml", b""),
        (b"source={}&source={}&source_content_type=application/json", b""),
        (b"source={}&source_content_type=application/json", b"{}"),
    ],
)
def test_what_the_engine_would_read_otherwise_stays(query: bytes, body: bytes) -> None:
    asked = call(b"/a/_search?" + query, body)
    assert with_body(asked) is asked
