"""Rows of a batch as lists of one query each.

Rule: the pairs of one query stand next to each other, and `sizes` says how many each query has; losses over lists see
a matrix [queries, longest list] in which what is no document is masked.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

Sizes = Sequence[int]


def matrix(values: Tensor, sizes: Sizes, fill: float) -> Tensor:
    """Return [queries, longest list] from the rows [n] of all lists; places without a document hold `fill`.

    Raises ValueError where the sizes do not add up to the rows.
    """
    if sum(sizes) != len(values):
        raise ValueError(f"lists of {sum(sizes)} rows in all, but {len(values)} values")
    return torch.nn.utils.rnn.pad_sequence(list(torch.split(values, list(sizes))), batch_first=True, padding_value=fill)


def present(sizes: Sizes, device: torch.device) -> Tensor:
    """Return the mask [queries, longest list]: True where there is a document."""
    return torch.arange(max(sizes), device=device) < torch.tensor(list(sizes), device=device)[:, None]
