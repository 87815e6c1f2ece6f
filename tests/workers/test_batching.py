"""Batches of like length within a budget; a failing batch costs only the text that fails."""

import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.batching import RECOVERED, Batch, Batches, Floats, plan, width
from workers.runtimes.base import DeviceLost, OutOfMemory

lengths_of = st.lists(st.integers(1, 300), max_size=80)


@given(lengths=lengths_of, budget=st.integers(1, 2000))
def test_every_text_is_in_one_batch_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = plan(lengths, budget)
    assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * width(max(lengths[place] for place in batch)) <= budget


@given(lengths=lengths_of)
def test_batches_go_from_long_to_short(lengths: list[int]) -> None:
    assert [lengths[place] for batch in plan(lengths, 512) for place in batch] == sorted(lengths, reverse=True)


def rows(batch: Batch) -> Floats:
    return np.array(batch, np.float32)


def collect(batches: Batches, lengths: list[int], forward, **options) -> dict[int, float | None]:  # type: ignore[no-untyped-def]
    found: dict[int, float | None] = {}
    for batch, values in batches.run(lengths, forward, **options):
        found.update(zip(batch, [None] * len(batch) if values is None else values.tolist(), strict=True))
    return found


@given(lengths=lengths_of, poison=st.sets(st.integers(0, 79), max_size=5))
def test_poison_costs_only_itself(lengths: list[int], poison: set[int]) -> None:
    def forward(batch: Batch) -> Floats:
        if poison & set(batch):
            raise ValueError("poison")
        return rows(batch)

    found = collect(Batches(1000), lengths, forward)
    assert found == {place: None if place in poison else place for place in range(len(lengths))}


@given(lengths=lengths_of, fits=st.integers(300, 1000))
def test_out_of_memory_halves_until_it_fits_and_is_remembered(lengths: list[int], fits: int) -> None:
    refused = []

    def forward(batch: Batch) -> Floats:
        if len(batch) * max(lengths[place] for place in batch) > fits:
            refused.append(batch)
            raise OutOfMemory
        return rows(batch)

    batches = Batches(4000)
    assert collect(batches, lengths, forward) == {place: place for place in range(len(lengths))}
    assert batches.budget == 4000 or refused
    refused.clear()
    collect(batches, [max(lengths, default=1)] * 40, lambda batch: rows(batch))
    assert not refused


def test_nan_and_infinity_are_failed_texts_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    def forward(batch: Batch) -> Floats:
        return np.array([[np.nan, 1], [2, 3], [np.inf, 4]], np.float32)[batch]

    batches = Batches(1000)
    for _ in range(3):
        found = dict(
            pair for batch, values in batches.run([5, 5, 5], forward) for pair in zip(batch, values, strict=True)
        )
        assert np.isnan(found[0]).all()
        assert found[1].tolist() == [2, 3]
        assert np.isnan(found[2]).all()
    assert len(caplog.records) == 1


def test_a_failing_text_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    def forward(batch: Batch) -> Floats:
        raise RuntimeError("broken")

    batches = Batches(1000)
    for _ in range(3):
        assert collect(batches, [7], forward) == {0: None}
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_a_lost_device_is_not_retried() -> None:
    calls = []

    def forward(batch: Batch) -> Floats:
        calls.append(batch)
        raise DeviceLost("CUDA error")

    with pytest.raises(DeviceLost):
        collect(Batches(1000), [5, 5], forward)
    assert len(calls) == 1


def test_what_is_no_longer_wanted_is_left_out() -> None:
    done: list[int] = []
    found = collect(
        Batches(10),
        [10, 9, 8, 7],
        lambda batch: (done.extend(batch), rows(batch))[1],
        wanted=lambda place: len(done) < 2,
    )
    assert list(found) == done == [0, 1]


def test_a_shortage_of_memory_passes() -> None:
    short = [True]

    def forward(batch: Batch) -> Floats:
        if short and len(batch) > 1:
            short.clear()
            raise OutOfMemory
        return rows(batch)

    batches = Batches(1000)
    collect(batches, [100] * 10, forward)
    assert batches.budget == 520  # five of 104
    for _ in range(2 * RECOVERED):
        collect(batches, [100] * 10, forward)
    assert batches.budget == 1000
