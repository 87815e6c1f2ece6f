"""What is arranged already is used for the very same bytes, for a minute, and within a bound."""

import time
from array import array

import pytest

from connector.arranged import OVERHEAD, Memory
from connector.dialects.cuts import Cuts
from connector.types import Outcome, State

BASIS = (b"search", 0, 10, b"order")
BODY = b'{"took":7,"hits":"one"}'
CUTS = Cuts(array("I", [0]), array("I", [15]), (b"!",))
OUTCOME = Outcome(State.APPLIED, scored=10)


def keep(memory: Memory, basis: tuple[bytes, int, int, bytes | str] = BASIS) -> None:
    memory.keep(basis, BODY, b"order", OUTCOME, CUTS)


def test_the_same_bytes_behind_took_are_the_same_answer() -> None:
    memory = Memory()
    keep(memory)
    known = memory.find(BASIS, b'{"took":123,"hits":"one"}')
    assert known is not None
    assert known.cuts.of(b'{"took":123,"hits":"one"}', 2) == b'{"took":125,"hits":"one"}!'


@pytest.mark.parametrize("body", [b'{"took":7,"hits":"two"}', b'{"took":7,"hits":"one" }', b"", b"[]", BODY[1:]])
def test_other_bytes_are_not(body: bytes) -> None:
    memory = Memory()
    keep(memory)
    assert memory.find(BASIS, body) is None


@pytest.mark.parametrize(
    "basis",
    [
        None,
        (b"other", 0, 10, b"order"),
        (b"search", 10, 10, b"order"),
        (b"search", 0, 20, b"order"),
        (b"search", 0, 10, b"another order"),
        (b"search", 0, 10, "order"),
    ],
)
def test_another_search_page_order_or_model_is_not(basis: tuple[bytes, int, int, bytes | str] | None) -> None:
    memory = Memory()
    keep(memory)
    assert memory.find(basis, BODY) is None


def test_it_is_forgotten_after_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    memory, now = Memory(), time.monotonic()
    keep(memory)
    monkeypatch.setattr(time, "monotonic", lambda: now + 61)
    assert memory.find(BASIS, BODY) is None
    assert memory.size == 0


def test_what_was_not_used_for_longest_goes_first() -> None:
    memory = Memory(most_bytes=3 * (OVERHEAD + 200))
    bases = [(b"search", page, 10, b"order") for page in range(3)]
    for basis in bases:
        keep(memory, basis)
    assert memory.find(bases[0], BODY)
    for page in range(3, 40):
        keep(memory, (b"search", page, 10, b"order"))
        assert memory.find(bases[0], BODY)
        assert memory.size <= memory.most_bytes
    assert memory.find(bases[1], BODY) is None


def test_the_same_again_takes_the_same_room() -> None:
    memory = Memory()
    keep(memory)
    size = memory.size
    for _ in range(5):
        keep(memory)
    assert memory.size == size > 0


def test_nothing_is_kept_where_nothing_may_be() -> None:
    memory = Memory(most_bytes=0)
    keep(memory)
    assert memory.size == 0
    assert memory.find(BASIS, BODY) is None
