"""Plain data that the steps of a search hand to each other. Frozen, no behaviour beyond reading themselves."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

import msgspec

Headers = Sequence[tuple[bytes, bytes]]
"""Header fields in their order and spelling, repeated ones repeated."""


class State(StrEnum):
    APPLIED = "applied"  # every candidate that has a text was scored
    PARTIAL = "partial"  # the deadline came first: a prefix was scored
    SKIPPED = "skipped"  # the plan said no
    FAILED = "failed"  # nothing was scored


class Reason(StrEnum):
    SIZE_ZERO = "size_zero"
    SORT = "sort"
    PIT = "pit"
    SCROLL = "scroll"
    SEARCH_AFTER = "search_after"
    TERMINATE_AFTER = "terminate_after"
    RESCORE = "rescore"
    PIPELINE = "pipeline"
    RETRIEVER = "retriever"
    NO_TEXT = "no_text"
    AMBIGUOUS = "ambiguous"
    TOO_FEW = "too_few"
    OPT_OUT = "opt_out"
    POLICIES_DIFFER = "policies_differ"
    LANGUAGE = "language"
    LENGTH = "length"
    TIMEOUT = "timeout"
    OVERLOAD = "overload"
    NO_WORKER = "no_worker"
    REDIS = "redis"
    BREAKER = "breaker"
    MODEL = "model"
    ERROR = "error"


class Knn(StrEnum):
    FUSED = "fused"  # the vector leg took part
    LATE = "late"  # its vector or its hits came after the budget
    UNSPLIT = "unsplit"  # its filter could not be derived exactly from the caller's query
    OFF = "off"  # wanted, but there is no vector field, no embedder or the leg failed


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request as it goes to the engine. `target` is the raw request target, path and query string."""

    method: str
    target: bytes
    headers: Headers
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """One whole HTTP answer of the engine. `body` is plain; a Content-Encoding among `headers` says how it is sent."""

    status: int
    reason: bytes
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Controls:
    """What a request asked of us, by the `Secondpass` header or `ext.secondpass`; None where it said nothing."""

    enabled: bool | None = None
    budget_ms: int | None = None
    window: int | None = None
    policy: str | None = None
    details: bool = False
    passage: str | None = None  # "highlight" or "inner_hits": how a hit is to show its winning passage


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done for one search. `skip` is None where reranking is to be tried.

    `first` and `size` are the page the caller asked for, in documents. `fields` is what the model reads; `added` those
    of them that the caller's request does not bring by itself: asked for by us and cut from the answer. `knn_filter`
    holds the clauses (parsed JSON) that the vector leg must obey; None where that split is not provably exact, or the
    leg is not wanted (`knn` then says which).
    """

    policy: str
    skip: Reason | None = None
    text: str = ""
    first: int = 0
    size: int = 10
    window: int = 100
    budget_ms: int = 1000
    fields: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    details: bool = False
    explain: bool = False  # the caller asked for `_explanation`
    passage: str = ""  # as in `Controls`
    knn: Knn | None = None  # FUSED: wanted; UNSPLIT: wanted but impossible; None: not wanted by the policy
    knn_filter: tuple[object, ...] | None = None


Key = tuple[str, str, str]
"""What tells documents apart: index, id, and the routing where a hit names one: equal ids may stand in two shards."""


class Candidate(msgspec.Struct, frozen=True):
    """A document that may be on the final list.

    `raw` is the hit as the engine wrote it, `fields` the member of that name in it, where the model's text stands (b""
    where there is nothing to read). `engine_rank` is its 1-based place in the lexical list, None when only the vector
    leg found it; `knn_rank` likewise.
    """

    index: str
    id: str
    raw: bytes
    fields: bytes = b""
    engine_rank: int | None = None
    engine_score: float | None = None
    knn_rank: int | None = None
    knn_score: float | None = None
    routing: str = ""

    @property
    def key(self) -> Key:
        return self.index, self.id, self.routing


class Passage(NamedTuple):
    """The part of a scored text that won: its characters from `start` to before `end`. `mark` stands for the whole text
    (`connector.reader`); without it a later answer could not tell that its document has changed.
    """

    start: int
    end: int
    mark: bytes


@dataclass(frozen=True, slots=True)
class Scores:
    """What the rerank step found. `logits` is parallel to the candidates it was given (first-stage order): a float32
    logit, NaN where the model could not read the text or there was none, None where no score came in time. `passages`
    is parallel too, where the policy reads passages; so is `from_cache`, where anything was asked for.
    """

    state: State
    logits: tuple[float | None, ...] = ()
    reason: Reason | None = None
    cached: int = 0
    ms: float = 0.0
    model: str = ""
    passages: tuple[Passage | None, ...] = ()
    from_cache: tuple[bool, ...] = ()

    @property
    def depth(self) -> int:
        """How many candidates, from the first on, have a logit."""
        return self.logits.index(None) if None in self.logits else len(self.logits)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the answer says of its reranking: the header `Secondpass-Rerank` and `ext.secondpass`."""

    state: State
    reason: Reason | None = None
    scored: int = 0
    cached: int = 0
    window: int = 0
    ms: float = 0.0
    model: str = ""
    activation: str = ""
    knn: Knn | None = None
    pages_unstable: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the client: the engine's reply, edited or not, and what to say of it.

    `several`: of an `_msearch`, in place of `outcome`, one a search in order.
    """

    reply: Reply
    outcome: Outcome | None = None
    several: tuple[Outcome, ...] = ()


@dataclass(frozen=True, slots=True)
class PassThrough:
    """A search that is the engine's alone: how it goes out, and what to say of it. Its answer is nobody's to read."""

    call: Call
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """The cluster as it presents itself."""

    dialect: str  # "opensearch" or "elasticsearch"
    version: str  # "3.6.0"
    tested: bool = field(default=False)  # this version ran in our tests
