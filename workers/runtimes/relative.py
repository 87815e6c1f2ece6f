"""MPNet's relative positions: what a distance between two tokens adds to their attention.

Rule: distances fall into buckets, half of them for tokens before and half for those after; near ones have a bucket
each, those from a quarter of the buckets up to 128 tokens share wider and wider ones (T5, Raffel et al. 2020, as
transformers' `MPNetEncoder.relative_position_bucket` computes it, in float32).
"""

import math

import numpy as np
from numpy.typing import NDArray

BUCKETS = 32  # always, whatever config.json says: transformers does not hand it on
FARTHEST = 128  # tokens; all beyond share the last bucket


def buckets(tokens: int) -> NDArray[np.int64]:
    """The bucket of each distance, [tokens, tokens]: from the row's token to the column's."""
    places = np.arange(tokens)
    back = places[:, None] - places[None, :]
    half, far = BUCKETS // 2, np.abs(back)
    exact = half // 2
    ratio = np.log(np.maximum(far, 1).astype(np.float32) / np.float32(exact)) / math.log(FARTHEST / exact)
    wide = np.minimum(exact + (ratio * (half - exact)).astype(np.int64), half - 1)
    return np.asarray(np.where(back < 0, half, 0) + np.where(far < exact, far, wide), np.int64)


def bias(table: NDArray[np.float32], tokens: int) -> NDArray[np.float32]:
    """What is added to attention scores, [1, heads, tokens, tokens]; `table` is [BUCKETS, heads]."""
    return np.ascontiguousarray(table[buckets(tokens)].transpose(2, 0, 1)[None])
