"""What is compared: each system is a way to a ranked list, under a policy that differs from yours as its text says.

bm25                                     the engine's own list for the words
knn                                      the nearest neighbours of the query's vector
fused                                    both, as the policy fuses them
reranked                                 all of it: fused where the policy has vectors, then reread by the model
NAME: key=value, key=value               one of these (`by`, default reranked) with other settings

deep: window=200        small: model=products-en-small        half: blend=1/0.5/0, fusion=min_max
kin: agreement=1, agreement_field=category, exclusion=1
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from pydantic import ValidationError

from connector.errors import ConfigError
from connector.plan import match_policy
from connector.settings import Policy, Settings

By = Literal["bm25", "knn", "fused", "reranked", "file"]
KINDS = ("bm25", "knn", "fused", "reranked")
PLAIN = (
    "model",
    "candidates",
    "fusion",
    "template",
    "passages",
    "stop_margin",
    "agreement",
    "agreement_field",
    "exclusion",
)  # keys of a policy, taken as they are
KEYS = ("by", "policy", "window", "weights", "blend", *PLAIN)
UNHURRIED_MS = 600_000
"""No deadline in practice: figures are of the model, not of this machine's load."""


@dataclass(frozen=True, slots=True)
class System:
    """One way to a ranked list. `base` names the policy of the settings that `policy` was made from; `cold`: asked
    without a score cache and one query at a time, so that its milliseconds mean something.
    """

    name: str
    by: By
    policy: Policy
    base: str = ""
    cold: bool = False


def parse_system(written: str, base: Policy, settings: Settings, budget_ms: int = UNHURRIED_MS) -> System:
    """The system that the command line means; `base` is the policy of the index. Raises ConfigError."""
    name, colon, rest = (part.strip() for part in written.partition(":"))
    if not colon and name not in KINDS:
        raise ConfigError(
            f"--system {written!r}: one of {', '.join(KINDS)}, or NAME: key=value, ... ({', '.join(KEYS)})"
        )
    options = _options(written, rest)
    by = options.pop("by", "reranked" if colon else name)
    if by not in KINDS:
        raise ConfigError(f"--system {written!r}: by={by} is none of {', '.join(KINDS)}")
    if named := options.pop("policy", ""):
        base = _policy_named(named, settings)
    policy = vary(base, {"budget_ms": budget_ms, **_changes(written, options)}, settings)
    if by in ("knn", "fused") and not policy.vector_field:
        raise ConfigError(f"--system {written!r}: policy {base.name} has no vector_field")
    return System(name, cast(By, by), policy, base.name)


def default_systems(base: Policy, settings: Settings, budget_ms: int = UNHURRIED_MS) -> list[System]:
    """Every kind that the policy has what it takes for."""
    kinds = KINDS if base.vector_field else ("bm25", "reranked")
    return [parse_system(kind, base, settings, budget_ms) for kind in kinds]


def depth_systems(deepest: System, windows: Sequence[int], settings: Settings) -> list[System]:
    """The same system at other windows, each asked cold."""
    return [
        System(f"window {window}", "reranked", vary(deepest.policy, {"window": window}, settings), deepest.base, True)
        for window in sorted(set(windows))
    ]


def policy_of(index: str, name: str, settings: Settings) -> Policy:
    """The named policy, or the one that a search of `index` is under. Raises ConfigError where there is none."""
    if name:
        return _policy_named(name, settings)
    found = match_policy((index,), settings.policy)
    if isinstance(found, Policy):
        return found
    there = "; ".join(f"{policy.name}: {', '.join(policy.indices)}" for policy in settings.policy) or "none"
    raise ConfigError(
        f"no [[policy]] of the settings covers {index!r} (there is {there}): name an index that one covers, or write "
        "one (README); `secondpass evaluate` also takes one by its name, as --policy"
    )


def refuse_changes(systems: Sequence[System], settings: Settings) -> None:
    """Raises ConfigError where a running proxy could not do what a system says: it has policies of its own."""
    for system in systems:
        if system.by != "reranked":
            continue
        own = _policy_named(system.base, settings)
        same = own.model_copy(update={"window": system.policy.window, "budget_ms": system.policy.budget_ms})
        if system.cold or system.policy != same or system.policy.window > own.window:
            raise ConfigError(
                f"{system.name}: a running proxy answers under its own policies, at their window or a smaller one, and "
                "with its cache; leave --url away to compare other settings or depths"
            )


def file_system(name: str) -> System:
    """Stands for lists that somebody else made."""
    return System(name, "file", Policy(name="file", indices=["file"], fields=["_"]))


def vary(policy: Policy, changes: dict[str, Any], settings: Settings) -> Policy:
    """The policy with other values, checked as a file's are. Raises ConfigError."""
    if changes.get("candidates") == "lexical":
        changes = {**changes, "vector_field": ""}  # the simple search adds vectors wherever there are some
    try:
        varied = Policy.model_validate(policy.model_dump() | changes)
    except ValidationError as error:
        raise ConfigError("; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())) from error
    if varied.model not in [model.name for model in settings.model]:
        raise ConfigError(f"there is no [[model]] {varied.model!r} in the settings")
    return varied


def _options(written: str, rest: str) -> dict[str, str]:
    options = {}
    for part in filter(None, (part.strip() for part in rest.split(","))):
        key, equals, value = (word.strip() for word in part.partition("="))
        if not equals or key not in KEYS:
            raise ConfigError(f"--system {written!r}: {part!r} is no key=value of {', '.join(KEYS)}")
        options[key] = value
    return options


def _changes(written: str, options: dict[str, str]) -> dict[str, Any]:
    changes: dict[str, Any] = {key: options[key] for key in PLAIN if key in options}
    if "window" in options:
        changes["window"] = options["window"]
    if "weights" in options:
        changes["fusion_weights"] = _numbers(written, options["weights"], 2)
    if "blend" in options:
        weights = _numbers(written, options["blend"], 3)
        changes["blend"] = dict(zip(("rerank", "lexical", "vector"), weights, strict=True))
    return changes


def _numbers(written: str, value: str, count: int) -> list[float]:
    try:
        found = [float(part) for part in value.split("/")]
    except ValueError:
        found = []
    if len(found) != count:
        raise ConfigError(f"--system {written!r}: {value!r} must be {count} numbers like {'/'.join(['1'] * count)}")
    return found


def _policy_named(name: str, settings: Settings) -> Policy:
    for policy in settings.policy:
        if policy.name == name:
            return policy
    raise ConfigError(f"there is no policy {name!r}; there is {', '.join(p.name for p in settings.policy) or 'none'}")
