"""What is known of candidates beside their scores, for the final order: what the query excludes, their categories."""

from collections.abc import Sequence
from dataclasses import dataclass

from connector.agreement import Path, path
from connector.exclusion import excluded, verdicts
from connector.reader import Reader
from connector.settings import Policy
from connector.types import Candidate


@dataclass(frozen=True, slots=True)
class Evidence:
    """Parallel to the candidates, or empty where the policy does not ask for it. `exclusion` is in logits; `agreement`
    is the weight of `paths`.
    """

    exclusion: Sequence[float] = ()
    paths: Sequence[Path] = ()
    agreement: float = 0.0

    @classmethod
    def of(cls, query: str, candidates: Sequence[Candidate], policy: Policy, reader: Reader) -> "Evidence":
        exclusion: list[float] = []
        if policy.exclusion and (thing := excluded(query)):
            texts = [reader.text(candidate.fields) for candidate in candidates]
            exclusion = [policy.exclusion * verdict for verdict in verdicts(thing, texts)]
        paths: list[Path] = []
        if policy.agreement:
            paths = [path(reader.value(candidate.fields, policy.agreement_field)) for candidate in candidates]
        return cls(exclusion, paths if any(paths) else (), policy.agreement)


NONE = Evidence()
