import http_sf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.dialects.controls import read_controls, render_outcomes, strip_header
from connector.errors import BadRequest
from connector.types import Controls, Knn, Outcome, Reason, State


def header(*values: str) -> list[tuple[bytes, bytes]]:
    return [(b"secondPASS", value.encode()) for value in values]


@pytest.mark.parametrize(
    ("headers", "ext", "expected"),
    [
        ([], None, Controls()),
        ([], {"other": 1}, Controls()),
        ([], {"secondpass": None}, Controls()),
        (header("off"), None, Controls(enabled=False)),
        (header("on"), None, Controls(enabled=True)),
        (header("on=?0"), None, Controls(enabled=False)),
        (header('on, budget=200, window=50, policy="shop"'), None, Controls(True, 200, 50, "shop")),
        (header("budget=200", "window=50"), None, Controls(None, 200, 50)),
        ([], {"secondpass": {"enabled": False}}, Controls(enabled=False)),
        (
            [],
            {"secondpass": {"enabled": True, "budget_ms": 200, "window": 50, "policy": "shop", "details": True}},
            Controls(True, 200, 50, "shop", True),
        ),
        (header("budget=300, window=20"), {"secondpass": {"budget_ms": 100, "window": 80}}, Controls(None, 100, 20)),
        (header("on"), {"secondpass": {"enabled": False}}, Controls(enabled=False)),
        (header('policy="a"'), {"secondpass": {"policy": "b"}}, Controls(policy="a")),
    ],
)
def test_controls(headers: list[tuple[bytes, bytes]], ext: object, expected: Controls) -> None:
    assert read_controls(headers, ext) == expected


@pytest.mark.parametrize(
    ("headers", "ext", "named"),
    [
        (header("on; off, ,"), None, "Secondpass"),
        (header("budget=fast"), None, "budget"),
        (header("budget=1.5"), None, "budget"),
        (header("budget=-1"), None, "budget"),
        (header("budgte=100"), None, "budgte"),
        (header("policy=shop"), None, "policy"),
        (header("on, off"), None, "both"),
        (header("ünicode"), None, "Secondpass"),
        ([], {"secondpass": True}, "ext.secondpass"),
        ([], {"secondpass": {"window": "50"}}, "window"),
        ([], {"secondpass": {"window": True}}, "window"),
        ([], {"secondpass": {"enabled": 1}}, "enabled"),
        ([], {"secondpass": {"model": "x"}}, "model"),
    ],
)
def test_wrong_controls_are_named(headers: list[tuple[bytes, bytes]], ext: object, named: str) -> None:
    with pytest.raises(BadRequest, match=named):
        read_controls(headers, ext)


def test_our_header_goes_and_no_other() -> None:
    headers = [(b"Host", b"x"), (b"SECONDPASS", b"on"), (b"Secondpass-Rerank", b"y"), (b"Host", b"x")]
    assert strip_header(headers) == [(b"Host", b"x"), (b"Secondpass-Rerank", b"y"), (b"Host", b"x")]


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (
            Outcome(State.APPLIED, scored=100, cached=63, window=100, ms=41.23, model="products-en"),
            'applied;scored=100;cached=63;window=100;ms=41.2;model="products-en"',
        ),
        (
            Outcome(State.PARTIAL, scored=40, window=100, ms=200, model="m", knn=Knn.LATE, pages_unstable=True),
            'partial;scored=40;cached=0;window=100;ms=200.0;model="m";knn=late;pages=unstable',
        ),
        (Outcome(State.SKIPPED, Reason.SORT), "skipped;reason=sort"),
        (Outcome(State.FAILED, Reason.TIMEOUT, window=100, model="m"), "failed;reason=timeout"),
    ],
)
def test_outcome(outcome: Outcome, expected: str) -> None:
    assert render_outcomes([outcome]).decode() == expected


OUTCOMES = st.builds(
    Outcome,
    state=st.sampled_from(State),
    reason=st.none() | st.sampled_from(Reason),
    scored=st.integers(0, 10_000),
    cached=st.integers(0, 10_000),
    window=st.integers(0, 10_000),
    ms=st.floats(0, 1e6),
    model=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True),
    knn=st.none() | st.sampled_from(Knn),
    pages_unstable=st.booleans(),
)


@given(OUTCOMES, st.lists(OUTCOMES, max_size=3))
def test_the_header_is_read_back_by_a_structured_field_parser(outcome: Outcome, more: list[Outcome]) -> None:
    token, parameters = http_sf.parse(render_outcomes([outcome]), tltype="item")
    assert str(token) == outcome.state.value
    if outcome.state in (State.APPLIED, State.PARTIAL):
        assert parameters["scored"] == outcome.scored
        assert parameters["model"] == outcome.model
        assert float(parameters["ms"]) == pytest.approx(outcome.ms, abs=0.06)
    items = http_sf.parse(render_outcomes([outcome, *more]), tltype="list")
    assert [str(item[0]) for item in items] == [one.state.value for one in [outcome, *more]]
