"""Orders: what is reordered in each state, and that shown scores obey wire.md."""

import math

from hypothesis import given
from hypothesis import strategies as st

from connector.calibration import sigmoid
from connector.evidence import NONE, Evidence
from connector.page import Order, arrange, decode, encode
from connector.settings import Blend
from connector.types import Candidate, Knn, Outcome, Scores, State

NAN = math.nan


def candidates(count: int) -> list[Candidate]:
    return [Candidate("i", str(n), b"{}", b"", n + 1, 10.0 - n / 100) for n in range(count)]


def order(state: State, *logits: float | None, blend: Blend | None = None, evidence: Evidence = NONE) -> Order:
    scores = Scores(state, logits)
    return arrange(candidates(len(logits)), scores, blend or Blend(), Outcome(state), evidence)


def ids(made: Order) -> str:
    return "".join(place.id for place in made.places)


def test_applied_sorts_by_logit_and_sinks_what_could_not_be_read() -> None:
    made = order(State.APPLIED, 0.5, NAN, 2.0, -1.0)
    assert ids(made) == "2031"
    assert [place.shown > 1 for place in made.places] == [True, True, True, False]
    assert made.places[0].shown == 1 + sigmoid(2.0)


def test_logits_that_saturate_the_sigmoid_still_have_an_order() -> None:
    assert ids(order(State.APPLIED, 40.0, 41.0, 42.0)) == "210"


def test_partial_reorders_only_the_longest_scored_prefix() -> None:
    made = order(State.PARTIAL, 0.1, 0.2, None, 9.0)
    assert ids(made) == "1023"
    assert [place.logit for place in made.places] == [0.2, 0.1, None, None]


def test_failed_keeps_first_stage_order_below_one() -> None:
    made = order(State.FAILED, None, None, None)
    assert ids(made) == "012"
    assert made.places[0].shown == 10.0 / 11.0


def test_equal_logits_keep_first_stage_order() -> None:
    assert ids(order(State.APPLIED, 1.0, 1.0, 1.0)) == "012"


def test_blend_adds_the_lexical_score() -> None:
    assert ids(order(State.APPLIED, 0.0, 0.001, blend=Blend(rerank=1, lexical=1))) == "01"
    assert ids(order(State.APPLIED, 0.0, 0.001, blend=Blend(rerank=1, lexical=0))) == "10"


def test_what_the_query_excludes_moves_the_logit() -> None:
    made = order(State.APPLIED, 1.0, 0.9, 0.8, evidence=Evidence(exclusion=(-1.0, 0.0, 1.0)))
    assert ids(made) == "210"
    first = made.places[0]
    assert (first.logit, first.exclusion, first.shown) == (0.8, 1.0, 1 + sigmoid(1.8))


def test_a_stranger_among_the_best_falls_behind_them() -> None:
    kin = Evidence(paths=[("case",), ("thing",), ("thing",), ("thing",)], agreement=1.0)
    made = order(State.APPLIED, 2.0, 1.9, 1.8, -3.0, evidence=kin)
    assert ids(made) == "1203"
    assert (made.places[0].agreement or 0.0) > (made.places[2].agreement or 1.0)


def test_where_nothing_was_scored_nothing_of_it_counts() -> None:
    kin = Evidence((-1.0, 1.0), [("case",), ("thing",)], 1.0)
    assert ids(order(State.FAILED, None, None, evidence=kin)) == "01"
    made = order(State.PARTIAL, 1.0, None, evidence=kin)
    assert [(place.id, place.agreement) for place in made.places] == [("0", 1.0), ("1", None)]


@given(
    st.sampled_from([State.APPLIED, State.PARTIAL, State.FAILED]),
    st.lists(st.none() | st.just(NAN) | st.floats(-50, 50), max_size=30),
)
def test_every_document_once_and_scores_never_increase(state: State, logits: list[float | None]) -> None:
    kin = Evidence([1.0, -1.0] * len(logits), [("a",), ("b",), ()] * len(logits), 0.5)
    made = order(state, *logits, evidence=kin)
    assert sorted(int(place.id) for place in made.places) == list(range(len(logits)))
    shown = [place.shown for place in made.places]
    assert shown == sorted(shown, reverse=True)
    assert all(place.logit is None or 1 <= place.shown <= 2 for place in made.places)
    assert all(place.logit is not None or place.shown < 1 for place in made.places)


def test_an_order_survives_its_journey_through_redis() -> None:
    made = arrange(candidates(3), Scores(State.APPLIED, (1.0, NAN, 2.0)), Blend(), Outcome(State.APPLIED, knn=Knn.LATE))
    assert decode(encode(made)) == made
    assert decode(b"something else") is None
