"""A request of the rerank API as plain data, whichever shape it came in, and what is common to reading one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from connector.errors import BadRequest, SecondpassError

MOST_PAIRS = 1000  # Cohere advises no more; at 128 tokens they take a CPU worker of two cores about 5 s


@dataclass(frozen=True, slots=True)
class Asked:
    """`pairs` are (query, text), in the order that an answer's `index` counts. `originals` are the documents as they
    were sent, where they are to be returned. `top`: so many of the best, 0: all. `raw`: logits instead of scores.
    `nested`: each score in a list of its own (TEI's `/predict`).
    """

    pairs: Sequence[tuple[str, str]]
    model: str = ""
    originals: Sequence[object] | None = None
    top: int = 0
    raw: bool = False
    nested: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """What a request is answered with: a score a pair, the model's name, how many scores were cached, milliseconds.
    `activation` made the scores of the logits ("identity": they are the logits); `label` is the model's that ranks.
    """

    scores: Sequence[float]
    model: str
    cached: int
    ms: float
    activation: str = "sigmoid"
    label: str = "LABEL_0"

    @property
    def told(self) -> dict[str, object]:
        """What an answer that is an object says of its scores, as `meta.secondpass`."""
        return {"activation": self.activation, "cached": self.cached, "ms": round(self.ms, 1)}

    def best(self, top: int) -> list[int]:
        """Places of the pairs, best first, equal ones in their order; `top` of them, 0: all."""
        order = sorted(range(len(self.scores)), key=lambda place: -self.scores[place])
        return order[: top or None]


class Shape(Protocol):
    """One server's way to ask and to answer. `read` raises BadRequest; both others give JSON values."""

    def read(self, body: object) -> Asked: ...

    def write(self, asked: Asked, given: Given) -> object: ...

    def refuse(self, error: SecondpassError) -> tuple[int, object]: ...


class Fields(BaseModel):
    """Fields of a request that mean something here; whatever else a client sends is ignored, and null is left out."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: Any) -> Any:
        """Clients write options that nobody set as null."""
        return {name: value for name, value in given.items() if value is not None} if isinstance(given, dict) else given


_F = TypeVar("_F", bound=Fields)


class TooMany(BadRequest):
    """Raised before any of so many texts is looked at."""


def read_fields(kind: type[_F], body: object) -> _F:
    """Raises BadRequest that names each wrong field, TooMany."""
    if isinstance(body, dict):
        for name in kind.model_fields:
            _check_lists(body.get(name))
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['msg']}" for e in error.errors()[:5])
        raise BadRequest(said) from error


def check_count(count: int) -> None:
    """Raises BadRequest where there is nothing to score, TooMany where there is too much."""
    if not 1 <= count <= MOST_PAIRS:
        raise (TooMany if count else BadRequest)(f"{count} texts; send 1 to {MOST_PAIRS} in a request")


def _check_lists(value: object) -> None:
    """A million wrong texts would take seconds to be told of one by one. Raises TooMany."""
    if isinstance(value, list):
        pairs = sum(len(one) for one in value if isinstance(one, list)) // 2
        if (most := max(len(value), pairs)) > MOST_PAIRS:
            check_count(most)
