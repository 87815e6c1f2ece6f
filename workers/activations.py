"""What turns logits into scores. Rule: stored and sent are logits; an activation is applied last, in float32.

`sigmoid` and `identity` work on each logit, `softmax` on a row of several labels. Where one label of a softmax model
ranks, its logit is replaced by its log-odds against the others (`ranking_logit`): the sigmoid of that is the softmax,
so that one number a text is enough for the score cache.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from connector.errors import ConfigError

Floats = NDArray[np.float32]
NAMES = ("identity", "sigmoid", "softmax")


def apply(name: str, logits: Floats) -> Floats:
    """Scores of logits [n] or [n, labels]. The softmax of single logits is their sigmoid (see above)."""
    if name == "identity":
        return logits
    if name == "sigmoid" or (name == "softmax" and logits.ndim == 1):
        return np.asarray(1 / (1 + np.exp(-np.clip(logits, -87, 87))), np.float32)  # exp(88) overflows float32
    if name == "softmax":
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float32)
    raise ConfigError(f"activation = {name!r}: there is {', '.join(NAMES)}")


def label_number(labels: Sequence[str], label: str) -> int:
    """Position of a label. Raises ConfigError with the names there are."""
    if label not in labels:
        raise ConfigError(f"label = {label!r}: the model has {', '.join(labels)}; set the one that ranks")
    return list(labels).index(label)


def ranking_logit(logits: Floats, number: int, activation: str) -> Floats:
    """[n, labels] to the [n] logits that rank: the label's own, or with softmax its log-odds against all others."""
    if activation != "softmax":
        return np.ascontiguousarray(logits[:, number])
    others = np.delete(logits, number, axis=1).astype(np.float64)
    top = others.max(axis=1, keepdims=True)
    against = top[:, 0] + np.log(np.exp(others - top).sum(axis=1))
    return np.asarray(logits[:, number] - against, np.float32)
