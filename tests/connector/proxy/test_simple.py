"""A question in plain words: what is not one is refused as a bad request, never as a fault of ours."""

import json

import pytest

from connector.engines.bodies import OpenSearchDialect
from connector.errors import BadRequest
from connector.proxy.simple import engine_call, read_question, write_answer
from connector.types import Answer, Reply


@pytest.mark.parametrize("name", ["size", "from"])
def test_numbers_beyond_the_engines_are_refused(name: str) -> None:
    for number in (2**31, 99999999999999999999):
        with pytest.raises(BadRequest, match=name):
            read_question("GET", b"/_secondpass/search?index=p&q=x&%b=%d" % (name.encode(), number), b"")
        with pytest.raises(BadRequest, match=name):
            read_question("POST", b"/", b'{"index":"p","query":"x","%b":%d}' % (name.encode(), number))
    most = read_question("GET", b"/_secondpass/search?index=p&q=x&%b=2147483647" % name.encode(), b"")
    assert max(most.size, most.first) == 2**31 - 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": "5"},
        {"size": True},
        {"size": 5.0},
        {"from": "0"},
        {"details": 1},
        {"details": "yes"},
        {"first": 20},
        {"sise": None},
        {"query": None},
        {"filter": {"term": {"brand": "Acme"}}},
    ],
)
def test_a_body_says_what_it_means(wrong: dict[str, object]) -> None:
    body = {"index": "p", "query": "x"} | wrong
    with pytest.raises(BadRequest, match=next(iter(wrong))):
        read_question("POST", b"/", json.dumps(body).encode())


def test_null_is_the_default() -> None:
    plain = {"index": "p", "query": "x"}
    nulls = plain | dict.fromkeys(("size", "from", "filter", "policy", "details"))
    one, other = (read_question("POST", b"/", json.dumps(body).encode()) for body in (plain, nulls))
    assert one == other
    assert (one.size, one.first, one.filter, one.policy, one.details) == (10, 0, [], None, False)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        (b"index=p", r"\[q\] .*expected parameters: index, q,"),
        (b"index=p&q=", r"\[q\]"),
        (b"index=p&query=x", r"\[query\]"),
        (b"index=p&q=x&q=y", r"\[q\] is there more than once"),
        (b"index=p&q=%FF", "UTF-8"),
        (b"index=p&q=x&size=five", r"\[size\]"),
    ],
)
def test_parameters_are_named_as_they_are_written(parameters: bytes, said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        read_question("GET", b"/_secondpass/search?" + parameters, b"")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"filter": [1] * 300_000}, "at most 1024"),
        ({"filter": [1] * 1000}, "filter.4"),
        (dict.fromkeys(map(str, range(100_000)), 1), "100002 keys"),
    ],
)
def test_a_thousand_mistakes_are_not_told_one_by_one(body: dict[str, object], said: str) -> None:
    raw = json.dumps({"index": "p", "query": "x"} | body).encode()
    with pytest.raises(BadRequest, match=said) as refused:
        read_question("POST", b"/", raw)
    assert len(str(refused.value)) < 1000


def test_many_parameters_are_not_looked_at() -> None:
    with pytest.raises(BadRequest, match="more than 20"):
        read_question("GET", b"/?" + b"&".join(b"a%d" % number for number in range(16_000)), b"")


def test_whoever_asks_asks_the_engine() -> None:
    told = [
        (b"Authorization", b"Basic admin"),
        (b"opendistro_security_impersonate_as", b"bob"),
        (b"X-Whatever-Proves-It", b"1"),
        (b"Secondpass", b"on"),
    ]
    others = [(b"Content-Length", b"9"), (b"Content-Encoding", b"gzip"), (b"Accept", b"text/html")]
    question = read_question("GET", b"/?index=p&q=x", b"")
    call = engine_call(question, [*told, *others, (b"Content-Type", b"text/plain")], None, OpenSearchDialect())
    assert call.headers == [*told, (b"Content-Type", b"application/json")]


def test_parameters_are_read() -> None:
    question = read_question("GET", b"/?index=p&q=rain+caf%C3%A9&size=5&from=10&details=true&policy=shop", b"")
    assert (question.query, question.size, question.first) == ("rain café", 5, 10)
    assert (question.details, question.policy) == (True, "shop")


@pytest.mark.parametrize(
    ("found", "shown"),
    [([0.1, -0.2, 3], False), ("a word", True), (["word", "embedding"], True), ([True], True), ([], True)],
)
def test_of_a_hit_only_the_vector_is_left_out(found: object, shown: bool) -> None:
    source = {"name": "Jacket", "sizes": [1, 2, 3], "embedding": found}
    hit = {"_index": "p", "_id": "7", "_score": 1.5, "_source": source}
    reply = Reply(200, b"OK", [], json.dumps({"hits": {"total": {"value": 1}, "hits": [hit]}}).encode())
    question = read_question("GET", b"/?index=p&q=x", b"")
    (row,) = json.loads(write_answer(question, Answer(reply), 0.0))["hits"]
    assert row["source"] == (source if shown else {"name": "Jacket", "sizes": [1, 2, 3]})


def test_a_source_is_shown_as_the_engine_wrote_it() -> None:
    deep = b'{"a":' * 400 + b"1.10" + b"}" * 400
    hit = b'{"_index":"p","_id":"7","_score":1.50,"_source":{"n":123456789012345678901234,"embedding":[0.1],"deep":%b}}'
    reply = Reply(200, b"OK", [], b'{"hits":{"total":{"value":1},"hits":[%b]}}' % (hit % deep))
    written = write_answer(read_question("GET", b"/?index=p&q=x", b""), Answer(reply), 0.0)
    assert b'"score":1.50,"source":{"n":123456789012345678901234,"deep":%b}' % deep in written


def test_a_filter_that_cannot_be_written_is_refused() -> None:
    clause: object = {"match_all": {}}
    for _ in range(125):
        clause = {"bool": {"filter": clause}}
    body = json.dumps({"index": "p", "query": "x", "filter": [clause]}).encode()
    question = read_question("POST", b"/", body)
    with pytest.raises(BadRequest, match="filter"):
        engine_call(question, [], None, OpenSearchDialect())
