"""Activations are exact where ranking needs it: no ties at the ends, softmax of one label from its log-odds."""

import numpy as np
import pytest

from connector.errors import ConfigError
from workers import activations

LOGITS = np.array([[2.0, -1.0, 0.5], [-30.0, 30.0, 0.0], [0.0, 0.0, 0.0]], np.float32)


def test_sigmoid_keeps_small_scores_apart() -> None:
    scores = activations.apply("sigmoid", np.array([-40, -30, 0, 10, np.nan], np.float32))
    assert scores.dtype == np.float32
    assert (np.diff(scores[:4]) > 0).all()
    assert np.isnan(scores[4])


def test_extreme_logits_do_not_overflow() -> None:
    with np.errstate(all="raise"):
        scores = activations.apply("sigmoid", np.array([-1e30, 1e30], np.float32))
    assert scores.max() == 1
    assert 0 <= scores.min() < 1e-37


def test_softmax_rows_sum_to_one() -> None:
    assert activations.apply("softmax", LOGITS).sum(axis=1) == pytest.approx([1, 1, 1])


@pytest.mark.parametrize("label", [0, 1, 2])
def test_the_ranking_logit_of_softmax_gives_the_softmax_by_sigmoid(label: int) -> None:
    single = activations.apply("softmax", activations.ranking_logit(LOGITS, label, "softmax"))
    assert single == pytest.approx(activations.apply("softmax", LOGITS)[:, label], abs=1e-6)


def test_the_ranking_logit_of_sigmoid_is_the_labels_own() -> None:
    assert (activations.ranking_logit(LOGITS, 1, "sigmoid") == LOGITS[:, 1]).all()


def test_an_unknown_label_or_activation_names_what_there_is() -> None:
    with pytest.raises(ConfigError, match="good, bad"):
        activations.label_number(("good", "bad"), "ugly")
    with pytest.raises(ConfigError, match="identity, sigmoid, softmax"):
        activations.apply("relu", LOGITS)
