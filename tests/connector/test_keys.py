"""What a key hides, and what it keeps apart."""

import stat
from pathlib import Path

import pytest

from connector.dialects.request import read_request
from connector.keys import Keys, cache_secret
from connector.settings import Policy, parse
from connector.types import Call, Plan

KEYS = Keys(b"secret")
POLICY = Policy(name="shop", indices=["shop"], fields=["name"])
PLAN = Plan("shop", text="rain jacket")


def page(
    target: bytes = b"/shop/_search", body: bytes = b'{"query":{"match":{"name":"rain"}}}', **fields: bytes
) -> bytes:
    headers = [(b"Content-Type", b"application/json"), *((name.encode(), value) for name, value in fields.items())]
    call = Call("POST", target, headers, body)
    request = read_request(call)
    assert request is not None
    return KEYS.page(KEYS.search(call, request, PLAN, POLICY), headers)


def test_all_pages_of_a_search_share_a_key() -> None:
    assert page(body=b'{"from": 10, "size": 5, "query": {"match":{ "name" : "rain"}}}') == page()
    nested = b'{"query":{"match":{"name":{"query":"rain","boost":2}}}}'
    assert page(body=nested) == page(body=nested.replace(b'"query":"rain","boost":2', b'"boost": 2, "query": "rain"'))
    assert page(body=b'{"aggs":{},"query":{}}') == page(body=b'{"query":{}, "from": 5, "aggs":{}}')
    assert page(target=b"/shop/_search?from=20&size=10") == page()
    assert page(**{"User-Agent": b"curl", "traceparent": b"00-1", "X-Opaque-Id": b"7"}) == page()


@pytest.mark.parametrize(
    "name",
    [
        *("baggage", "elastic-apm-traceparent", "b3", "X-B3-TraceId", "X-B3-SpanId", "X-B3-ParentSpanId"),
        *("X-B3-Sampled", "x-datadog-trace-id", "x-datadog-parent-id", "x-datadog-sampling-priority"),
        *("x-datadog-tags", "X-Amzn-Trace-Id", "X-Cloud-Trace-Context", "sentry-trace", "X-Correlation-Id"),
    ],
)
def test_tracing_does_not_give_each_page_a_key(name: str) -> None:
    assert page(**{name: b"1"}) == page(**{name: b"2"}) == page()


@pytest.mark.parametrize(
    "other",
    [
        {"Authorization": b"Basic YTpi"},
        {"es-security-runas-user": b"bob"},
        {"Cookie": b"session=1"},
        {"X-Forwarded-For": b"10.0.0.1"},
        {"X-Proxy-Roles": b"admin"},
        {"body": b'{"query":{"match":{"name":"sun"}}}'},
        {"body": b'{"query":{"match":{"name":"rain"}},"post_filter":{"term":{"size":"m"}}}'},
        {"target": b"/other/_search"},
        {"target": b"/shop/_search?preference=x"},
    ],
)
def test_another_callers_search_or_another_search_does_not(other: dict[str, bytes]) -> None:
    assert page(**other) != page()  # type: ignore[arg-type]


def test_numbers_that_no_float_holds_are_kept_apart() -> None:
    of = b'{"query":{"term":{"id":10000000000000000000%d}}}'
    assert page(body=of % 0) != page(body=of % 1)


@pytest.mark.parametrize(
    ("one", "other"), [("1.10", "1.1"), ("1e2", "100.0"), ("-0", "0"), ("9007199254740993.0", "9007199254740992.0")]
)
def test_numbers_that_are_read_as_text_are_kept_apart(one: str, other: str) -> None:
    of = '{"query":{"prefix":{"id":%s}}}'
    assert page(body=(of % one).encode()) != page(body=(of % other).encode())


def test_a_body_of_many_levels_has_a_key() -> None:
    page(body=b'{"query":' + b'{"bool":{"must":[' * 300 + b'{"match":{"name":"rain"}}' + b"]}}" * 300 + b"}")


def test_parts_do_not_run_together() -> None:
    assert KEYS.digest(b"ab", b"c") != KEYS.digest(b"a", b"bc")
    assert KEYS.scores("f", "ab", "off", b"q") != KEYS.scores("f", "a", "boff", b"q")


def test_a_key_shows_no_query_and_depends_on_the_secret() -> None:
    key = KEYS.scores("fingerprint", "{name}", "off", b"secret wish")
    assert b"wish" not in key
    assert key != Keys(b"other").scores("fingerprint", "{name}", "off", b"secret wish")


def test_the_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECONDPASS_STATE", str(tmp_path / "state"))
    secret = cache_secret(parse({}))
    assert len(secret) == 32
    assert cache_secret(parse({})) == secret
    files = list((tmp_path / "state").iterdir())
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600]
    assert cache_secret(parse({"redis": {"cache_key": "ours"}})) != secret
