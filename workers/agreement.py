"""Whether a class of lower precision computes what the model says: its logits of the probes against the full ones.

Rule: this shows a CPU or a library that computes wrong. What rounding costs is measured on graded queries
(`secondpass quantize`), not here.
"""

import numpy as np

from workers.runtimes.base import Logits

MIN_TAU = 0.95  # Kendall's tau of the probes' order; bf16 MiniLM gives 0.99, int8 0.96 to 0.98
MAX_DIFFERENCE = 0.05  # largest logit difference, in standard deviations of the reference
ROUNDED_DIFFERENCE = 0.25  # of int8
TWICE = 2  # a class that was right on one machine is wrong on another only beyond twice these


def right(precision: str, tau: float, difference: float) -> bool:
    """Whether `agreement`'s two figures are those of a CPU that computes right."""
    return tau >= MIN_TAU and difference <= (ROUNDED_DIFFERENCE if precision == "int8" else MAX_DIFFERENCE)


def wrong(tau: float, difference: float) -> bool:
    """Whether they are those of a machine that computes another's class wrong."""
    return tau < 1 - TWICE * (1 - MIN_TAU) or difference > TWICE * ROUNDED_DIFFERENCE


def agreement(reference: Logits, logits: Logits) -> tuple[float, float]:
    """Kendall's tau (the worst label's) and the largest difference in standard deviations of the reference."""
    spread = float(reference.std(axis=0).max()) or 1.0
    difference = float(np.abs(reference - logits).max()) / spread
    return min(kendall(a, b) for a, b in zip(reference.T, logits.T, strict=True)), difference


def kendall(first: Logits, second: Logits) -> float:
    """Tau-a over all pairs of entries; NaN anywhere counts as disagreement."""
    count = len(first)
    signs = np.sign(first[:, None] - first) * np.sign(second[:, None] - second)
    return float(np.nan_to_num(signs, nan=-1.0).sum() / max(1, count * (count - 1)))
