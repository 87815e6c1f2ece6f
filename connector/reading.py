"""How a document that is longer than the model's window is read: as far as it fits, or as overlapping passages.

The worker cuts passages token by token; here they are only estimated, from characters, so that a long document counts
as the several pairs that it will be.
"""

from dataclasses import dataclass

from connector.contract import PASSAGE_OVERLAP, PASSAGE_RULES, PASSAGES_MOST

CHARACTERS_A_TOKEN = 4  # English has about 4.7 with the spaces, so that passages are rather overrated


@dataclass(frozen=True, slots=True)
class Reading:
    """`best`: the mean of so many best passages is a document's score; 0: what does not fit is not read. `max_tokens`
    is the worker's window.
    """

    best: int = 0
    max_tokens: int = 256

    def pairs(self, text: str) -> int:
        """About how many pairs of query and passage the model will read of `text`, at least 1."""
        if not self.best:
            return 1
        stride = self.max_tokens * CHARACTERS_A_TOKEN * (1 - PASSAGE_OVERLAP)
        return min(PASSAGES_MOST, 1 + int(len(text) / stride))


def best_passages(rule: str) -> int:
    """`passages` of a policy ("off", "max" or "mean:k") as `Reading.best`."""
    return {"off": 0, "max": 1}.get(rule) or int(rule.partition(":")[2] or 0)


def cached_rule(rule: str) -> str:
    """What of a policy's `passages` a cached score depends on."""
    return rule if rule == "off" else f"{rule} {PASSAGE_RULES}"
