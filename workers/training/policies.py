"""Which policy covers the index that is learnt from.

Rule: the one that a search of it through the proxy takes, as `connector.plan.match_policy` says, which stands above
what workers may import; tests/workers/training/test_policies.py holds both together.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from connector.errors import ConfigError
from connector.settings import Policy

ALL = ("_all", "*", "**")


def policy_of(index: str, policies: Sequence[Policy]) -> Policy | None:
    """Return the policy of an index, or of several, comma-separated; None where none takes any of them. Raises
    ConfigError where they have different ones.
    """
    first, *others = index.split(",")
    names = [first, *(name for name in others if not name.startswith("-"))]
    found = [next((one for one in policies if any(_takes(p, name) for p in one.indices)), None) for name in names]
    if any(policy is not found[0] for policy in found):
        raise ConfigError(
            f"{index}: several policies cover these indices; name the fields of their documents with --fields"
        )
    return found[0]


def _takes(pattern: str, name: str) -> bool:
    """Hidden and system names, date arithmetic and `_all` must be listed as written, other clusters with a colon."""
    if pattern == name:
        return True
    if name in ALL or name.startswith((".", "<", "_")) or (":" in name and ":" not in pattern):
        return False
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) is not None
