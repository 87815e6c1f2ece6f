"""How a request speaks to us and an answer speaks of us: `Secondpass`, `ext.secondpass`, `Secondpass-Rerank`.

Header fields are RFC 9651 structured fields. A control that cannot be understood is a BadRequest: guessing what a
caller meant by `budget=fast` would be worse than saying so.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import http_sf

from connector.errors import BadRequest
from connector.types import Controls, Headers, Outcome, State

REQUEST_HEADER = b"Secondpass"
ANSWER_HEADER = b"Secondpass-Rerank"
EXT = "secondpass"

_NAME = REQUEST_HEADER.lower()
_HEADER_KEYS = {"on": bool, "off": bool, "budget": int, "window": int, "policy": str, "details": bool, "passage": str}
_BODY_KEYS = {"enabled": bool, "budget_ms": int, "window": int, "policy": str, "details": bool, "passage": str}
PASSAGE = ("highlight", "inner_hits")


def read_controls(headers: Headers, ext: object | None = None) -> Controls:
    """What header and body ask for. Where both speak: the lower limit, and "off" wins; the header names the policy.

    `ext` is the request's `ext` as parsed. Raises BadRequest, naming what is wrong.
    """
    header = _from_header(headers)
    body = _from_ext(ext)
    return Controls(
        enabled=min((one for one in (header.enabled, body.enabled) if one is not None), default=None),
        budget_ms=min((one for one in (header.budget_ms, body.budget_ms) if one is not None), default=None),
        window=min((one for one in (header.window, body.window) if one is not None), default=None),
        policy=header.policy if header.policy is not None else body.policy,
        details=header.details or body.details,
        passage=header.passage or body.passage,
    )


def _from_header(headers: Headers) -> Controls:
    value = b", ".join(value for name, value in headers if name.lower() == _NAME)
    if not value.strip():
        return Controls()
    try:
        parsed: Any = http_sf.parse(value, tltype="dictionary")
    except (ValueError, UnicodeDecodeError) as error:
        raise BadRequest(f"header Secondpass is not a dictionary as in RFC 9651: {error}") from error
    asked = {key: member[0] for key, member in parsed.items()}
    _check(asked, _HEADER_KEYS, "header Secondpass")
    if asked.get("on") and asked.get("off"):
        raise BadRequest("header Secondpass says both on and off")
    enabled = None
    if "on" in asked or "off" in asked:
        enabled = asked.get("on", True) and not asked.get("off", False)
    return Controls(
        enabled,
        asked.get("budget"),
        asked.get("window"),
        asked.get("policy"),
        asked.get("details", False),
        asked.get("passage"),
    )


def _from_ext(ext: object | None) -> Controls:
    if not isinstance(ext, Mapping) or ext.get(EXT) is None:
        return Controls()
    asked = ext[EXT]
    if not isinstance(asked, Mapping):
        raise BadRequest("[ext.secondpass] must be an object")
    asked = {key: value for key, value in asked.items() if value is not None}
    _check(asked, _BODY_KEYS, "[ext.secondpass]")
    return Controls(**asked)


def _check(asked: Mapping[str, object], kinds: Mapping[str, type], where: str) -> None:
    for key, value in asked.items():
        if key not in kinds:
            raise BadRequest(f"{where} knows no [{key}]; there is {', '.join(kinds)}")
        if type(value) is not kinds[key]:
            raise BadRequest(f"{where}: [{key}] must be of type {kinds[key].__name__}")
        if isinstance(value, int) and value < 0:
            raise BadRequest(f"{where}: [{key}] must not be negative")
        if key == "passage" and value not in PASSAGE:
            raise BadRequest(f"{where}: [passage] must be {' or '.join(PASSAGE)}")


def strip_header(headers: Headers) -> Headers:
    """Every field but ours, in order and spelling."""
    return [(name, value) for name, value in headers if name.lower() != _NAME]


def render_outcomes(outcomes: Sequence[Outcome]) -> bytes:
    """The value of `Secondpass-Rerank`: `applied;scored=100;cached=63;window=100;ms=41.2;model="m"`; for `_msearch` a
    list of them, one a search, in order.
    """
    return ", ".join(map(_item, outcomes)).encode("ascii")


def _item(outcome: Outcome) -> str:
    """Counts and model only where something was scored: a skipped search has nothing of them to tell."""
    said: list[str] = [outcome.state.value]
    if outcome.state in (State.APPLIED, State.PARTIAL):
        said += [f"scored={outcome.scored}", f"cached={outcome.cached}", f"window={outcome.window}"]
        said += [f"ms={round(float(outcome.ms), 1)}", f"model={_string(outcome.model)}"]
    if outcome.reason is not None:
        said.append(f"reason={outcome.reason.value}")
    if outcome.knn is not None:
        said.append(f"knn={outcome.knn.value}")
    if outcome.pages_unstable:
        said.append("pages=unstable")
    return ";".join(said)


@lru_cache(maxsize=256)
def _string(text: str) -> str:
    """RFC 9651's form of a string. The rest of an item is written as it is: numbers and tokens, 11 us of library."""
    return str(http_sf.ser(text))


def details(outcome: Outcome) -> dict[str, object]:
    """`ext.secondpass` of an answer whose caller asked for details."""
    return {
        "state": outcome.state.value,
        "reason": outcome.reason.value if outcome.reason else None,
        "scored": outcome.scored,
        "cached": outcome.cached,
        "window": outcome.window,
        "ms": round(outcome.ms, 1),
        "model": outcome.model,
        "activation": outcome.activation,
        "knn": outcome.knn.value if outcome.knn else None,
    }
