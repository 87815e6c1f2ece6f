"""A search as it was asked: read and planned. The same request, byte for byte, is read once and not again.

What is remembered of one is its body and its plan, under a keyed hash. No credential is: who asks decides nothing here.
"""

from collections.abc import Container, Iterable
from dataclasses import dataclass, field, replace

from connector.dialects.request import SearchRequest
from connector.keys import Keys
from connector.querypath import header_name
from connector.retrieve import Forms
from connector.settings import Model, Policy
from connector.types import Call, Outcome, Plan, Reason, State

UNREAD = Outcome(State.SKIPPED, Reason.ERROR)  # the engine says what is wrong with the request
HEEDED = frozenset((b"accept", b"content-encoding", b"content-type", b"secondpass"))
MOST = 256  # requests; more begin anew
MOST_BYTES = 4096  # of target and body: what is read of them takes ten times as much


@dataclass(frozen=True, slots=True)
class Asked:
    """A search that is ready to go: `planned`, or as it came with `outcome` to say why."""

    call: Call
    names: tuple[str, ...] = ()
    request: SearchRequest | None = None
    outcome: Outcome = UNREAD
    planned: "Planned | None" = None
    details: bool = False  # the answer shall show what became of the search, also where nothing did

    def by(self, call: Call) -> "Asked":
        """The same search in another call."""
        return Asked(call, self.names, self.request and self.request.by(call), self.outcome, self.planned, self.details)


@dataclass(frozen=True, slots=True)
class Planned:
    """`search` is its key, whoever asks (`Keys.search`), `forms` what it is sent as (`Legs.window`), once that was
    made.
    """

    plan: Plan
    policy: Policy
    model: Model
    search: bytes = b""
    forms: Forms = field(default_factory=dict)


class Recent:
    """The searches that were asked last."""

    def __init__(self) -> None:
        self._known: dict[bytes, Asked] = {}

    def find(self, key: bytes) -> Asked | None:
        return self._known.get(key)

    def keep(self, key: bytes, asked: Asked) -> None:
        """Nothing where `key` is b""."""
        if not key:
            return
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[key] = asked.by(replace(asked.call, headers=()))


def request_key(keys: Keys, call: Call, names: tuple[str, ...], heeded: Container[bytes], longest: list[int]) -> bytes:
    """All that decides how a request is read: of its header fields those `heeded` (lower case), and `longest`, what the
    models were made for (`connector.plan`). b"" for one that is too long to be remembered.
    """
    if len(call.target) + len(call.body) > MOST_BYTES:
        return b""
    fields = [part for name, value in call.headers if (lower := name.lower()) in heeded for part in (lower, value)]
    said = repr((longest, names, call.method)).encode("utf-8", "backslashreplace")
    return keys.digest(said, call.target, call.body, *fields)


def heeded_fields(policies: Iterable[Policy]) -> frozenset[bytes]:
    """The header fields that say how a request is to be read."""
    words = [header_name(policy.query_path) for policy in policies]
    return HEEDED | {name for name in words if name}
