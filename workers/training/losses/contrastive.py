"""A positive against the negatives of its list: hard ones from the engine and, where asked for, those of other queries.

Rule: documents with a label of 0.5 and up are positives; a positive is never another positive's negative.
"""

from __future__ import annotations

import torch
from torch import Tensor

from workers.training.losses.lists import Sizes, matrix, present

SCALE = 10.0
"""Sharpness of the softmax over sigmoid(logit), as in sentence-transformers: a clear win then costs about 0.0001."""

POSITIVE = 0.5


def contrastive(logits: Tensor, labels: Tensor, sizes: Sizes) -> Tensor:
    """Softmax cross-entropy (InfoNCE) of each positive against its list's negatives, over 10 sigmoid(logit).

    The mean over positives; lists without a positive teach nothing. In-batch negatives are rows of the list as well:
    a cross-encoder must read each of them with this query (`workers.training.batches`).
    """
    scores = matrix(torch.sigmoid(logits) * SCALE, sizes, 0.0)
    there = present(sizes, logits.device)
    positive = (matrix(labels, sizes, 0.0) >= POSITIVE) & there
    against = scores.masked_fill(positive | ~there, -torch.inf).logsumexp(dim=1, keepdim=True)
    lost = torch.logaddexp(scores, against) - scores
    return torch.where(positive, lost, 0.0).sum() / positive.sum().clamp(min=1)
