"""Losses that look at one pair at a time. Rule: the lists (`sizes`) do not matter, the mean over pairs is returned."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from workers.training.losses.lists import Sizes


def bce(logits: Tensor, labels: Tensor, sizes: Sizes = ()) -> Tensor:
    """Binary cross-entropy of sigmoid(logit) [n] with labels [n] from 0 to 1 (soft labels are meant)."""
    return functional.binary_cross_entropy_with_logits(logits, labels)


def mse(logits: Tensor, labels: Tensor, sizes: Sizes = ()) -> Tensor:
    """Squared distance of logits [n] to labels [n] on the same scale: the logits of a teacher."""
    return functional.mse_loss(logits, labels)


def cross_entropy(logits: Tensor, labels: Tensor, sizes: Sizes = ()) -> Tensor:
    """Cross-entropy of logits [n, labels of the model] with the number [n] of the right label."""
    return functional.cross_entropy(logits, labels.long())
