"""A question in plain words: what is not one is refused as a bad request, never as a fault of ours."""

import json

import pytest

from connector.engines.bodies import OpenSearchDialect
from connector.errors import BadRequest
from connector.proxy.simple import engine_call, read_question


@pytest.mark.parametrize("name", ["size", "from"])
def test_numbers_beyond_the_engines_are_refused(name: str) -> None:
    for number in (2**31, 99999999999999999999):
        with pytest.raises(BadRequest, match=name):
            read_question("GET", b"/_secondpass/search?index=p&q=x&%b=%d" % (name.encode(), number), b"")
        with pytest.raises(BadRequest, match=name):
            read_question("POST", b"/", b'{"index":"p","query":"x","%b":%d}' % (name.encode(), number))
    most = read_question("GET", b"/_secondpass/search?index=p&q=x&%b=2147483647" % name.encode(), b"")
    assert max(most.size, most.first) == 2**31 - 1


def test_a_filter_that_cannot_be_written_is_refused() -> None:
    clause: object = {"match_all": {}}
    for _ in range(125):
        clause = {"bool": {"filter": clause}}
    body = json.dumps({"index": "p", "query": "x", "filter": [clause]}).encode()
    question = read_question("POST", b"/", body)
    with pytest.raises(BadRequest, match="filter"):
        engine_call(question, [], None, OpenSearchDialect())
