"""From which score on a document is worth showing: thresholds for what precision a user wants, chosen on graded pairs.

Rule: a threshold is a logit that occurred, with its probability beside it; of those that reach a precision the one that
keeps the most relevant documents.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from connector.calibration import Calibration
from workers.probability.fit import Flags, Floats

PRECISIONS = (0.7, 0.8, 0.9, 0.95)


@dataclass(frozen=True, slots=True)
class Threshold:
    """`wanted` is "F1" or a precision; `precision` and `recall` are those of the graded pairs at or above it."""

    wanted: str
    logit: float
    probability: float
    precision: float
    recall: float


def choose(
    logits: Floats, relevant: Flags, calibration: Calibration, precisions: Sequence[float] = PRECISIONS
) -> tuple[Threshold, ...]:
    """The threshold of the best F1, then those of the precisions that can be reached."""
    from sklearn.metrics import precision_recall_curve

    precision, recall, at = precision_recall_curve(relevant, logits)
    precision, recall = precision[:-1], recall[:-1]  # the last point is "nothing", which has no threshold

    def chosen(wanted: str, place: int) -> Threshold:
        logit = float(at[place])
        figures = logit, calibration.probability(logit), float(precision[place]), float(recall[place])
        return Threshold(wanted, *(round(figure, 4) for figure in figures))

    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    found = [chosen("F1", int(np.argmax(f1)))]
    for wanted in precisions:
        enough = np.flatnonzero(precision >= wanted)
        if len(enough):
            found.append(chosen(f"precision {wanted:g}", int(enough[np.argmax(recall[enough])])))
    return tuple(found)
