"""Each loss gives the value and the gradient of sentence-transformers' loss of the same name, on random lists."""

import pytest
import torch
from sentence_transformers.cross_encoder import losses as theirs

from connector.errors import ConfigError
from tests.workers.training.losses.reference import Looked, lists, looked
from workers.training.losses import LOSSES, find

SIZES = (4, 1, 7, 2)
N = sum(SIZES)


def rows(seed: int, width: int = 0) -> torch.Tensor:
    shape = (N, width) if width else (N,)
    return 3 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def grades(seed: int) -> torch.Tensor:
    return torch.randint(0, 4, (N,), generator=torch.Generator().manual_seed(seed)).float()


def agree(ours, reference, logits: torch.Tensor) -> None:
    """Compare value and gradient; `ours` and `reference` take the logits."""
    found = []
    for loss in (ours, reference):
        free = logits.clone().requires_grad_()
        value = loss(free)
        value.backward()
        found.append((value.detach(), free.grad))
    (value, gradient), (expected, expected_gradient) = found
    assert value.item() == pytest.approx(expected.item(), abs=1e-6, rel=1e-6)
    torch.testing.assert_close(gradient, expected_gradient, atol=1e-6, rtol=1e-5)


def pairs() -> list[list[str]]:
    queries, documents = lists(SIZES)
    flat = [(query, text) for query, own in zip(queries, documents, strict=True) for text in own]
    return [[query for query, _ in flat], [text for _, text in flat]]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("name", "reference", "scale"),
    [("bce", theirs.BinaryCrossEntropyLoss, 3.0), ("mse", theirs.MSELoss, 1.0)],
)
def test_pairs(name, reference, scale, seed):
    labels = grades(seed) / scale
    agree(
        lambda logits: find(name).compute(logits, labels, SIZES),
        lambda logits: reference(looked(logits, SIZES))(pairs(), labels),
        rows(seed),
    )


@pytest.mark.parametrize("seed", range(4))
def test_several_labels(seed):
    agree(
        lambda logits: find("cross-entropy").compute(logits, grades(seed), SIZES),
        lambda logits: theirs.CrossEntropyLoss(looked(logits, SIZES))(pairs(), grades(seed).long()),
        rows(seed, width=4),
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("name", "reference"),
    [("ranknet", theirs.RankNetLoss), ("lambda", theirs.LambdaLoss), ("listwise", theirs.ListNetLoss)],
)
def test_lists(name, reference, seed):
    split = list(grades(seed).split(SIZES))
    agree(
        lambda logits: find(name).compute(logits, grades(seed), SIZES),
        lambda logits: reference(looked(logits, SIZES))(list(lists(SIZES)), split),
        rows(seed),
    )


@pytest.mark.parametrize("seed", range(4))
def test_margins_of_a_positive_to_each_negative(seed):
    sizes = (4, 4, 4)
    logits, teacher = rows(seed)[:12], rows(seed + 10)[:12].reshape(3, 4)
    teacher[:, 0] = 9.0  # the positive stands first in sentence-transformers' columns
    queries, documents = lists(sizes)
    columns = [list(column) for column in zip(*documents, strict=True)]
    agree(
        lambda free: find("margin-mse").compute(free, teacher.flatten(), sizes),
        lambda free: theirs.MarginMSELoss(looked(free, sizes))([queries, *columns], teacher),
        logits,
    )


@pytest.mark.parametrize("seed", range(4))
def test_a_positive_against_hard_and_in_batch_negatives(seed):
    """Two queries with a positive and a hard negative each: the other query's two documents are negatives as well."""
    own = {"a": ("a+", "a-"), "b": ("b+", "b-")}
    order = {query: [*own[query], *own[other]] for query, other in (("a", "b"), ("b", "a"))}
    keys = [(query, text) for query, texts in order.items() for text in texts]
    columns = [["a", "b"], ["a+", "b+"], ["a-", "b-"]]
    agree(
        lambda free: find("contrastive").compute(free, torch.tensor([1.0, 0, 0, 0] * 2), (4, 4)),
        lambda free: theirs.MultipleNegativesRankingLoss(
            Looked(dict(zip(keys, free, strict=True))), num_negatives=None
        )(columns, torch.empty(0)),
        rows(seed)[:8],
    )


def test_an_unknown_loss_is_refused_with_the_names_there_are():
    with pytest.raises(ConfigError, match=", ".join(LOSSES)):
        find("hinge")
