"""Scores as JSON numbers that strict clients read.

OpenSearch's connectors cast a score to Double: `0` and `1` would be Integers, and a long decimal a BigDecimal. So there
is always a decimal point, never an exponent, and at most 13 digits.
"""

import orjson

DIGITS = 12


def decimal(value: float) -> orjson.Fragment:
    """`0.98005307`, `1.0`, `-4.5`; what is smaller than 1e-12 is 0.0."""
    text = f"{value:.{DIGITS}f}".rstrip("0")
    return orjson.Fragment(text + "0" if text.endswith(".") else text)
