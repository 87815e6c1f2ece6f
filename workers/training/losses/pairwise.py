"""Losses over two documents of one query.

Rule: only order and distance inside a list count; pairs with the same label say nothing about order.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from workers.training.losses.lists import Sizes, matrix, present


def ranknet(logits: Tensor, labels: Tensor, sizes: Sizes) -> Tensor:
    """RankNet (Burges et al. 2005): -log2 sigmoid(s_i - s_j), the mean over all pairs of a list with label_i > label_j.

    The logarithm is binary as in sentence-transformers. A batch without such a pair gives 0.
    """
    scores, wanted = matrix(logits, sizes, 0.0), matrix(labels, sizes, 0.0)
    there = present(sizes, logits.device)
    better = (wanted[:, :, None] > wanted[:, None, :]) & there[:, :, None] & there[:, None, :]
    lost = -functional.logsigmoid(scores[:, :, None] - scores[:, None, :]) / math.log(2)
    return torch.where(better, lost, 0.0).sum() / better.sum().clamp(min=1)


def margin_mse(logits: Tensor, labels: Tensor, sizes: Sizes) -> Tensor:
    """Margin-MSE (Hofstätter et al. 2020): squared distance of the student's margins to the teacher's.

    Margins are those of the document with the highest label of a list to each other document of it; labels are the
    teacher's logits. The mean over all margins of the batch; lists of one document have none.
    """
    scores, wanted = matrix(logits, sizes, 0.0), matrix(labels, sizes, -torch.inf)
    best = wanted.argmax(dim=1, keepdim=True)
    others = present(sizes, logits.device).scatter(1, best, False)
    wanted = torch.where(others.scatter(1, best, True), wanted, 0.0)
    distance = (scores.gather(1, best) - scores) - (wanted.gather(1, best) - wanted)
    return torch.where(others, distance**2, 0.0).sum() / others.sum().clamp(min=1)
