"""The losses by name. Rule: what a loss needs of its data is said here, and nowhere else asked by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from connector.errors import ConfigError
from workers.training.losses.contrastive import contrastive
from workers.training.losses.lists import Sizes
from workers.training.losses.listwise import lambda_ndcg, listwise
from workers.training.losses.pairwise import margin_mse, ranknet
from workers.training.losses.pointwise import bce, cross_entropy, mse


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss and what it reads: whole `lists` or single pairs, `labels` on which scale.

    `of_share` puts a relevance from 0 to 1 on that scale.
    """

    compute: Callable[[Tensor, Tensor, Sizes], Tensor]
    lists: bool
    labels: str
    of_share: Callable[[float], float] = float


def as_grade(share: float) -> float:
    """0 to 1 as the usual grades 0 to 3, whose gains 2^grade - 1 differ enough."""
    return 3.0 * share


def as_logit(share: float) -> float:
    """0 to 1 as the logit whose sigmoid it is, at most 4 from 0 (0.018 and 0.982)."""
    return max(-4.0, min(4.0, math.log(max(share, 1e-9) / max(1.0 - share, 1e-9))))


LOSSES = {
    "bce": Loss(bce, False, "relevance, 0 to 1"),
    "cross-entropy": Loss(cross_entropy, False, "the number of the right label"),
    "mse": Loss(mse, False, "a teacher's logits", as_logit),
    "contrastive": Loss(contrastive, True, "positive from 0.5 on"),
    "ranknet": Loss(ranknet, True, "grades; only their order counts"),
    "lambda": Loss(lambda_ndcg, True, "grades, 0 and up", as_grade),
    "margin-mse": Loss(margin_mse, True, "a teacher's logits", as_logit),
    "listwise": Loss(listwise, True, "grades or a teacher's logits; softmax makes them shares", as_logit),
}


def find(name: str) -> Loss:
    """Return the loss of that name. Raises ConfigError with the names there are."""
    if name not in LOSSES:
        raise ConfigError(f"loss {name!r}: there is {', '.join(LOSSES)}")
    return LOSSES[name]
