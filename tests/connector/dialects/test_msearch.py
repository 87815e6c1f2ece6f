import json

import pytest

from connector.dialects.msearch import MAX_ENTRIES, read_entries, read_names
from connector.dialects.request import MAX_BODY
from connector.dialects.responses import read_responses
from connector.errors import BodyTooLarge
from connector.types import Call, Reply

BODY = b'{"query": {"match": {"name": "rain"}}}'


def call(body: bytes, target: bytes = b"/a/_msearch") -> Call:
    return Call("POST", target, [(b"Content-Type", b"application/x-ndjson"), (b"Secondpass", b"on")], body)


def test_lines_become_searches_and_stay_lines() -> None:
    lines = b'{"index":["b","c,d"],"routing":"7","ignore_unavailable":true}\n%b\n\n%b\n{}\n%b\n' % (BODY, BODY, BODY)
    entries = read_entries(
        call(lines, b"/a,a2/_msearch?typed_keys&filter_path=responses.hits"), ("a", "a2"), "opensearch"
    )
    assert entries is not None
    assert [one.names for one in entries.entries] == [("b", "c", "d"), ("a", "a2"), ("a", "a2")]
    first = entries.entries[0].call
    assert first.target == b"/b,c,d/_search?typed_keys=&filter_path=hits&routing=7&ignore_unavailable=true"
    assert (first.body, first.headers[-1]) == (BODY, (b"Content-Type", b"application/json"))
    assert entries.call_with({}).body == lines
    assert entries.call_with({1: b"{}"}).body == lines.replace(b"\n\n" + BODY, b"\n\n{}")
    assert entries.call_for(0, b"{}").body == lines.split(b"\n")[0] + b"\n{}\n"
    assert b"Secondpass" not in dict(entries.call_with({}).headers)


def test_what_engines_skip_is_kept() -> None:
    trailing = b"{}\n%b\n{}\n" % BODY
    entries = read_entries(call(trailing), (), "opensearch")
    assert entries is not None
    assert (len(entries.entries), entries.call_with({}).body) == (1, trailing)
    leading = b"\n{}\n%b\n" % BODY
    entries = read_entries(call(leading), (), "opensearch")
    assert entries is not None
    assert (entries.entries[0].header, entries.call_with({}).body) == (b"{}", leading)
    entries = read_entries(call(b"\n%b\n" % BODY), (), "elasticsearch")
    assert entries is not None
    assert (entries.entries[0].header, entries.entries[0].body) == (b"", BODY)
    windows = read_entries(call(b"{}\r\n%b\r\n" % BODY), (), "opensearch")
    assert windows is not None
    assert windows.entries[0].body == BODY + b"\r"


@pytest.mark.parametrize("body", [b"", b"{}\n" + BODY, b"{\n{}\n", b"[]\n{}\n", b"{}"])
def test_what_cannot_be_read_is_the_engines(body: bytes) -> None:
    assert read_entries(call(body), (), "opensearch") is None


def test_what_is_read_is_bounded_in_bytes_and_searches() -> None:
    most = read_entries(call(b"{}\n{}\n" * MAX_ENTRIES), (), "opensearch")
    assert most is not None
    assert len(most.entries) == MAX_ENTRIES
    named = b'{"index":"b,c"}\n%b\n' % BODY
    for long in (b"{}\n{}\n" * MAX_ENTRIES + named, named + b"{}\n" + b" " * MAX_BODY + b"\n"):
        with pytest.raises(BodyTooLarge):
            read_entries(call(long), (), "opensearch")
    assert list(read_names(call(long), "opensearch")) == [("b", "c")]
    assert list(read_names(call(b"\n" + named + b"{"), "opensearch")) == [("b", "c")]


@pytest.mark.parametrize(
    ("patterns", "inner"),
    [
        ("responses", "*"),
        ("took,responses.hits.hits", "hits.hits"),
        ("*.hits", "hits"),
        ("**", "*"),
        ("took", "-"),
        ("-took,responses", "-,*"),
        ("**._id", "-"),
    ],
)
def test_the_form_of_all_answers_as_one_sees_it(patterns: str, inner: str) -> None:
    entries = read_entries(call(b"{}\n%b\n" % BODY, b"/_msearch?filter_path=" + patterns.encode()), (), "opensearch")
    assert entries is not None
    assert entries.entries[0].call.target == f"/_search?filter_path={inner}".encode()


def test_answers_are_put_back_where_they_stood() -> None:
    body = (
        b'{ "took" : 5, "responses" : [ {"hits": 1, "status": 200} ,\n{"error": {}, "status": 404}, {"a": 1} ] , "x":1}'
    )
    responses = read_responses(Reply(200, b"OK", [], body), 3)
    assert responses is not None
    assert [one.status for one in responses.replies] == [200, 404, 200]
    same = [one.body for one in responses.replies]
    assert responses.reply_with(same, 0).body == body
    other = responses.reply_with([b"{}", same[1], same[2]], 2.6).body
    assert other == body.replace(same[0], b"{}").replace(b"5,", b"8,")
    assert json.loads(other)["took"] == 8


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"responses": []}', b'{"responses": 1}', b'{"error": {}}', b"<html>"])
def test_another_answer_is_none(body: bytes) -> None:
    assert read_responses(Reply(200, b"OK", [], body), 1) is None
    assert read_responses(Reply(400, b"Bad", [], b'{"responses": [{}]}'), 1) is None
