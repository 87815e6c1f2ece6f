"""`--fail-under`: the least that a system must reach, for a build that must not get worse unnoticed."""

from collections.abc import Sequence
from dataclasses import dataclass

from connector.errors import ConfigError
from connector.evaluation.measures import measure_name
from connector.evaluation.results import Results
from connector.evaluation.statistics import EQUAL


@dataclass(frozen=True, slots=True)
class Threshold:
    """`system` "" is the last one that is compared."""

    measure: str
    least: float
    system: str = ""


def parse_threshold(written: str) -> Threshold:
    """`nDCG@10=0.7` or `reranked:nDCG@10=0.7`. Raises ConfigError."""
    left, equals, value = written.rpartition("=")
    system, _, measure = left.rpartition(":")
    try:
        least = float(value)
    except ValueError:
        least = float("nan")
    if not equals or least != least:
        raise ConfigError(f"--fail-under {written!r}: write nDCG@10=0.7, or SYSTEM:nDCG@10=0.7")
    return Threshold(measure_name(measure), least, system.strip())


def missed(thresholds: Sequence[Threshold], results: Results) -> list[str]:
    """What was not reached, in words. Raises ConfigError for a system that is not compared."""
    said = []
    for one in thresholds:
        name = one.system or list(results.found)[-1]
        if name not in results.found:
            raise ConfigError(f"--fail-under names {name!r}; there is {', '.join(results.found)}")
        value = results.found[name].means[one.measure].value
        if value < one.least - EQUAL:  # a mean of 0.7, 0.7 and 0.7 is 0.6999999999999998
            said.append(f"{name}: {one.measure} {value:.4f} is under {one.least:g}")
    return said
