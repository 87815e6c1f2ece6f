"""Losses over a query's whole list. Rule: a list counts as one example, whatever its length (softmax), or its pairs
weigh what swapping them costs in nDCG (lambda)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from workers.training.losses.lists import Sizes, matrix, present

MU = 10.0
"""Weight of the nDCG-loss-2 part in nDCG-loss-2++, as the paper's authors and sentence-transformers have it."""

SMALLEST_DCG = 1e-10  # lists without a relevant document: their gains are 0, and so is their loss


def listwise(logits: Tensor, labels: Tensor, sizes: Sizes) -> Tensor:
    """ListNet (Cao et al. 2007): cross-entropy between softmax(labels) and softmax(logits), the mean over lists."""
    scores, wanted = matrix(logits, sizes, 0.0), matrix(labels, sizes, 0.0)
    absent = ~present(sizes, logits.device)
    shares = wanted.masked_fill(absent, -torch.inf).softmax(dim=1)
    logged = scores.masked_fill(absent, -torch.inf).log_softmax(dim=1).masked_fill(absent, 0.0)
    return -(shares * logged).sum(dim=1).mean()


def lambda_ndcg(logits: Tensor, labels: Tensor, sizes: Sizes) -> Tensor:
    """LambdaLoss for nDCG (Wang et al. 2018), weights of nDCG-loss-2++: what a wrong order of two documents costs.

    -log2 sigmoid(s_i - s_j) of each pair with label_i > label_j, times |G_i - G_j| (mu |1/D(d) - 1/D(d+1)| +
    |1/D(i) - 1/D(j)|), with i, j the places that the logits give, d = |i - j|, D(r) = log2(1 + r), and G = 2^label - 1
    over the best possible DCG of the list. The mean over those pairs; places and weights pass no gradient. Labels are
    grades, 0 and up.
    """
    there = present(sizes, logits.device)
    scores, order = matrix(logits, sizes, -torch.inf).sort(dim=1, descending=True)
    wanted, there = matrix(labels, sizes, 0.0).gather(1, order), there.gather(1, order)
    scores = scores.masked_fill(~there, 0.0)
    better = (wanted[:, :, None] > wanted[:, None, :]) & there[:, :, None] & there[:, None, :]
    lost = -functional.logsigmoid(scores[:, :, None] - scores[:, None, :]) / math.log(2)
    weighed = torch.where(better, _weights(wanted.clamp(min=0.0)) * lost, 0.0)
    return weighed.sum() / better.sum().clamp(min=1)


def _weights(grades: Tensor) -> Tensor:
    """[lists, n, n] weights of pairs of places from the grades [lists, n] at those places."""
    places = torch.arange(1, grades.shape[1] + 1, device=grades.device)
    worth = 1.0 / torch.log2(1.0 + places.to(grades.dtype))
    ideal = grades.sort(dim=1, descending=True).values
    best = (((2**ideal) - 1) * worth).sum(dim=1, keepdim=True).clamp(min=SMALLEST_DCG)
    gains = ((2**grades) - 1) / best
    between = (gains[:, :, None] - gains[:, None, :]).abs()
    apart = (places[:, None] - places[None, :]).abs().clamp(min=1).to(grades.dtype)
    bound = (1.0 / torch.log2(1.0 + apart) - 1.0 / torch.log2(2.0 + apart)).abs()
    swapped = (worth[:, None] - worth[None, :]).abs()
    return between * (MU * bound + swapped)
