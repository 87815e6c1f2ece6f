"""Values worked out on paper, gradients against finite differences, and lists that have nothing to teach."""

from math import log, log2

import pytest
import torch

from workers.training.losses import LOSSES
from workers.training.losses.lists import matrix
from workers.training.losses.listwise import MU

SIZES = (3, 1, 2, 4)
LABELS = torch.tensor([2.0, 0, 1, 1, 0, 3, 1, 1, 0, 2], dtype=torch.float64)


def sigmoid(x: float) -> float:
    return 1 / (1 + 2.718281828459045**-x)


def value(name: str, logits, labels, sizes) -> float:
    return LOSSES[name].compute(torch.tensor(logits), torch.tensor(labels), sizes).item()


@pytest.mark.parametrize(
    ("name", "logits", "labels", "sizes", "expected"),
    [
        (
            "bce",
            [2.0, -1.0],
            [0.9, 0.0],
            (1, 1),
            -(0.9 * log(sigmoid(2)) + 0.1 * log(sigmoid(-2)) + log(sigmoid(1))) / 2,
        ),
        ("mse", [2.0, -1.0], [1.0, 1.0], (2,), (1 + 4) / 2),
        ("cross-entropy", [[1.0, 2.0, 0.0]], [1.0], (1,), log(2.718281828459045**-1 + 1 + 2.718281828459045**-2)),
        ("ranknet", [1.0, 3.0, 0.0], [2.0, 1.0, 1.0], (3,), -(log2(sigmoid(-2)) + log2(sigmoid(1))) / 2),
        ("margin-mse", [1.0, 3.0, 0.0], [5.0, 2.0, 4.0], (3,), ((-2 - 3) ** 2 + (1 - 1) ** 2) / 2),
        ("listwise", [0.0, 0.0], [0.0, 5.0], (2,), log(2)),
        ("contrastive", [0.0, 0.0, 0.0], [1.0, 0.0, 0.0], (3,), log(3)),
        ("contrastive", [0.0, 0.0, 0.0], [1.0, 0.9, 0.0], (3,), log(2)),
    ],
)
def test_on_paper(name, logits, labels, sizes, expected):
    assert value(name, logits, labels, sizes) == pytest.approx(expected, abs=1e-6)


def test_lambda_on_paper():
    """The grade 1 stands second: gains 1 and 0 over a best DCG of 1, places 1 and 2, one apart."""
    swapped = 1 / log2(2) - 1 / log2(3)
    bound = 1 / log2(2) - 1 / log2(3)
    expected = (MU * bound + swapped) * -log2(sigmoid(0.0 - 2.0))
    assert value("lambda", [2.0, 0.0], [0.0, 1.0], (2,)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_those_of_the_values(name):
    shape = (10, 4) if name == "cross-entropy" else (10,)
    logits = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(5)).requires_grad_()
    labels = LABELS / 3 if name == "bce" else LABELS
    assert torch.autograd.gradcheck(lambda free: LOSSES[name].compute(free, labels, SIZES), (logits,))


@pytest.mark.parametrize("name", [name for name, loss in LOSSES.items() if loss.lists])
def test_lists_without_an_order_teach_nothing_and_do_no_harm(name):
    logits = torch.tensor([1.0, -2.0, 0.5], requires_grad=True)
    loss = LOSSES[name].compute(logits, torch.zeros(3), (2, 1))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()
    if name in ("ranknet", "lambda", "contrastive"):
        assert loss.item() == 0.0
        assert logits.grad.abs().sum() == 0.0


@pytest.mark.parametrize("name", [name for name, loss in LOSSES.items() if loss.lists])
def test_a_longer_list_beside_it_does_not_change_a_list(name):
    """Padding is no document: the loss of two lists follows from the loss of each."""
    alone = [value(name, [3.0, 1.0], [0.0, 1.0], (2,)), value(name, [0.5, 0.1, -1.0, 2.0], [1.0, 0.0, 0.0, 0.0], (4,))]
    counts = {"ranknet": (1, 3), "lambda": (1, 3), "margin-mse": (1, 3)}.get(name, (1, 1))
    together = value(name, [3.0, 1.0, 0.5, 0.1, -1.0, 2.0], [0.0, 1.0, 1.0, 0.0, 0.0, 0.0], (2, 4))
    expected = sum(loss * count for loss, count in zip(alone, counts, strict=True)) / sum(counts)
    assert together == pytest.approx(expected, abs=1e-6)


def test_sizes_that_do_not_add_up_are_refused():
    with pytest.raises(ValueError, match="4 rows in all, but 3"):
        matrix(torch.zeros(3), (2, 2), 0.0)
